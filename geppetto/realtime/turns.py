"""The questions of a conversation: which one is being answered, which ones wait, and what is said for them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs

from geppetto.realtime.events import (
    CancelResponse,
    CreateAudioItem,
    CreateResponse,
    CreateTextItem,
    UpdateSession,
)
from geppetto.realtime.reply import Turn
from geppetto.realtime.verdicts import is_rate_limit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geppetto.realtime.events import ClientEvent, ErrorDetails, SessionSettings
    from geppetto.realtime.history import Said
    from geppetto.realtime.reply import Asking


@attrs.define
class Turns:
    """One question at a time is at the server; the others wait their turn here."""

    _max_attempts: int
    """How often a response is asked for while the server says that it is too busy."""
    outbox: list[ClientEvent] = attrs.field(factory=list)
    """What is to be sent, in order."""
    current: Turn | None = None
    """The turn whose events were sent and whose answer is not over."""
    blocked: bool = False
    """The server would not start the current turn's response because another one was still active."""
    held: bool = False
    """Nothing new is asked: the session is about to be replaced, or the server wants a pause."""
    waiting: deque[Turn] = attrs.field(factory=deque)
    _events_made: int = 0
    _turns_made: int = 0

    def event_id(self) -> str:
        """Return a new id for a client event, which an `error` echoes."""
        self._events_made += 1
        return f"geppetto_{self._events_made}"

    def begin_session(self, settings: SessionSettings, history: Iterable[Said] = ()) -> str:
        """Say what a new session must be told, and nothing else; return the id of its `session.update`."""
        self.blocked = self.held = False
        update_id = self.event_id()
        self.outbox = [UpdateSession(event_id=update_id, settings=settings)]
        self.outbox += [CreateTextItem(event_id=self.event_id(), role=said.role, text=said.text) for said in history]
        return update_id

    def queue(self, question: str, asking: Asking) -> Turn:
        """Put a question behind those that wait."""
        self._turns_made += 1
        turn = Turn(index=self._turns_made, question=question, asking=asking)
        self.waiting.append(turn)
        return turn

    def send_next(self) -> Turn | None:
        """Send the next question, unless one is being answered, or everything is held, or none waits."""
        if self.held or self.current is not None or not self.waiting:
            return None
        turn = self.current = self.waiting.popleft()
        if not turn.asking.independent:
            turn.item_event_id = self.event_id()
            self.outbox.append(_message(turn))
        self.ask_for_response(turn)
        return turn

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
    return CreateTextItem(event_id=turn.item_event_id, role="user", text=turn.question)
