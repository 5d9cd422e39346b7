"""The questions of a conversation: which one is being answered, which ones wait, and what is said for them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from geppetto.audio.pcm import FRAME_BYTES, SAMPLE_RATE_HZ, duration_ms
from geppetto.realtime.client_events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    CommitAudio,
    CreateAudioItem,
    CreateResponse,
    CreateTextItem,
    TruncateItem,
)
from geppetto.realtime.listening import ON_REQUEST
from geppetto.realtime.reply import Turn
from geppetto.realtime.verdicts import is_rate_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from geppetto.realtime.client_events import (
        ClientEvent,
        UpdateSession,
    )
    from geppetto.realtime.events import ErrorDetails
    from geppetto.realtime.history import Said
    from geppetto.realtime.listening import Listening
    from geppetto.realtime.reply import Asking, Reply


_PIECE_BYTES = FRAME_BYTES * SAMPLE_RATE_HZ
"""A second: far below the 256 kB that a message may hold at some servers, and short enough to watch it go."""


class Turns(msgspec.Struct):
    """One question at a time is at the server; the others wait their turn here."""

    _max_attempts: int
    """How often a response is asked for while the server says that it is too busy."""
    _listening: Listening = ON_REQUEST
    outbox: list[ClientEvent] = msgspec.field(default_factory=list)
    """What is to be sent, in order."""
    current: Turn | None = None
    """The turn whose events were sent and whose answer is not over."""
    blocked: bool = False
    """The server would not start the current turn's response because another one was still active."""
    held: bool = False
    """Nothing new is asked: the session is about to be replaced, or the server wants a pause."""
    waiting: deque[Turn] = msgspec.field(default_factory=deque)
    _events_made: int = 0
    _turns_made: int = 0

    def event_id(self) -> str:
        """Return a new id for a client event, which an `error` echoes."""
        self._events_made += 1
        return f"geppetto_{self._events_made}"

    def begin_session(self, update: Sequence[UpdateSession], history: Iterable[Said] = ()) -> None:
        """Say what a new session must be told, and nothing else."""
        self.blocked = self.held = False
        self.outbox = [*update]
        self.outbox += [CreateTextItem(event_id=self.event_id(), role=said.role, text=said.text) for said in history]

    def queue(self, question: str, asking: Asking) -> Turn:
        """Put a question behind those that wait."""
        self._turns_made += 1
        turn = Turn(index=self._turns_made, question=question, asking=asking)
        self.waiting.append(turn)
        return turn

    def take_next(self) -> Turn | None:
        """Make the next question the current one, unless one is, or everything is held, or none waits."""
        if self.held or self.current is not None or not self.waiting:
            return None
        self.current = self.waiting.popleft()
        return self.current

    def send(self, turn: Turn) -> None:
        """Send the question *turn*, and ask for its response."""
        if not turn.asking.independent:
            turn.item_event_id = self.event_id()
            if turn.spoken:
                self.outbox += _pieces(turn, self._listening.silence_ms)
                if self._listening.answers:
                    turn.response_event_id = turn.item_event_id
                    turn.attempts += 1
                    return
            else:
                self.outbox.append(_message(turn))
        self.ask_for_response(turn)

    def ask_for_response(self, turn: Turn) -> None:
        """Send `response.create` for *turn*, whose item the server has."""
        turn.response_event_id = self.event_id()
        turn.attempts += 1
        self.blocked = False
        self.outbox.append(
            CreateResponse(
                event_id=turn.response_event_id,
                instructions=turn.asking.instructions,
                input=_message(turn) if turn.asking.independent else None,
            )
        )

    def cancel(self, turn: Turn, response_id: str) -> None:
        """Send `response.cancel` for *turn*; without an id for whichever response runs."""
        turn.cancel_event_id = self.event_id()
        self.outbox.append(CancelResponse(event_id=turn.cancel_event_id, response_id=response_id or None))

    def truncate(self, reply: Reply) -> str:
        """Let the server forget what of *reply* did not arrive here; return the id of the event, if there is one."""
        item_id, content_index = reply.last_part
        arrived_ms = duration_ms(reply.last_part_bytes)
        if not item_id or not arrived_ms:
            return ""
        event_id = self.event_id()
        self.outbox.append(
            TruncateItem(event_id=event_id, item_id=item_id, content_index=content_index, audio_end_ms=arrived_ms)
        )
        return event_id

    def take_back(self, turn: Turn) -> None:
        """End the current *turn*, whose pieces were not all sent."""
        turn.withdrawn = True
        self.current, self.blocked = None, False
        self.outbox.append(ClearAudio(event_id=self.event_id()))

    def withdraw(self, turn: Turn) -> bool:
        """Forget *turn* if nothing of it runs at the server; return whether that was so."""
        if turn in self.waiting:
            self.waiting.remove(turn)
            return True
        if turn is self.current:
            turn.withdrawn = True
            if self.answering is None:
                self.current, self.blocked = None, False
                return True
        return False

    @property
    def answering(self) -> Turn | None:
        """The current turn, if the server was asked for its response and has not put that off."""
        return None if self.blocked or self.paused is not None else self.current

    @property
    def paused(self) -> Turn | None:
        """The current turn, when its response has to be asked for again."""
        turn = self.current
        return turn if turn is not None and not turn.response_event_id else None

    def may_repeat(self, turn: Turn, error: ErrorDetails) -> bool:
        """Whether the response of *turn*, for which *error* came, is to be asked for once more."""
        return is_rate_limit(error) and self.may_try_again(turn)

    def may_try_again(self, turn: Turn) -> bool:
        """Whether anybody waits for the answer, and it was not asked for too often."""
        return not turn.withdrawn and turn.attempts < self._max_attempts

    def pause(self, turn: Turn) -> None:
        """Hold everything; the response of *turn* has to be asked for again."""
        turn.response_event_id = ""
        self.held = True


def _message(turn: Turn) -> CreateTextItem | CreateAudioItem:
    if turn.asking.pcm is not None:
        return CreateAudioItem(event_id=turn.item_event_id, pcm=turn.asking.pcm)
    return CreateTextItem(
        event_id=turn.item_event_id, role="user", text=turn.question, images=tuple(turn.asking.images)
    )


def _pieces(turn: Turn, silence_ms: int) -> Iterator[AppendAudio | CommitAudio]:
    """Yield what makes a spoken question, with *silence_ms* behind it."""
    assert turn.asking.pcm is not None
    pcm = memoryview(turn.asking.pcm)
    if silence_ms:
        odd = bytes(len(pcm) % FRAME_BYTES)
        pcm = memoryview(bytes(pcm) + odd + bytes(FRAME_BYTES * SAMPLE_RATE_HZ * silence_ms // 1000))
    for number, start in enumerate(range(0, len(pcm), _PIECE_BYTES), 1):
        yield AppendAudio(event_id=f"{turn.item_event_id}_{number}", pcm=pcm[start : start + _PIECE_BYTES])
    yield CommitAudio(event_id=turn.item_event_id)
