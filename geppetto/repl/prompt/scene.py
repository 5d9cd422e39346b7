"""What the person sees of the session above the prompt: rows that are final, and the row that still grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.repl.cells import cut, wrap, wrap_below
from geppetto.repl.telling import GEPPETTO, KEEPS_ALL, Telling
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geppetto.redaction import Redactor

_QUEUED_SHOWN = 2
_MIN_COLUMNS = 2
"""What a wide character takes."""
_TAB = " " * 4


class Scene(Telling):
    """
    Turns what happens into rows: pieces are rows, written above what is live.

    Questions that wait are shown below the answer that comes; each moves above its own answer when that begins.
    """

    def __init__(self, columns: Callable[[], int], *, quiet: bool = False, redactor: Redactor = KEEPS_ALL) -> None:
        """
        Begin with nothing.

        Args:
            columns: returns how wide the terminal is.
            quiet: no line of figures after answers.
            redactor: what it takes for the key is never shown, whoever said it.
        """
        super().__init__(quiet=quiet, redactor=redactor)
        self._columns = columns
        self._tail = ""
        """The row of the words that still grows."""

    @property
    def live(self) -> list[str]:
        """The rows that still change: the end of the answer that comes."""
        return wrap(self._tail, self._width)[-_QUEUED_SHOWN:] if self._tail else []

    @property
    def queued(self) -> list[str]:
        """A row for each of the first questions that wait, and one for the others."""
        waiting = [f"  queued: {escape_line(text)}" for text in list(self._pending.values())[1:]]
        if len(waiting) > _QUEUED_SHOWN:
            waiting[_QUEUED_SHOWN:] = [f"  and {len(waiting) - _QUEUED_SHOWN} more"]
        return [cut(row, self._width) for row in waiting]

    def ask(self, index: int, question: str, *, typed: bool = False) -> list[str]:
        """Question *index* was asked; what was typed has left the prompt, and is shown like any other."""
        self._pending[index] = question
        return self._echo(question) if len(self._pending) == 1 else []

    # --- how it looks

    @property
    def _width(self) -> int:
        return max(_MIN_COLUMNS, self._columns())

    def _chatter(self, text: str) -> list[str]:
        rows = wrap_below(f"  {text}", self._width)
        return [f"\x1b[2m{row}\x1b[0m" for row in rows]

    def _lines(self, lines: Sequence[str]) -> list[str]:
        return [row for line in lines for row in wrap_below(line, self._width)]

    def _begin_words(self) -> list[str]:
        self._tail = GEPPETTO
        return []

    def _grow(self, text: str) -> list[str]:
        *lines, last = (self._tail + text.replace("\t", _TAB)).split("\n")
        rows = [row for line in lines for row in wrap(line, self._width)]
        *more, self._tail = wrap(last, self._width)
        return rows + more

    def _end_line(self) -> list[str]:
        rows = [self._tail] if self._tail else []
        self._tail = ""
        return rows
