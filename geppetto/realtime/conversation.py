"""
The conversation as a state machine: questions and server events in, client events and happenings out.

No I/O and no clock. The driver calls `ask` and `receive`, acts on the `Happening`s they return, and sends what
`events_to_send` hands out. What changes the state of a conversation is here; `exchange` has the questions and their
responses, `updates` the settings.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.realtime import events
from geppetto.realtime import happenings as happened
from geppetto.realtime.exchange import Exchange
from geppetto.realtime.history import History
from geppetto.realtime.listening import ON_REQUEST
from geppetto.realtime.reply import IN_CONVERSATION, Reply
from geppetto.realtime.turns import Turns
from geppetto.realtime.updates import Updates
from geppetto.realtime.verdicts import is_harmless, is_nothing_to_cancel, session_ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geppetto.realtime import client_events
    from geppetto.realtime.client_events import SessionSettings
    from geppetto.realtime.events import ErrorDetails
    from geppetto.realtime.history import Said
    from geppetto.realtime.listening import Listening
    from geppetto.realtime.reply import Asking, Turn
    from geppetto.realtime.updates import Change

_SPOKEN_KEPT: Final = 64
"""Spoken questions whose transcripts may still come."""


class Conversation:
    """One conversation, over one connection after another."""

    def __init__(
        self,
        settings: SessionSettings,
        *,
        history_budget_chars: int,
        max_attempts: int,
        history: Iterable[Said] = (),
        transcription_model: str | None = None,
        listening: Listening = ON_REQUEST,
    ) -> None:
        """
        Start with `session.update` ready to be sent: waiting for `session.created` first gains nothing.

        Args:
            settings: of every session of this conversation, until they are changed.
            history_budget_chars: how much text a new session is told of the ones before it.
            max_attempts: how often a response that the rate limit refuses is asked for.
            history: what was said before, in other sessions.
            transcription_model: is asked for with the first spoken question: what nobody needs can't be refused.
            listening: how the server takes spoken questions.
        """
        self.history = History(history_budget_chars, history)
        """What a new session is told."""
        self._turns = Turns(max_attempts, listening)
        self._exchange = Exchange(self._turns, self.history, self._prepare)
        self._replies = self._exchange.replies
        self._updates = Updates(settings, self._turns.event_id)
        self._transcription_model = transcription_model
        self._listening = listening
        self._transcribing: Change | None = None
        self._spoken: OrderedDict[Turn, None] = OrderedDict()
        self.spoke = False
        """Whether the server has sent audio in this session: then its voice is locked."""
        self._turns.begin_session(self._updates.begin(), self.history.items)

    # --- what the driver calls

    def ask(self, question: str, asking: Asking = IN_CONVERSATION) -> tuple[Turn, Sequence[happened.Happening]]:
        """Queue *question*; it is sent now when nothing is being answered, else as soon as that is over."""
        turn = self._turns.queue(question, asking)
        return turn, self._exchange.next_turn()

    @property
    def settings(self) -> SessionSettings:
        """Those of the session, when it takes everything that it was asked for."""
        return self._updates.wanted

    def change(self, settings: SessionSettings) -> Change | None:
        """Ask for *settings*, which `SettingsHold` or `SettingsRefused` answers; None when nothing is different."""
        change, update = self._updates.change(settings)
        if update is None:
            return None
        self._turns.outbox.append(update)
        return change

    def receive(self, event: events.ServerEvent) -> Sequence[happened.Happening]:
        """Take what the server said and return what that means, in order."""
        match event:  # the first two are nearly all that comes
            case events.AudioDelta():
                self.spoke = True
                return self._exchange.audio(event)
            case events.TextDelta():
                return self._exchange.words(event)
            case events.SessionCreated():
                return [happened.SessionReady(session_id=event.session_id, expires_at=event.expires_at)]
            case events.SessionUpdated():
                change = self._updates.confirm()
                return [] if change is None else [happened.SettingsHold(change=change)]
            case events.AudioCommitted():
                self._committed(event.item_id)
            case events.InputTranscript():
                return self._heard(event)
            case events.InputTranscriptFailed():
                turn = self._take_spoken(event.item_id)
                return [] if turn is None else [happened.QuestionUnheard(turn=turn, error=event.error)]
            case events.ResponseCreated():
                if not self._replies.is_finished(event.response_id):
                    self._exchange.reply(event.response_id)
            case events.TextDone():
                if self._replies.is_finished(event.response_id):
                    return []
                return self._exchange.whole_text(event)
            case events.ResponseDone():
                return self._exchange.done(event)
            case events.ServerError():
                return self._error(event.error)
        return []

    def connection_lost(self) -> Sequence[happened.Happening]:
        """
        The session is gone. End what was open as partial, and make ready all that a new one must be told.

        That is `session.update`, the history, and the question that has no complete answer yet, asked again.
        """
        turn, self._turns.current = self._turns.current, None
        again = turn is not None and turn.refusal is None and not turn.withdrawn
        happenings: list[happened.Happening] = []
        begun = False
        for reply in self._replies.close_all("the connection was lost"):
            if turn is not None and reply.turn is turn:
                begun, reply.repeated = True, again
                reply.status, reply.error = turn.status_without_answer, turn.refusal
            happenings.append(happened.ReplyDone(reply=reply))
        self.spoke = False
        self._spoken.clear()  # their transcripts went with the session
        self._turns.begin_session(self._updates.begin(), self.history.items)
        if dropped := self.history.newly_dropped():
            happenings.append(happened.HistoryCut(dropped=dropped))
        if turn is not None and again:
            self._turns.waiting.appendleft(turn)
        elif turn is not None and not begun:
            lost = Reply(turn=turn, status=turn.status_without_answer, error=turn.refusal)
            happenings.append(happened.ReplyDone(reply=lost))
        return happenings + self._exchange.next_turn()

    def hold(self) -> None:
        """Ask nothing new: the present answer goes on, the next question waits for `resume` or a new session."""
        self._turns.held = True

    def resume(self) -> Sequence[happened.Happening]:
        """End a `hold` or the pause that the server wanted, and go on where that began."""
        self._turns.held = False
        turn = self._turns.paused
        if turn is None:
            return self._exchange.next_turn()
        self._turns.blocked = self._replies.active  # then it is asked for when that one is done
        if not self._turns.blocked:
            self._turns.ask_for_response(turn)
        return [happened.QuestionAsked(turn=turn)]

    def withdraw(self, turn: Turn) -> bool:
        """
        Take *turn* back. Return whether it is over with that, because nothing of it runs at the server.

        Otherwise its response is cancelled, and it ends with a `ReplyDone`, usually of status `cancelled`.
        """
        if self._turns.withdraw(turn):
            return True
        if turn is self._turns.current and not turn.cancel_event_id:
            self._turns.cancel(turn, self._exchange.reply_of(turn).response_id)
        return False

    def take_back(self, turn: Turn) -> Sequence[happened.Happening]:
        """Take back a spoken *turn* whose pieces were not all sent, and will not be: nothing of it runs."""
        self._turns.take_back(turn)
        return self._exchange.next_turn()

    def events_to_send(self) -> list[client_events.ClientEvent]:
        """Return what must be sent now, in order, and forget it."""
        if not self._turns.outbox:
            return []
        events, self._turns.outbox = self._turns.outbox, []
        return events

    @property
    def waiting(self) -> int:
        """How many questions have not been sent yet."""
        return len(self._turns.waiting)

    @property
    def expecting(self) -> bool:
        """Whether the server owes us something: an answer, or the end of what keeps questions waiting."""
        if self._turns.current is not None:
            return self._turns.paused is None or self._turns.blocked
        return self._replies.active and bool(self._turns.waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered, and the connection can be replaced."""
        return self._turns.current is None and not self._replies.active

    @property
    def open_replies(self) -> list[Reply]:
        """The replies that have begun and are not over: what is cut off when the connection ends now."""
        return self._replies.open

    # --- settings and spoken questions

    def _prepare(self, turn: Turn) -> None:
        """Say what must be said before *turn* is sent: whoever speaks wants to read what was heard."""
        if not turn.spoken:
            return
        self._spoken[turn] = None
        while len(self._spoken) > _SPOKEN_KEPT:
            self._spoken.popitem(last=False)
        if self._transcription_model and self._transcribing is None:
            wanted = attrs.evolve(self._updates.wanted, transcription_model=self._transcription_model)
            self._transcribing = self.change(wanted)

    def _committed(self, item_id: str) -> None:
        turn = self._turns.current
        if turn is not None and turn.spoken and not turn.item_id:
            turn.item_id = item_id

    def _heard(self, event: events.InputTranscript) -> list[happened.Happening]:
        turn = self._take_spoken(event.item_id)
        if turn is None:
            return []
        turn.heard = event.text.strip()
        self.history.heard(turn)
        return [happened.QuestionHeard(turn=turn, text=turn.heard)]

    def _take_spoken(self, item_id: str) -> Turn | None:
        """
        Return the spoken question that *item_id* names, once; where servers name none, the oldest.

        Servers that answer by themselves name another item than they committed, or commit without a word: the oldest.
        """
        unnamed = not item_id or (self._listening.answers and all(turn.item_id != item_id for turn in self._spoken))
        turn = next((turn for turn in self._spoken if unnamed or turn.item_id == item_id), None)
        if turn is not None:
            del self._spoken[turn]
        return turn

    # --- errors

    def _error(self, error: ErrorDetails) -> Sequence[happened.Happening]:
        ending = session_ending(error, self._updates.opening_id)
        if ending is not None and not is_nothing_to_cancel(error):
            return [happened.SessionOver(ending=ending)]
        if is_harmless(error):
            return []
        happenings = self._exchange.error(error)
        if happenings is not None:
            return happenings
        change = self._updates.refused(error)
        if change is None or change is self._transcribing:
            return [happened.Complaint(error=error)]
        return [happened.SettingsRefused(change=change, error=error)]
