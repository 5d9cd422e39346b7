"""The loopback server as a process of its own, and what it tells."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.harness import BOUND_S, CHECKOUT, Broken, started

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


class Server:
    """A running loopback server. Made by `serving`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Read its port."""
        assert process.stdout is not None
        self._lines = process.stdout
        self._process = process
        first = self._lines.readline()
        if not first:
            raise Broken("the loopback server did not start")
        self.port = int(first)
        self.told: list[dict[str, float | str]] = []
        """What it has told so far; see `benchmarks/server.py`."""
        self._more = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for line in self._lines:
                with self._more:
                    self.told.append(json.loads(line))
                    self._more.notify_all()
        except ValueError:
            pass  # the pipe was closed under us: it is over

    def wait_for(self, what: str, after: int) -> dict[str, float | str]:
        """Return the first line about *what* behind the first *after* lines; wait for it."""
        with self._more:
            found: list[dict[str, float | str]] = []

            def told() -> bool:
                found[:] = [line for line in self.told[after:] if line["what"] == what]
                return bool(found)

            if not self._more.wait_for(told, BOUND_S):
                raise Broken(f"the server never saw {what}")
            return found[0]


@contextmanager
def serving(audio_s: float, delta_bytes: int = 4800, pace_s: float = 0.0, *, awake: bool = False) -> Iterator[Server]:
    """Start the server, yield it, and end it. One that is *awake* never sleeps, and tells nothing."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.server",
        "--audio-s",
        str(audio_s),
        "--delta-bytes",
        str(delta_bytes),
    ]
    flag = "--awake" if awake else "--tell"
    with started([*command, "--pace-s", str(pace_s), flag], CHECKOUT, server=True) as process:
        yield Server(process)
