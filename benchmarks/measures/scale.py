"""
Many sessions in one process, each answered in real time: a piece of 4,800 bytes every 100 ms.

Everything is written: WAV, transcript, wire log. How late a piece is, is the time from the server's send to the
moment in which the client has it decoded. The client has one core for itself, the server the other one.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import attrs

from benchmarks.findings import Curve, Findings
from benchmarks.harness import Broken, percentile, place, rounds, run, say
from benchmarks.loopback import serving
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

DELTA_BYTES = 4_800
PACE_S = 0.1
OURS, PEER = "Geppetto", "trio-websocket + json"
MODULES = {OURS: "geppetto_api", PEER: "trio_defaults"}
MANY = 500
"""From here on there are targets, and more than one round."""
MOST_LATE_MS = {500: 15.0, 1_000: 250.0}
KEPT_UP_MS = 250.0
"""The p99 above which a process has fallen behind."""
MOST_SESSION_KB = 150.0
MOST_GROWTH_MS = 50.0
"""By how much the last third of the pieces may be later than the first before that is a backlog which grows."""


@attrs.frozen(kw_only=True)
class Crowd:
    """What came of some sessions."""

    p50_ms: float
    p99_ms: float
    growth_ms: float
    cpu_share: float
    peak_bytes: float
    server_late_ms: float
    trouble: str = ""
    """Why it did not get to its end; its figures are infinite then."""


def measure(quick: bool) -> Findings:
    """Measure it."""
    counts = (1, 10, 100) if quick else (1, 10, 100, 500, 1_000)
    audio_s = 5.0 if quick else 20.0
    crowds: dict[int, dict[str, list[Crowd]]] = {}
    for count in counts:
        both: dict[str, Callable[[], Crowd]] = {
            name: partial(_crowd, module, count, audio_s) for name, module in MODULES.items()
        }
        n_rounds = 3 if count >= MANY else 1
        crowds[count] = rounds(both, n_rounds, f"scale, {count:,} sessions", undisturbed=True)
    rows = [row for count in counts for row in _rows(crowds, count)]
    curves = []
    for name in MODULES:
        for plot, of in (("scale-lateness", "p99_ms"), ("scale-cpu", "cpu_share")):
            points = tuple((float(count), _middle(crowds[count][name], of)) for count in counts)
            points = tuple(point for point in points if point[1] < inf)
            curves.append(Curve(plot=plot, label=name, points=points))
    everyone = [one for by_name in crowds.values() for all_of in by_name.values() for one in all_of]
    late_ms = max(one.server_late_ms for one in everyone)
    notes = (
        f"Scale: the server itself was never more than {late_ms:.1f} ms late (p99).",
        _saturation(crowds),
        *dict.fromkeys(f"Scale: {one.trouble}" for one in everyone if one.trouble),
    )
    return Findings(rows=tuple(rows), curves=tuple(curves), notes=notes)


def _middle(crowds: list[Crowd], of: str) -> float:
    return percentile([getattr(crowd, of) for crowd in crowds], 0.5)


def _crowd(module: str, count: int, audio_s: float) -> Crowd:
    """Return what came of a crowd; one that is too large to get to its end is a finding, too."""
    try:
        return _whole_crowd(module, count, audio_s)
    except Broken as error:
        said = str(error).strip().splitlines()
        told = next((line for line in reversed(said) if "Error" in line or "Failed" in line), said[0])
        say(f"scale: {told}")
        return Crowd(
            p50_ms=inf, p99_ms=inf, growth_ms=inf, cpu_share=inf, peak_bytes=inf, server_late_ms=0.0,
            trouble=f"{module} with {count:,} sessions: {told.strip(' |')}",
        )  # fmt: skip


def _whole_crowd(module: str, count: int, audio_s: float) -> Crowd:
    with serving(audio_s, DELTA_BYTES, PACE_S) as server, place() as cwd:
        command = [sys.executable, "-m", f"benchmarks.crowds.{module}", str(server.port), str(count)]
        usage = run([*command, str(cwd), str(DELTA_BYTES)], cwd)
        told = json.loads(usage.stdout)
        if told["pieces"] != count * round(audio_s / PACE_S):
            raise Broken(f"{module} wrote {told['pieces']} pieces of audio in {count} sessions")
        return Crowd(
            p50_ms=told["p50_ms"],
            p99_ms=told["p99_ms"],
            growth_ms=told["last_third_p50_ms"] - told["first_third_p50_ms"],
            cpu_share=told["cpu_share"],
            peak_bytes=told["peak_bytes"],
            server_late_ms=max(float(line["late_ms"]) for line in server.told),
        )


def _rows(crowds: dict[int, dict[str, list[Crowd]]], count: int) -> list[Row]:
    sessions = f"{count:,} paced session{'s' if count > 1 else ''}"

    def row(figure: str, unit: str, of: str, factor: float = 1.0, most: float | None = None) -> Row:
        return Row(
            measure="scale",
            figure=f"{sessions}: {figure}",
            ours=_middle(crowds[count][OURS], of) * factor,
            unit=unit,
            peer=PEER,
            theirs=_middle(crowds[count][PEER], of) * factor,
            most=most,
        )

    rows = [
        row("lateness p50", "ms", "p50_ms"),
        row("lateness p99", "ms", "p99_ms", most=MOST_LATE_MS.get(count)),
        row("CPU of one core", "%", "cpu_share", 100.0),
    ]
    if count >= 1_000:
        rows.append(row("lateness, last third less first (p50)", "ms", "growth_ms", most=MOST_GROWTH_MS))
    if count > 1:
        ours, theirs = (_per_session_kb(crowds, name, count) for name in (OURS, PEER))
        most = MOST_SESSION_KB if count == 500 else None
        figure = f"{sessions}: memory of each above the first"
        rows.append(Row(measure="scale", figure=figure, ours=ours, unit="kB", peer=PEER, theirs=theirs, most=most))
    return rows


def _per_session_kb(crowds: dict[int, dict[str, list[Crowd]]], name: str, count: int) -> float:
    more = _middle(crowds[count][name], "peak_bytes") - _middle(crowds[1][name], "peak_bytes")
    return more / (count - 1) / 1000


def _saturation(crowds: dict[int, dict[str, list[Crowd]]]) -> str:
    """Return a sentence on how many sessions one core serves, by the largest crowd that it kept up with."""
    sentences = []
    for name in MODULES:
        kept_up = [
            count
            for count, by_name in crowds.items()
            if _middle(by_name[name], "cpu_share") < 0.9 and _middle(by_name[name], "p99_ms") < KEPT_UP_MS
        ]
        if not kept_up:
            sentences.append(f"{name} does not keep up with a single session")
            continue
        most = max(kept_up)
        share = _middle(crowds[most][name], "cpu_share")
        sentences.append(f"{name} takes {share:.0%} of a core for {most:,} sessions ({most / share:,.0f} a core)")
    return f"Scale: {'; '.join(sentences)}."
