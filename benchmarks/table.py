"""What was measured, as rows of one table."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEAD = ("figure", "ours", "peer", "ratio", "target", "met")


@attrs.frozen(kw_only=True)
class Row:
    """One figure, alone or against a peer."""

    measure: str
    """Which measure it belongs to, such as `cpu`."""
    figure: str
    ours: float
    unit: str
    peer: str = ""
    """Who it is compared with; empty: nobody."""
    theirs: float | None = None
    ratio: float | None = None
    """The median of the ratios of the rounds, which is not the ratio of the medians."""
    most: float | None = None
    """What `ratio` may be at most, or without one what `ours` may; None is no target."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.most is None:
            return None
        return (self.ours if self.ratio is None else self.ratio) <= self.most

    def cells(self) -> tuple[str, ...]:
        """Return it as texts."""
        target = ""
        if self.most is not None:
            target = f"≤ {self.most:.3g} {self.unit}" if self.ratio is None else f"≤ {self.most:.3g} ×"
        return (
            self.figure,
            shown(self.ours, self.unit),
            f"{self.peer}: {shown(self.theirs, self.unit)}" if self.theirs is not None else self.peer,
            f"{self.ratio:.2f}" if self.ratio is not None else "",
            target,
            {None: "", True: "yes", False: "**no**"}[self.met],
        )


def shown(value: float, unit: str) -> str:
    """Return *value* with three digits that count, and its unit."""
    if value == inf:
        return "not to its end"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()


def table(rows: Iterable[Row]) -> str:
    """Return *rows* as a table in Markdown, as wide as its widest cells."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    texts = [_line(line, widths) for line in lines]
    return "\n".join((texts[0], rule, *texts[1:]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
