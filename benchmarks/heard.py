"""When audio was handed on by Geppetto's Python API."""

from __future__ import annotations

import time
from array import array

import msgspec

from geppetto.records.metrics import Metrics


class Heard(Metrics):
    """Figures that also know when audio was handed on: decoded, on its way to whoever writes it."""

    at_us: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """An array: hundreds of sessions in one process shall not be larger than they are."""

    def audio(self, n_bytes: int) -> None:
        """Take one piece."""
        self.at_us.append(time.monotonic_ns() // 1000)
        super().audio(n_bytes)
