"""What the person sees of the session in plain lines: text that is only ever appended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.notices import Ready
from geppetto.repl.cells import cut
from geppetto.repl.telling import GEPPETTO, KEEPS_ALL, YOU, Telling
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.notices import ToDisplay
    from geppetto.redaction import Redactor

_QUEUED_CELLS = 72
"""As much of a question that waits as fits into a line of most terminals."""


class PlainScene(Telling):
    """
    Turns what happens into text: pieces are written as they are, one behind the other, without escape sequences.

    The terminal itself shows what is typed, and breaks the line behind it.
    """

    def __init__(self, *, quiet: bool = False, redactor: Redactor = KEEPS_ALL) -> None:
        """
        Begin with nothing.

        Args:
            quiet: no line of figures after answers.
            redactor: what it takes for the key is never shown, whoever said it.
        """
        super().__init__(quiet=quiet, redactor=redactor)
        self._open = False
        """Whether something stands in the last line."""
        self._prompted = False
        """Whether that is the prompt."""
        self._ready = False
        """Whether this session has been open."""
        self._busy = False
        """Whether something was typed that is not dealt with."""
        self._more = False
        """Whether what is typed belongs to a question that was begun."""

    def ask(self, index: int, question: str, *, typed: bool = False) -> list[str]:
        """Question *index* was asked; what was typed stands there already."""
        self._pending[index] = question
        if len(self._pending) > 1:
            return self._chatter(cut(f"queued: {escape_line(self._redactor.clean(question))}", _QUEUED_CELLS))
        return [] if typed else self._echo(question)

    def typed(self) -> list[str]:
        """A line was typed; the terminal has shown it with its line break."""
        self._open = self._prompted = False
        self._busy = True
        return []

    def pressed(self) -> list[str]:
        """Ctrl+C or Ctrl+D was pressed; the terminal may show the one as `^C`."""
        self._open = True
        self._prompted = False
        self._busy = True
        return []

    def heard(self, *, more: bool) -> list[str]:
        """What was typed is dealt with; *more* if what comes belongs to a question that was begun."""
        self._busy = False
        self._more = more
        return []

    def prompt(self) -> list[str]:
        """Return the prompt, when it is the person's turn and nothing of it stands there."""
        if not self._ready or self._busy or self._more or self._pending or self._prompted:
            return []
        pieces = [*self._end_line(), YOU]
        self._open = self._prompted = True
        return pieces

    def restart(self) -> list[str]:
        """A new session begins, and counts its questions anew."""
        self._ready = False
        return super().restart()

    # --- how it looks

    def _show(self, thing: ToDisplay) -> list[str]:
        self._ready |= isinstance(thing, Ready)
        return super()._show(thing)

    def _chatter(self, text: str) -> list[str]:
        return self._lines([f"  {text}"])

    def _lines(self, lines: Sequence[str]) -> list[str]:
        return [*self._end_line(), *(f"{line}\n" for line in lines)]

    def _begin_words(self) -> list[str]:
        pieces = [*self._end_line(), GEPPETTO]
        self._open = True
        return pieces

    def _grow(self, text: str) -> list[str]:
        if not text:
            return []
        pieces = self._end_line() if self._prompted else []
        self._open = not text.endswith("\n")
        return [*pieces, text]

    def _end_line(self) -> list[str]:
        pieces = ["\n"] if self._open else []
        self._open = self._prompted = False
        return pieces

    def _echo(self, question: str) -> list[str]:
        if not self._prompted:
            return super()._echo(question)
        first, *rest = super()._echo(question)[1:]  # behind the prompt that stands there, instead of a line break
        return [first.removeprefix(YOU), *rest]
