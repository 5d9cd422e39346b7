"""A terminal that wraps anew what it shows when its width changes, as VTE, kitty, iTerm2 or Windows Terminal do."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs
from pyte.screens import HistoryScreen, StaticDefaultDict

if TYPE_CHECKING:
    from pyte.screens import Char

    Row = StaticDefaultDict[int, Char]


@attrs.define
class _Lines:
    """Lines as they were written, each of any length, and where the cursor is in them."""

    lines: list[list[Char]] = attrs.field(factory=list)
    line: int = 0
    offset: int = 0


class ReflowingScreen(HistoryScreen):
    """Knows which rows go on in the next one because they were full; only these become one line again."""

    _drawing = False

    def __init__(self, columns: int, lines: int, history: int = 10_000) -> None:
        """Begin empty."""
        self._going_on: dict[int, Row] = {}
        """Rows by their identity."""
        super().__init__(columns, lines, history=history)

    def draw(self, data: str) -> None:
        """Show *data*; a row that is full goes on in the next."""
        self._drawing = True
        super().draw(data)
        self._drawing = False

    def linefeed(self) -> None:
        """Begin another row."""
        if self._drawing:
            row = self.buffer[self.cursor.y]
            self._going_on[id(row)] = row
        super().linefeed()

    def erase_in_display(self, how: int = 0, *args: object, **kwargs: object) -> None:
        """Erase rows: they end where they end."""
        for y in range(self.cursor.y if how == 0 else 0, self.lines):
            self._going_on.pop(id(self.buffer[y]), None)
        super().erase_in_display(how, *args, **kwargs)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Wrap everything anew; the cursor stays with its text, the last rows stay in view."""
        lines, columns = lines or self.lines, columns or self.columns
        written = self._written()
        self._going_on.clear()
        rows: list[Row] = []
        for number, line in enumerate(written.lines):
            row = self._row(rows)
            x = 0
            for at, cell in enumerate(line):
                wide = 2 if line[at + 1 : at + 2] and not line[at + 1].data else 1
                if cell.data and x + wide > columns:
                    self._going_on[id(row)] = row
                    row, x = self._row(rows), 0
                if (number, at) == (written.line, written.offset):
                    cursor = len(rows) - 1, x
                row[x] = cell
                x += 1
            if number == written.line and written.offset >= len(line):
                behind = x + written.offset - len(line)
                down, right = (0, behind) if behind <= columns else divmod(behind, columns)
                cursor = len(rows) - 1 + down, right
                for _ in range(down):
                    self._going_on[id(row)] = row
                    row = self._row(rows)
        above = max(0, len(rows) - lines)
        self.history = self.history._replace(top=deque(rows[:above], self.history.top.maxlen))
        self.lines, self.columns = lines, columns
        self.buffer.clear()
        self.buffer.update(enumerate(rows[above:]))
        self.cursor.y, self.cursor.x = max(0, cursor[0] - above), cursor[1]
        self.set_margins()
        self.dirty.update(range(lines))

    def _row(self, rows: list[Row]) -> Row:
        rows.append(StaticDefaultDict(self.default_char))
        return rows[-1]

    def _written(self) -> _Lines:
        """Return what stands here and above as lines."""
        rows = [*self.history.top, *(self.buffer[y] for y in range(self.lines))]
        cursor = len(self.history.top) + self.cursor.y
        last = max([cursor, *(at for at, row in enumerate(rows) if any(cell.data.strip() for cell in row.values()))])
        found = _Lines()
        line: list[Char] = []
        for at, row in enumerate(rows[: last + 1]):
            cells = [row[x] for x in range(self.columns)]
            goes_on = id(row) in self._going_on
            while not goes_on and cells and cells[-1].data == " ":
                cells.pop()
            if at == cursor:
                found.line, found.offset = len(found.lines), len(line) + self.cursor.x
            line += cells
            if not goes_on or at == last:
                found.lines.append(line)
                line = []
        return found
