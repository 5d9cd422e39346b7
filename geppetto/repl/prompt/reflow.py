"""
Where a drawing is after the terminal became narrower.

Some terminals cut what does not fit any longer, others wrap it, and the cursor goes with its text. No terminal says
what it does, and the one is not told from the other by looking: so who starts us says it, by the environment.

What remains: in a terminal that wraps and does not say so, pieces of old rows stay above the prompt when it becomes
narrower; what was drawn in the very moment of the change is taken for wrapped though it was cut; and rows that the
change has pushed out of the screen cannot be erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.data_structures import Point
    from prompt_toolkit.layout.screen import Screen


def rows_above(drawn: Screen, cursor: Point, columns: int) -> int:
    """
    Return how many rows above the cursor *drawn* begins in a terminal that has wrapped it at *columns* cells.

    Args:
        drawn: what was drawn, each row with a line break behind it.
        cursor: where in *drawn* the cursor was left.
        columns: how wide the terminal is now.

    Where a terminal may have put the cursor into one row or the next (behind a last cell), it is the former: what is
    counted too few stays on the screen, what is counted too many would be erased though it is not ours.
    """
    above = sum(_row_of(_cells(drawn, y), None, columns) + 1 for y in range(cursor.y))
    return above + _row_of(_cells(drawn, cursor.y), cursor.x, columns)


def _cells(drawn: Screen, y: int) -> list[int]:
    """Return how many cells each character of row *y* takes, up to the last that can be seen."""
    row = drawn.data_buffer[y]
    end = max((x for x, char in row.items() if char.char.strip()), default=-1)
    cells: list[int] = []
    while sum(cells) <= end:
        cells.append(row[sum(cells)].width or 1)
    return cells


def _row_of(cells: list[int], x: int | None, columns: int) -> int:
    """Return in which of the rows that *cells* become the former cell *x* stands; None: the last cell."""
    row = used = start = 0
    for wide in cells:
        if used and used + wide > columns:
            row, used = row + 1, 0
        if x is not None and start >= x:
            return row
        start, used = start + wide, used + wide
    behind = 0 if x is None else x - start
    return row + max(0, used + behind - 1) // columns
