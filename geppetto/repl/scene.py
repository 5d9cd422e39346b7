"""What the person sees of the session, as text: rows that are final, and the row that still grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.notices import Notice, Ready, Saved, Sound, Words
from geppetto.redaction import Redactor
from geppetto.repl.cells import cut, wrap
from geppetto.text import escape, escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geppetto.answer import Answer
    from geppetto.notices import ToDisplay

YOU = "You: "
_ECHOED_LINES = 12
"""A question with more lines is not repeated whole above its answer."""
_QUEUED_SHOWN = 2
_MIN_COLUMNS = 2
"""What a wide character takes."""
_TAB = " " * 4
_KEEPS_ALL = Redactor()
_STATUS_WORDS = {
    "failed": "missing: the server failed",
    "cancelled": "partial: it was cancelled",
    "incomplete": "partial: the server stopped early",
}


class Scene:
    """
    Turns what happens into rows. For one thread at a time.

    Questions that wait are shown below the answer that comes; each moves above its own answer when that begins.
    """

    def __init__(
        self, columns: Callable[[], int], *, colours: bool, quiet: bool = False, redactor: Redactor = _KEEPS_ALL
    ) -> None:
        """
        Begin with nothing.

        Args:
            columns: returns how wide the terminal is.
            colours: whether chatter is dimmed.
            quiet: no line of figures after answers.
            redactor: what it takes for the key is never shown, whoever said it.
        """
        self._columns = columns
        self._colours = colours
        self._quiet = quiet
        self._redactor = redactor
        self._redacted = redactor.stream()
        self._pending: dict[int, str] = {}
        """Questions without a whole answer; the first one's is coming."""
        self._complete: set[int] = set()
        self._speaking: int | None = None
        """The question whose answer `_tail` belongs to."""
        self._tail = ""
        self._held: list[ToDisplay] = []
        """Words of an answer whose forerunner is not saved yet."""

    def answered(self, answer: Answer) -> None:
        """Take note that *answer* is the last word on its question; for `Hooks.commit`, in whichever thread."""
        self._complete.add(answer.index)

    @property
    def answering(self) -> bool:
        """Whether a question has no whole answer yet."""
        return bool(self._pending)

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

    # --- what happens; each returns rows to be written above what is live

    def ask(self, index: int, question: str) -> list[str]:
        """Question *index* was asked."""
        self._pending[index] = question
        return self._echo(question) if len(self._pending) == 1 else []

    def withdraw(self, index: int) -> list[str]:
        """Question *index* was taken back before its answer began."""
        return [*self.notice("the question was taken back"), *self._over(index)]

    def notice(self, text: str) -> list[str]:
        """Something is to be told, which may hold text of the server's."""
        return [self._dim(f"  {escape_line(self._redactor.clean(text))}")]

    def say(self, text: str) -> list[str]:
        """We have something to say, in one or more lines."""
        return self._redactor.clean(escape(text)).split("\n")

    def show(self, things: Sequence[ToDisplay]) -> list[str]:
        """The session has told *things*."""
        rows: list[str] = []
        for thing in things:
            rows += self._show(thing)
        return rows

    def end(self) -> list[str]:
        """Nothing more comes: what was live is final."""
        return self._end_tail()

    def restart(self) -> list[str]:
        """A new session begins, and counts its questions anew."""
        rows = self._end_tail()
        self._pending.clear()
        self._complete.clear()
        self._held.clear()
        return rows

    # --- inside

    @property
    def _width(self) -> int:
        return max(_MIN_COLUMNS, self._columns())

    def _show(self, thing: ToDisplay) -> list[str]:
        match thing:
            case Words():
                if thing.index in self._pending and thing.index != next(iter(self._pending)):
                    self._held.append(thing)
                    return []
                return self._words(thing)
            case Saved():
                return self._saved(thing.answer)
            case Notice():
                return self.notice(thing.text)
            case Ready() | Sound():
                return []

    def _words(self, words: Words) -> list[str]:
        rows: list[str] = []
        if self._speaking != words.index:
            rows += self._end_tail()
            self._speaking = words.index
            self._tail = "Geppetto: "
        return rows + self._grow(self._redacted.feed(escape(words.text)))

    def _grow(self, text: str) -> list[str]:
        *lines, last = (self._tail + text.replace("\t", _TAB)).split("\n")
        rows = [row for line in lines for row in wrap(line, self._width)]
        *more, self._tail = wrap(last, self._width)
        return rows + more

    def _end_tail(self) -> list[str]:
        rows = self._grow(self._redacted.flush())
        if self._tail:
            rows.append(self._tail)
        self._tail = ""
        self._speaking = None
        return rows

    def _saved(self, answer: Answer) -> list[str]:
        if answer.index == 0:
            return self.notice(f"an answer that was not asked for here was saved{_file(answer)}")
        rows = self._end_tail() if answer.index == self._speaking else []
        if answer.status != "completed":
            why = f" ({answer.reason})" if answer.reason else ""
            rows += self.notice(f"the answer is {_STATUS_WORDS[answer.status]}{why}{_file(answer)}")
        elif not self._quiet:
            rows += self.notice(facts(answer))
        if answer.index in self._complete:
            rows += self._over(answer.index)
        return rows

    def _over(self, index: int) -> list[str]:
        """Go on with the next question, if *index* was the first of them."""
        self._complete.discard(index)
        was_first = index in self._pending and index == next(iter(self._pending))
        self._pending.pop(index, None)
        if not was_first or not self._pending:
            return []
        rows = self._echo(next(iter(self._pending.values())))
        held, self._held = self._held, []
        return rows + self.show(held)

    def _echo(self, question: str) -> list[str]:
        lines = escape(question).split("\n")
        rest = len(lines) - _ECHOED_LINES
        shown = [YOU + lines[0], *lines[1:]]
        return shown if rest <= 0 else [*shown[:_ECHOED_LINES], self._dim(f"  and {rest:,} more lines")]

    def _dim(self, row: str) -> str:
        return f"\x1b[2m{row}\x1b[0m" if self._colours else row


def facts(answer: Answer) -> str:
    """Return the line of figures for an answer: audio, latency, tokens, cost, file."""
    parts = []
    if answer.audio_file is not None:
        parts.append(f"{answer.audio_ms / 1000:.1f} s of audio")
        if answer.latency.first_audio_ms is not None:
            parts.append(f"first audio after {answer.latency.first_audio_ms / 1000:.2f} s")
    else:
        parts.append("no audio came")
    usage = answer.usage
    if usage.input_tokens or usage.output_tokens:
        cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
        parts.append(f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out")
    if answer.cost is not None:
        parts.append(str(answer.cost))
    return " · ".join(parts) + _file(answer)


def _file(answer: Answer) -> str:
    file = answer.audio_file or answer.transcript_file
    return f" · {file}" if file is not None else ""
