"""Text in the cells of a terminal: how wide it is, and where a row ends."""

from __future__ import annotations

import re
from functools import lru_cache

from wcwidth import wcwidth

_CUT = "…"
_TABLE = re.compile(r" +(?:\S+(?: \S+)* {2,})?(?=\S)")
"""What stands before the text of a row, or before its second column."""


@lru_cache(maxsize=4096)
def _cells(character: str) -> int:
    return max(0, wcwidth(character))


def width(text: str) -> int:
    """Return how many cells *text* takes: two for CJK and most emoji, none for combining marks."""
    return sum(map(_cells, text))


def wrap(text: str, columns: int) -> list[str]:
    """
    Break *text*, which holds no newline, into rows of at most *columns* cells, at spaces where there are any.

    Nothing but the space at a break is left out. The last row is the one that can still grow; there is always one.
    A character that is wider than a whole row gets a row of its own.
    """
    rows = []
    start = used = 0
    space: int | None = None
    for at, character in enumerate(text):
        cells = _cells(character)
        while cells and used + cells > columns and at > start:
            if character == " ":
                rows.append(text[start:at])
                start, cells = at + 1, 0
            elif space is not None:
                rows.append(text[start:space])
                start = space + 1
            else:
                rows.append(text[start:at])
                start = at
            space = None
            used = width(text[start:at])
        if character == " " and start <= at:
            space = at
        used += cells
    return [*rows, text[start:]]


def wrap_below(text: str, columns: int) -> list[str]:
    """
    Break *text* as `wrap` does, and let the other rows begin below its text, or below the second column of a table.

    A column begins behind two spaces or more. Where that would leave half of a row or less, rows begin at the edge.
    """
    match = _TABLE.match(text)
    head = match[0] if match is not None else ""
    indent = width(head)
    if not 0 < 2 * indent < columns:
        return wrap(text, columns)
    rows = wrap(text[len(head) :], columns - indent)
    return [(" " * indent if at else head) + row for at, row in enumerate(rows)]


def cut(text: str, columns: int) -> str:
    """Return *text*, or as much of its beginning as fits into *columns* cells with an ellipsis."""
    if width(text) <= columns:
        return text
    kept, used = [], width(_CUT)
    for character in text:
        used += _cells(character)
        if used > columns:
            break
        kept.append(character)
    return "".join(kept) + _CUT if columns > 0 else ""
