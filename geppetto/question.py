"""The questions under way, for those who wait for their answers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec
import trio

from geppetto.realtime.happenings import QuestionAsked, ReplyAudio, ReplyDone, ReplyText
from geppetto.records.metrics import Latency

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.errors import GeppettoError
    from geppetto.realtime.happenings import Happening
    from geppetto.realtime.reply import Turn


class Question(msgspec.Struct, eq=False):
    """Its clock, the words so far, and at last its answer."""

    turn: Turn
    asked_at: float | None = None
    first_text_at: float | None = None
    first_audio_at: float | None = None
    done_at: float | None = None
    sent_bytes: int = 0
    """Of a spoken question, since it was last begun."""
    pieces: deque[str] | None = None
    """The words that `Words` has not returned yet; None when there is no such reader."""
    answer: Answer | None = None
    error: GeppettoError | None = None
    """Why there will be no answer."""
    _waiting: trio.lowlevel.ParkingLot = msgspec.field(default_factory=trio.lowlevel.ParkingLot)

    def restart(self, now: float) -> None:
        """Start the clock: the question goes out, for the first time or again."""
        self.asked_at = now
        self.first_text_at = self.first_audio_at = self.done_at = None

    @property
    def sending(self) -> float | None:
        """How much of a spoken question has gone out, 0 to 1; None when none is on its way."""
        pcm = self.turn.asking.pcm
        if pcm is None or not self.turn.spoken or self.sent_bytes >= len(pcm):
            return None
        return self.sent_bytes / len(pcm)

    def hear(self, words: str, now: float) -> None:
        """Take words of the answer."""
        if self.first_text_at is None:
            self.first_text_at = now
        if self.pieces is not None:  # who waits for the whole answer is not woken for its words
            self.pieces.append(words)
            self.change()

    def hear_audio(self, now: float) -> None:
        """Take note of audio."""
        if self.first_audio_at is None:
            self.first_audio_at = now

    def change(self) -> None:
        """Wake whoever waits for the next piece or the answer."""
        if self._waiting:
            self._waiting.unpark_all()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.answer is not None or self.error is not None

    async def changes(self) -> None:
        """Wait for the next piece, or for the end."""
        await self._waiting.park()

    def latency(self) -> Latency:
        """Return how long things took, counted from the moment the question was sent."""

        def since_asked_ms(moment: float | None) -> float | None:
            return None if moment is None or self.asked_at is None else (moment - self.asked_at) * 1000

        return Latency(
            first_text_ms=since_asked_ms(self.first_text_at),
            first_audio_ms=since_asked_ms(self.first_audio_at),
            done_ms=since_asked_ms(self.done_at),
        )


class Questions:
    """The questions of a session that have no answer yet."""

    def __init__(self) -> None:
        """Start with none."""
        self._by_turn: dict[Turn, Question] = {}
        self._over: GeppettoError | None = None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_turn)

    def check_open(self) -> None:
        """Raise why the session is over, if it is."""
        if self._over is not None:
            raise self._over

    def add(self, turn: Turn) -> Question:
        """Take *turn* as a question without an answer."""
        question = self._by_turn[turn] = Question(turn)
        return question

    def get(self, turn: Turn | None) -> Question | None:
        """Return the question of *turn*; None when nobody waits for its answer."""
        return self._by_turn.get(turn) if turn is not None else None

    def note(self, happening: Happening, now: float) -> None:
        """Keep the clocks and the words."""
        if isinstance(happening, ReplyAudio):
            if (question := self.get(happening.reply.turn)) is not None:
                question.hear_audio(now)
        elif isinstance(happening, ReplyText):
            if (question := self.get(happening.reply.turn)) is not None:
                question.hear(happening.delta, now)
        elif isinstance(happening, ReplyDone):
            if (question := self.get(happening.reply.turn)) is not None:
                question.done_at = now
        elif isinstance(happening, QuestionAsked) and (question := self.get(happening.turn)) is not None:
            question.restart(now)
            question.sent_bytes = 0

    @property
    def running(self) -> Question | None:
        """The one whose answer was asked for first and is not over; None when nothing is being answered."""
        return next((question for question in self._by_turn.values() if question.asked_at is not None), None)

    def forget(self, turn: Turn) -> None:
        """Take *turn* out: it is answered, or nobody wants to know any more."""
        self._by_turn.pop(turn, None)

    def fail_all(self, error: GeppettoError) -> None:
        """Tell everyone who waits, and everyone who asks later, that there will be no answer."""
        self._over = error
        for question in self._by_turn.values():
            question.error = error
            question.change()
        self._by_turn.clear()


class Words(msgspec.Struct):
    """
    The words of an answer as they arrive; after a reconnect they begin anew. Make it in one step with its question.

    An iterator and no generator, so that leaving its loop early leaves nothing to be closed.
    """

    _asked: Question
    _pieces: deque[str] = msgspec.field(default_factory=deque)

    def __post_init__(self) -> None:
        """Have the words kept."""
        self._asked.pieces = self._pieces

    def __aiter__(self) -> Words:
        return self

    async def __anext__(self) -> str:
        while not self._pieces:
            if self._asked.error is not None:
                raise self._asked.error
            if self._asked.over:
                raise StopAsyncIteration
            await self._asked.changes()
        return self._pieces.popleft()
