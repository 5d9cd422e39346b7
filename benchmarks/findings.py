"""What a measure is told, and what it returns."""

from __future__ import annotations

import attrs

from benchmarks.table import Row  # noqa: TC001 - attrs resolves it


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
