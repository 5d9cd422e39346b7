"""
Latency that is added: from the server's send to the words on a terminal, and to the bytes in the WAV.

The server writes into each word and each piece of audio when it was sent; all processes of a machine share the clock.
The words are those of a chat at a terminal (`--plain`): a scripted run shows an answer when it is whole. The Python
API and the SDK are asked, too, how soon after a question its first audio is handed on.
"""

from __future__ import annotations

import os
import statistics
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.findings import SHARES, Findings, percentiles
from benchmarks.frames import BYTES_PER_S, StampedPair
from benchmarks.harness import (
    BOUND_S,
    NEIGHBOURS,
    Broken,
    geppetto,
    peer,
    percentile,
    place,
    ratio,
    rounds,
    run,
    say,
    started,
)
from benchmarks.loopback import serving
from benchmarks.table import Row
from benchmarks.watching import Growth, Screen, wait_for_files

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_DELTA_BYTES = 4_800
IDLE_PACE_S = 0.02
FULL_DELTA_BYTES = 19_200
FULL_BYTES_PER_S = 50e6
MOST_STDOUT_MS = 5.0
MOST_WAV_MS = 250.0
"""One flush interval of the wire log; the WAV is to be no later."""
SDK = "openai SDK"


def measure(quick: bool) -> Findings:
    """Measure it."""
    n_idle, n_full, n_questions = (400, 2_000, 100) if quick else (5_000, 40_000, 1_000)
    say("latency, idle machine")
    words_ms, wav_ms, idle = NEIGHBOURS.undisturbed(partial(_stream, IDLE_DELTA_BYTES, n_idle, IDLE_PACE_S))
    rows = [
        *percentiles("latency", "wire → stdout, idle", words_ms, most_p99_ms=MOST_STDOUT_MS),
        *percentiles("latency", "wire → WAV, idle", wav_ms, most_p99_ms=MOST_WAV_MS),
    ]
    say("latency, 50 MB/s")
    pair_bytes = StampedPair(FULL_DELTA_BYTES).size_bytes
    words_ms, wav_ms, full = NEIGHBOURS.undisturbed(
        partial(_stream, FULL_DELTA_BYTES, n_full, pair_bytes / FULL_BYTES_PER_S)
    )
    rows += percentiles("latency", "wire → stdout, 50 MB/s", words_ms)
    rows += percentiles("latency", "wire → WAV, 50 MB/s", wav_ms)
    rows += _first_audio(n_questions, 3)
    return Findings(rows=tuple(rows), notes=(f"Idle: {idle}", f"50 MB/s: {full}"))


def _stream(delta_bytes: int, n_deltas: int, pace_s: float) -> tuple[list[float], list[float], str]:
    """Return how late words and audio of one answer at a terminal are, and a sentence about the server."""
    with serving(n_deltas * delta_bytes / BYTES_PER_S, delta_bytes, pace_s) as server, place() as cwd:
        ours, theirs = os.openpty()
        screen = Screen(ours)
        growth = Growth(cwd, delta_bytes)
        try:
            command = geppetto(server.port, "--plain", "--no-memory")
            with started(command, cwd, stdin=theirs, stdout=theirs, stderr=theirs) as process:
                screen.start()
                growth.start()
                server.wait_for("update", 0)
                os.write(ours, b"What is 6 times 7?\n")
                answered = server.wait_for("answered", 0)
                wait_for_files(cwd, BOUND_S)
                os.write(ours, b".quit\n")
                process.wait(BOUND_S)
                os.close(theirs)
                theirs = -1
                screen.join(BOUND_S)
        finally:
            if theirs >= 0:
                os.close(theirs)
            os.close(ours)
        audio_ms = growth.late_ms()
        if len(screen.late_ms) < n_deltas * 0.99 or len(audio_ms) < n_deltas * 0.99:
            raise Broken(f"of {n_deltas} words {len(screen.late_ms)} were shown, {len(audio_ms)} pieces were written")
        return screen.late_ms, audio_ms, f"the server itself was {answered['late_ms']:.2f} ms late (p99)."


def _first_audio(n_questions: int, n_rounds: int) -> list[Row]:
    with serving(0.2, awake=True) as server:  # to wake its processor takes longer than what either client does
        both: dict[str, Callable[[], list[float]]] = {
            "geppetto_api": partial(_ask_many, "geppetto_api", server.port, n_questions),
            "openai_sdk": partial(_ask_many, "openai_sdk", server.port, n_questions),
        }
        taken = rounds(both, n_rounds, f"latency, first audio of {n_questions:,} answers", undisturbed=True)
    rows = []
    for share, name in SHARES:
        ours = [percentile(one, share) for one in taken["geppetto_api"]]
        theirs = [percentile(one, share) for one in taken["openai_sdk"]]
        rows.append(
            Row(
                measure="latency",
                figure=f"question sent → first audio handed on, {name}",
                ours=statistics.median(ours),
                unit="ms",
                peer=SDK,
                theirs=statistics.median(theirs),
                ratio=ratio(ours, theirs),
                most=0.5 if name == "p50" else None,
            )
        )
    return rows


def _ask_many(name: str, port: int, n_questions: int) -> list[float]:
    with place() as cwd:
        told = run(peer(name, port, cwd / "answer.wav", n_questions), cwd).stdout
        return [float(word) for word in told.split()]
