"""
CPU seconds for an hour of received audio, by the size of its pieces.

A short answer and a long one, each with a process of its own; what the long one takes beyond the median of the short
ones is what the audio costs, and the start is not in it. Geppetto writes WAV, transcript and wire log, the peers the
same WAV alone.
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING

import attrs

from benchmarks.findings import Curve, Findings
from benchmarks.harness import Broken, digest, geppetto, only_wav, peer, place, ratio, rounds, run
from benchmarks.loopback import serving
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Usage
    from benchmarks.loopback import Server

SIZES_BYTES = (4_800, 19_200, 48_000)
SHORT_S = 1.0
OURS = "Geppetto"
FLOOR = "raw socket, nothing parsed"
PEERS = {
    "openai SDK": "openai_sdk",
    "trio-websocket + json": "trio_defaults",
    "websockets + orjson, no log": "websockets_orjson",
}
TARGETS = {"openai SDK": 0.30, "trio-websocket + json": 0.50, "websockets + orjson, no log": 1.2}
"""For pieces of 4,800 bytes."""


@attrs.frozen(kw_only=True)
class Taken:
    """What one contestant took."""

    usage: Usage
    wav: str
    """Tells its content from another one."""


def ours(port: int) -> Taken:
    """Ask one question with Geppetto."""
    with place() as cwd:
        usage = run(geppetto(port, "ask", "What is 6 times 7?"), cwd)
        return Taken(usage=usage, wav=digest(only_wav(cwd)))


def theirs(name: str, port: int) -> Taken:
    """Ask one question with a peer."""
    with place() as cwd:
        usage = run(peer(name, port, cwd / "answer.wav"), cwd)
        return Taken(usage=usage, wav=digest(only_wav(cwd)) if name != "floor" else "")


def contestants(port: int) -> dict[str, Callable[[], Taken]]:
    """Return everyone who reads from *port*."""
    everyone: dict[str, Callable[[], Taken]] = {OURS: partial(ours, port)}
    everyone |= {name: partial(theirs, module, port) for name, module in PEERS.items()}
    return {**everyone, FLOOR: partial(theirs, "floor", port)}


def same_wav(taken: dict[str, list[Taken]]) -> None:
    """
    See that all have written the same.

    Raises:
        Broken: not all have.
    """
    digests = {name: {one.wav for one in all_of} - {""} for name, all_of in taken.items()}
    wrong = sorted(name for name, seen in digests.items() if seen and seen != digests[OURS])
    if wrong or len(digests[OURS]) != 1:
        raise Broken(f"not the same WAV: {', '.join(wrong) or OURS}")


def measure(quick: bool) -> Findings:
    """Measure it."""
    long_s, n_rounds = (300.0, 3) if quick else (3600.0, 3)
    rows: list[Row] = []
    grown: dict[str, list[tuple[float, float]]] = {}
    notes: list[str] = []
    for size_bytes in SIZES_BYTES:
        what = f"CPU, pieces of {size_bytes:,} bytes"
        with serving(SHORT_S, size_bytes) as server:
            short = rounds(contestants(server.port), n_rounds, f"{what}, short answer")
        with serving(long_s, size_bytes) as server:
            long = rounds(contestants(server.port), n_rounds, f"{what}, long answer")
            notes.append(_server_share(server, size_bytes, long))
        same_wav(short)
        same_wav(long)
        cost = {name: _per_hour(short[name], long[name], long_s - SHORT_S) for name in long}
        rows += [_row(cost, name, size_bytes) for name in (*PEERS, FLOOR)]
        for name, values in cost.items():
            grown.setdefault(name, []).append((size_bytes, statistics.median(values)))
    curves = tuple(Curve(plot="cpu", label=name, points=tuple(points)) for name, points in grown.items())
    return Findings(rows=tuple(rows), curves=curves, notes=tuple(notes))


def _per_hour(short: list[Taken], long: list[Taken], audio_s: float) -> list[float]:
    start_s = statistics.median(one.usage.cpu_s for one in short)
    return [(one.usage.cpu_s - start_s) / audio_s * 3600 for one in long]


def _row(cost: dict[str, list[float]], name: str, size_bytes: int) -> Row:
    return Row(
        measure="cpu",
        figure=f"CPU per hour of audio, {size_bytes:,}-byte pieces",
        ours=statistics.median(cost[OURS]),
        unit="s",
        peer=name,
        theirs=statistics.median(cost[name]),
        ratio=ratio(cost[OURS], cost[name]),
        most=TARGETS.get(name) if size_bytes == SIZES_BYTES[0] else None,
    )


def _server_share(server: Server, size_bytes: int, long: dict[str, list[Taken]]) -> str:
    wall_s = sum(one.usage.wall_s for all_of in long.values() for one in all_of)
    busy = float(server.told[-1]["cpu_s"]) / wall_s
    return (
        f"CPU, pieces of {size_bytes:,} bytes: the server was busy for {busy:.0%} of the time that the clients took."
    )
