"""What a person is told of the session, and in which order, whatever it looks like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from geppetto.answer import CLIENT_CANCELLED
from geppetto.notices import Heard, Notice, Ready, Saved, Sound, Words
from geppetto.redaction import Redactor
from geppetto.text import escape, escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.answer import Answer
    from geppetto.notices import ToDisplay

YOU = "You: "
GEPPETTO = "Geppetto: "
_ECHOED_LINES = 12
"""A question with more lines is not repeated whole above its answer."""
KEEPS_ALL = Redactor()
_STATUS_WORDS = {
    "failed": "missing: the server failed",
    "cancelled": "partial: it was cancelled",
    "incomplete": "partial: the server stopped early",
}


class Telling(ABC):
    """
    Turns what happens into pieces for the terminal. For one thread at a time.

    Answers stand in the order of their questions: words of an answer whose forerunner is not saved yet are held. What
    a piece is, a row or a part of one, is for the subclass to say.
    """

    def __init__(self, *, quiet: bool, redactor: Redactor) -> None:
        """Begin with nothing; see the subclass."""
        self._quiet = quiet
        self._redactor = redactor
        self._redacted = redactor.stream()
        self._pending: dict[int, str] = {}
        """Questions without a whole answer; the first one's is coming."""
        self._complete: set[int] = set()
        self._speaking: int | None = None
        """The question whose words came last, if they did not end."""
        self._held: list[ToDisplay] = []
        """Words of an answer whose forerunner is not saved yet."""

    def answered(self, answer: Answer) -> None:
        """Take note that *answer* is the last word on its question; for `Hooks.commit`, in whichever thread."""
        self._complete.add(answer.index)

    @property
    def answering(self) -> bool:
        """Whether a question has no whole answer yet."""
        return bool(self._pending)

    # --- what happens; each returns pieces

    @abstractmethod
    def ask(self, index: int, question: str, *, typed: bool = False) -> list[str]:
        """Question *index* was asked; *typed* if it is what the person typed last."""

    def withdraw(self, index: int) -> list[str]:
        """Question *index* was taken back before its answer began."""
        return [*self.notice("the question was taken back"), *self._over(index)]

    def notice(self, text: str) -> list[str]:
        """Something is to be told, which may hold text of the server's."""
        return self._chatter(escape_line(self._redactor.clean(text)))

    def say(self, text: str) -> list[str]:
        """We have something to say, in one or more lines."""
        return self._lines(self._redactor.clean(escape(text)).split("\n"))

    def show(self, things: Sequence[ToDisplay]) -> list[str]:
        """The session has told *things*."""
        pieces: list[str] = []
        for thing in things:
            pieces += self._show(thing)
        return pieces

    def end(self) -> list[str]:
        """Nothing more comes."""
        return self._end_words()

    def restart(self) -> list[str]:
        """A new session begins, and counts its questions anew."""
        pieces = self._end_words()
        self._pending.clear()
        self._complete.clear()
        self._held.clear()
        return pieces

    # --- how it looks

    @abstractmethod
    def _chatter(self, text: str) -> list[str]:
        """Return *text*, one line that is not from the model."""

    @abstractmethod
    def _lines(self, lines: Sequence[str]) -> list[str]:
        """Return whole *lines*."""

    @abstractmethod
    def _begin_words(self) -> list[str]:
        """Say whose words follow."""

    @abstractmethod
    def _grow(self, text: str) -> list[str]:
        """Go on with the words of the answer: *text* may hold line breaks."""

    @abstractmethod
    def _end_line(self) -> list[str]:
        """End the line in which the words stand."""

    # --- inside

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
            case Heard():
                return self.notice(f"heard: {thing.text or 'nothing'}")
            case Ready() | Sound():
                return []

    def _words(self, words: Words) -> list[str]:
        pieces: list[str] = []
        if self._speaking != words.index:
            pieces += self._end_words()
            self._speaking = words.index
            pieces += self._begin_words()
        return pieces + self._grow(self._redacted.feed(escape(words.text)))

    def _end_words(self) -> list[str]:
        pieces = [*self._grow(self._redacted.flush()), *self._end_line()]
        self._speaking = None
        return pieces

    def _saved(self, answer: Answer) -> list[str]:
        if answer.index == 0:
            return self.notice(f"an answer that was not asked for here was saved{_file(answer)}")
        pieces = self._end_words() if answer.index == self._speaking else []
        if answer.status != "completed":
            why = f" ({answer.reason})" if answer.reason not in {"", CLIENT_CANCELLED} else ""
            pieces += self.notice(f"the answer is {_STATUS_WORDS[answer.status]}{why}{_file(answer)}")
        elif not self._quiet:
            pieces += self.notice(facts(answer))
        if answer.index in self._complete:
            pieces += self._over(answer.index)
        return pieces

    def _over(self, index: int) -> list[str]:
        """Go on with the next question, if *index* was the first of them."""
        self._complete.discard(index)
        was_first = index in self._pending and index == next(iter(self._pending))
        self._pending.pop(index, None)
        if not was_first or not self._pending:
            return []
        pieces = self._echo(next(iter(self._pending.values())))
        held, self._held = self._held, []
        return pieces + self.show(held)

    def _echo(self, question: str) -> list[str]:
        lines = self._redactor.clean(escape(question)).split("\n")
        rest = len(lines) - _ECHOED_LINES
        shown = self._lines([YOU + lines[0], *lines[1:_ECHOED_LINES]])
        return shown if rest <= 0 else [*shown, *self._chatter(f"and {rest:,} more lines")]


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
    if answer.cost is not None and answer.cost.usd:
        parts.append(str(answer.cost))
    return " · ".join(parts) + _file(answer)


def _file(answer: Answer) -> str:
    file = answer.audio_file or answer.transcript_file
    return f" · {file}" if file is not None else ""
