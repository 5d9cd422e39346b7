"""A question (`Turn`), and one response of the server with its words in order (`Reply`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec

from geppetto.errors import ConnectionEnded
from geppetto.realtime.events import TextDone
from geppetto.realtime.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.realtime.events import ErrorDetails, OutputText, ResponseStatus, TextDelta


MAX_CHARS = 8 * 1024 * 1024
"""Of one answer, which is held in memory; a model says some thousands at the most."""


@attrs.frozen(kw_only=True)
class Asking:
    """How a question is asked, beside its words."""

    instructions: str | None = None
    """For its answer alone, instead of the session's."""
    pcm: bytes | None = attrs.field(default=None, repr=False)
    """The question is spoken: PCM16, mono, 24,000 Hz; its words are then what the records call it."""
    images: Sequence[str] = attrs.field(default=(), repr=False)
    """Pictures that belong to the question, as `data:` URLs."""
    independent: bool = False
    """Out of band: the answer knows nothing of the conversation, and the conversation nothing of it."""
    tag: object = None
    """Whatever the caller wants to find again with the answer."""


IN_CONVERSATION = Asking()


class Turn(msgspec.Struct, eq=False, kw_only=True):
    """A question on its way: asked, sent, answered or refused."""

    index: int
    """1 for the first question of the conversation."""
    question: str
    asking: Asking = IN_CONVERSATION
    item_event_id: str = ""
    response_event_id: str = ""
    cancel_event_id: str = ""
    item_id: str = ""
    """What the server calls a spoken question, once it has said so."""
    heard: str = ""
    """What a transcribing model made of a spoken question, once that has come."""
    truncate: bool = False
    """When its response is cancelled, the server is to forget what did not arrive of it."""
    refusal: ErrorDetails | None = None
    """Why the server did not take the question."""
    attempts: int = 0
    """How many times a response was asked for."""
    withdrawn: bool = False
    """Nobody waits for the answer any more: it is not asked for again."""

    @property
    def spoken(self) -> bool:
        """Whether its pieces go into the server's audio buffer. Out of band there is none: it is sent as one item."""
        return self.asking.pcm is not None and not self.asking.independent

    def made(self, event_id: str) -> bool:
        """Whether *event_id* names its item, or a piece of it."""
        return bool(self.item_event_id) and (
            event_id == self.item_event_id or event_id.startswith(self.item_event_id + "_")
        )

    @property
    def status_without_answer(self) -> ResponseStatus:
        """How it ends when no answer comes."""
        return "failed" if self.refusal is not None else "cancelled"


_PIECES_KEPT = 256
"""Words that wait to be joined: a string for each takes ten times the memory of its letters."""


class _Part(msgspec.Struct):
    """The text of one content part."""

    final: str | None = None
    _joined: list[str] = msgspec.field(default_factory=list)
    _pieces: list[str] = msgspec.field(default_factory=list)

    def add(self, words: str) -> None:
        """Take words as they come."""
        self._pieces.append(words)
        if len(self._pieces) == _PIECES_KEPT:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    def end(self, text: str) -> None:
        """Take the whole text."""
        self.final = text
        self._joined.clear()
        self._pieces.clear()

    def missing_of(self, text: str) -> str:
        """Return what *text* has behind the words that came; nothing where it begins with others."""
        seen_chars = 0
        for piece in (*self._joined, *self._pieces):  # not joined: a long answer is in memory often enough
            if not text.startswith(piece, seen_chars):
                return ""
            seen_chars += len(piece)
        return text[seen_chars:]

    @property
    def begun(self) -> bool:
        """Whether there is some."""
        return self.final is not None or bool(self._pieces or self._joined)

    @property
    def text(self) -> str:
        return "".join((*self._joined, *self._pieces)) if self.final is None else self.final


class Reply(msgspec.Struct, eq=False, kw_only=True):
    """One response: its words part by part, its status at the end. Its audio is counted, never held."""

    response_id: str = ""
    turn: Turn | None = None
    """The question it answers; None when nobody here asked."""
    status: ResponseStatus | None = None
    """None while it runs."""
    reason: str = ""
    error: ErrorDetails | None = None
    usage: Usage = msgspec.field(default_factory=Usage)
    audio_bytes: int = 0
    last_part: tuple[str, int] = ("", 0)
    """The item and the content part that its last audio belongs to."""
    last_part_bytes: int = 0
    """Audio of that part so far."""
    repeated: bool = False
    """Whether its question is asked again, because the connection went away or the server was too busy."""
    _parts: dict[tuple[str, int], _Part] = msgspec.field(default_factory=dict)
    _chars: int = 0
    """Streamed so far."""

    @property
    def text(self) -> str:
        """The words so far, a line for each content part that has some."""
        return "\n".join(text for text in (part.text for part in self._parts.values()) if text)

    @property
    def complete(self) -> bool:
        """Whether this is the whole answer. `incomplete`, `cancelled` and `failed` ones are partial."""
        return self.status == "completed"

    @property
    def why_partial(self) -> str:
        """Why it is not the whole answer, in the server's words; empty when it is."""
        if self.complete:
            return ""
        if self.error is not None:
            return f"{self.status}: {self.error}"
        if self.status is None:
            return "the session ended before the answer did"
        return f"{self.status}: {self.reason}" if self.reason else self.status

    def add_audio(self, item_id: str, content_index: int, size_bytes: int) -> None:
        """Count audio that came."""
        self.audio_bytes += size_bytes
        part = (item_id, content_index)
        if part != self.last_part:
            self.last_part, self.last_part_bytes = part, 0
        self.last_part_bytes += size_bytes

    def add_delta(self, event: TextDelta) -> str:
        """
        Add words to their part and return what the reader sees now.

        Raises:
            ConnectionEnded: the answer is longer than `MAX_CHARS`.
        """
        if not event.delta:
            return ""  # and no part: the order of the parts is that of their first words
        part, lead = self._part(event.item_id, event.content_index)
        if part.final is not None:
            return ""  # after the whole text of the part, its pieces say nothing new
        self._chars += len(event.delta)
        if self._chars > MAX_CHARS:
            msg = f"The server sent an answer of more than {MAX_CHARS:,} characters. Ask who runs it."
            raise ConnectionEnded(msg)
        part.add(event.delta)
        return lead + event.delta

    def add_final(self, event: TextDone) -> str:
        """
        Take the whole text of a part and return what the reader has not seen of it.

        Where it differs from what was streamed, the record keeps the final text; a stream cannot be unsaid.
        """
        if not event.text:
            return ""
        part, lead = self._part(event.item_id, event.content_index)
        if part.final is not None:
            return ""
        rest = part.missing_of(event.text)
        part.end(event.text)
        return lead + rest if rest else ""

    def add_output(self, output: Sequence[OutputText]) -> str:
        """Take the words that `response.done` repeats, when none came before; return them."""
        if self.text:
            return ""
        return "".join(
            self.add_final(
                TextDone(
                    response_id=self.response_id,
                    item_id=part.item_id,
                    content_index=part.content_index,
                    text=part.text,
                )
            )
            for part in output
        )

    def _part(self, item_id: str, content_index: int) -> tuple[_Part, str]:
        """Return the part, and a line break when it begins after another one that has text."""
        key = (item_id, content_index)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = _Part()
        begins = not part.begun
        others = any(other.text for other in self._parts.values() if other is not part) if begins else False
        return part, "\n" if others else ""
