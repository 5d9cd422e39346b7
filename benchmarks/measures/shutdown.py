"""
Ctrl+C → exit: idle, with a conversation open and nothing to say, and in the middle of an answer.

The clock runs from the signal to the end of the process: its files are finished, its log closed, its Close sent.
"""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.findings import SHARES, Findings, percentiles
from benchmarks.harness import BOUND_S, Broken, geppetto, now_us, place, say, started
from benchmarks.loopback import serving

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.loopback import Server
    from benchmarks.table import Row

INTERRUPTED = 130
MOST_P99_MS = 150.0


def measure(quick: bool) -> Findings:
    """Measure it."""
    times = 10 if quick else 100
    rows: list[Row] = []
    for figure, audio_s, pace_s, most in (("idle", 1.0, 0.0, None), ("streaming", 3600.0, 0.02, MOST_P99_MS)):
        with serving(audio_s, pace_s=pace_s) as server:
            taken_ms = []
            for number in range(times):
                if number % 10 == 0:
                    say(f"shutdown, {figure}: {number} of {times}")
                taken_ms.append(_leave(server, whole=figure == "idle"))
        rows += percentiles("shutdown", f"Ctrl+C → exit, {figure}", taken_ms, SHARES[:2], most_p99_ms=most)
    return Findings(rows=tuple(rows))


def _leave(server: Server, *, whole: bool) -> float:
    """Interrupt a conversation behind its first answer, or within it, and return the milliseconds to its end."""
    with place() as cwd:
        command = geppetto(server.port)
        with started(command, cwd, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"What is 6 times 7?\n")
            process.stdin.flush()
            if whole:
                process.stdout.readline()
            else:
                _wait_for_audio(cwd)
            began_us = now_us()
            process.send_signal(signal.SIGINT)
            status = process.wait(BOUND_S)
            taken_ms = (now_us() - began_us) / 1000
        if status != INTERRUPTED:
            raise Broken(f"Ctrl+C ended it with {status}, not {INTERRUPTED}")
        if not any(cwd.rglob("*.wav")):
            raise Broken("what had come of the answer was not kept")
        return taken_ms


def _wait_for_audio(below: Path) -> None:
    """
    Wait until there is audio in a file.

    Raises:
        Broken: there never was.
    """
    deadline = time.monotonic() + BOUND_S
    while not any(file.stat().st_size > 20_000 for file in below.glob("audio_output/*.wav*")):
        if time.monotonic() > deadline:
            raise Broken("no audio was written")
        time.sleep(0.005)
