"""What a crowd tells of itself."""

from __future__ import annotations

import json
import resource
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.frames import STAMP_BYTES
from benchmarks.harness import peak_bytes, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER_BYTES = 44


@attrs.define
class Clock:
    """The CPU and the time between the first question and the last answer."""

    _began: tuple[float, float] = attrs.field(factory=lambda: (time.monotonic(), time.process_time()))

    def taken_s(self) -> tuple[float, float]:
        """Return the seconds, and the seconds of CPU, so far."""
        return time.monotonic() - self._began[0], time.process_time() - self._began[1]


def raise_limit_of_files() -> None:
    """Allow as many sockets and files as the system lets us have."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def report(
    heard_at_us: Sequence[Sequence[int]], wavs: Sequence[Path], delta_bytes: int, streaming: tuple[float, float]
) -> None:
    """
    Print how late the pieces of audio were that came, by the times that their senders wrote into them.

    Args:
        heard_at_us: of each session, when each piece was there.
        wavs: of each session, in the same order.
        streaming: the seconds, and those of CPU, that it took to hear all.
    """
    peak = _own_peak_bytes()  # before this report takes memory of its own
    late_ms: list[float] = []
    thirds: tuple[list[float], list[float]] = ([], [])
    for at_us, wav in zip(heard_at_us, wavs, strict=True):
        with wav.open("rb") as file:
            file.seek(_HEADER_BYTES)
            pieces = iter(partial(file.read, delta_bytes), b"")
            sent_us = [int.from_bytes(piece[:STAMP_BYTES], "big") for piece in pieces]
        late = [(heard - sent) / 1000 for heard, sent in zip(at_us, sent_us, strict=True)]
        late_ms += late
        thirds[0].extend(late[: len(late) // 3])
        thirds[1].extend(late[-(len(late) // 3) :])
    wall_s, cpu_s = streaming
    figures = {
        "pieces": len(late_ms),
        "p50_ms": percentile(late_ms, 0.5),
        "p99_ms": percentile(late_ms, 0.99),
        "first_third_p50_ms": percentile(thirds[0], 0.5),
        "last_third_p50_ms": percentile(thirds[1], 0.5),
        "cpu_share": cpu_s / wall_s,
        "peak_bytes": peak,
    }
    print(json.dumps(figures))


def _own_peak_bytes() -> int:
    """Return the peak of the memory that is our own; what `wait4` tells begins with what our parent held."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return peak_bytes(resource.getrusage(resource.RUSAGE_SELF))
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
