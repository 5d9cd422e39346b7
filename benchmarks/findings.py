"""What a measure is told, and what it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from benchmarks.harness import percentile
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARES = ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))


@attrs.frozen(kw_only=True)
class Curve:
    """How a figure grows with the work, for a plot."""

    plot: str
    """The file that it is drawn in, without a suffix."""
    label: str
    points: tuple[tuple[float, float], ...]


@attrs.frozen(kw_only=True)
class Findings:
    """Of one measure."""

    rows: tuple[Row, ...]
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    """What belongs below the table, such as how busy the server was."""


def percentiles(
    measure: str,
    figure: str,
    taken_ms: Sequence[float],
    shares: Sequence[tuple[float, str]] = SHARES,
    *,
    most_p99_ms: float | None = None,
) -> list[Row]:
    """Return a row for each of *shares* of *taken_ms*; *most_p99_ms* is the target of the 99th percentile."""
    return [
        Row(
            measure=measure,
            figure=f"{figure}, {name} of {len(taken_ms):,}",
            ours=percentile(taken_ms, share),
            unit="ms",
            most=most_p99_ms if name == "p99" else None,
        )
        for share, name in shares
    ]
