"""Peak resident memory: by the length of an answer, and by the number of questions of a scripted run."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.findings import Curve, Findings
from benchmarks.harness import geppetto, peer, place, ratio, rounds, run, say, told_peak_bytes
from benchmarks.loopback import serving
from benchmarks.scripted import ask
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.loopback import Server

MB = 1e6
OURS, SDK = "Geppetto", "openai SDK"
MOST_GROWTH_MB = 2.0
MOST_OF_SDK = 0.6


def measure(quick: bool) -> Findings:
    """Measure it."""
    lengths_s = (60.0, 600.0) if quick else (60.0, 600.0, 3600.0)
    peaks: dict[float, dict[str, list[float]]] = {}
    for audio_s in lengths_s:
        with serving(audio_s) as server:
            both: dict[str, Callable[[], float]] = {OURS: partial(_ours_mb, server), SDK: partial(_sdk_mb, server)}
            peaks[audio_s] = rounds(both, 1 if quick else 3, f"memory, {audio_s / 60:.0f} minutes")
    first, last = peaks[lengths_s[0]], peaks[lengths_s[-1]]
    rows = (
        Row(
            measure="memory",
            figure=f"peak memory, {lengths_s[-1] / 60:.0f} min answer against 1 min",
            ours=statistics.median(last[OURS]) - statistics.median(first[OURS]),
            unit="MB",
            peer=SDK,
            theirs=statistics.median(last[SDK]) - statistics.median(first[SDK]),
            most=MOST_GROWTH_MB,
        ),
        Row(
            measure="memory",
            figure=f"peak memory, {lengths_s[-1] / 60:.0f} min answer",
            ours=statistics.median(last[OURS]),
            unit="MB",
            peer=SDK,
            theirs=statistics.median(last[SDK]),
            ratio=ratio(last[OURS], last[SDK]),
            most=MOST_OF_SDK,
        ),
        *_scripted((10, 300) if quick else (10, 10_000)),
    )
    curves = tuple(
        Curve(
            plot="memory",
            label=name,
            points=tuple((audio_s / 60, statistics.median(peaks[audio_s][name])) for audio_s in lengths_s),
        )
        for name in (OURS, SDK)
    )
    return Findings(rows=rows, curves=curves)


def _ours_mb(server: Server) -> float:
    with place() as cwd:
        return told_peak_bytes(run(geppetto(server.port, "ask", "What is 6 times 7?"), cwd)) / MB


def _sdk_mb(server: Server) -> float:
    with place() as cwd:
        return told_peak_bytes(run(peer("openai_sdk", server.port, cwd / "answer.wav"), cwd)) / MB


def _scripted(sizes: tuple[int, ...]) -> list[Row]:
    """Measure questions that are piped in, answered in text, in one conversation."""
    rows = []
    with serving(0.0) as server:
        for size in sizes:
            say(f"memory, {size:,} questions")
            peak_mb = told_peak_bytes(ask(server, size, "--modality", "text")) / MB
            figure = f"peak memory, scripted run of {size:,} questions"
            rows.append(Row(measure="memory", figure=figure, ours=peak_mb, unit="MB"))
    return rows
