"""
The conversation as a state machine: questions and server events in, client events and happenings out.

No I/O and no clock. The driver calls `ask` and `receive`, acts on the `Happening`s they return, and sends what
`events_to_send` hands out. Everything that changes the state of a conversation is in this module.

A `Turn` is a question; a `Reply` is one response of the server. They are not the same thing: a response may come
that nobody asked for (another client on the same call, server-side turn detection), and a question may fail
before any response exists. Everything is routed by `response_id`, because responses can interleave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.realtime import events
from geppetto.realtime import happenings as happened
from geppetto.realtime.history import History
from geppetto.realtime.reply import IN_CONVERSATION, Reply
from geppetto.realtime.reply_book import ReplyBook
from geppetto.realtime.turns import Turns
from geppetto.realtime.verdicts import account_is_closed, fatal_ending, session_ending, wait_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from geppetto.realtime.events import ErrorDetails
    from geppetto.realtime.history import Said
    from geppetto.realtime.reply import Asking, Turn


class Conversation:
    """One conversation, over one connection after another."""

    def __init__(
        self,
        settings: events.SessionSettings,
        *,
        history_budget_chars: int,
        max_attempts: int,
        history: Iterable[Said] = (),
    ) -> None:
        """
        Start with `session.update` ready to be sent: waiting for `session.created` first gains nothing.

        Args:
            settings: of every session of this conversation.
            history_budget_chars: how much text a new session is told of the ones before it.
            max_attempts: how often a response that the rate limit refuses is asked for.
            history: what was said before, in other sessions.
        """
        self._settings = settings
        self.history = History(history_budget_chars, history)
        """What a new session is told."""
        self._turns = Turns(max_attempts)
        self._replies = ReplyBook()
        self._update_id = self._turns.begin_session(settings, self.history.items)
        """Of the `session.update` that has no answer yet; empty when it has one."""

    # --- what the driver calls

    def ask(self, question: str, asking: Asking = IN_CONVERSATION) -> tuple[Turn, Sequence[happened.Happening]]:
        """Queue *question*; it is sent now when nothing is being answered, else as soon as that is over."""
        turn = self._turns.queue(question, asking)
        return turn, self._next_turn()

    def receive(self, event: events.ServerEvent) -> Sequence[happened.Happening]:
        """Take what the server said and return what that means, in order."""
        match event:
            case events.SessionCreated():
                return [happened.SessionReady(session_id=event.session_id, expires_at=event.expires_at)]
            case events.SessionUpdated():
                self._update_id = ""
            case events.ResponseCreated():
                if not self._replies.is_finished(event.response_id):
                    self._reply(event.response_id)
            case events.TextDelta():
                return self._text(event.response_id, lambda reply: reply.add_delta(event))
            case events.TextDone():
                if self._replies.is_finished(event.response_id):
                    return []
                return self._text(event.response_id, lambda reply: reply.add_final(event))
            case events.AudioDelta():
                reply = self._reply(event.response_id)
                reply.audio_bytes += len(event.pcm)
                return [
                    happened.ReplyAudio(
                        reply=reply, item_id=event.item_id, content_index=event.content_index, pcm=event.pcm
                    )
                ]
            case events.ResponseDone():
                return self._done(event)
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
        self._update_id = self._turns.begin_session(self._settings, self.history.items)
        if dropped := self.history.newly_dropped():
            happenings.append(happened.HistoryCut(dropped=dropped))
        if turn is not None and again:
            self._turns.waiting.appendleft(turn)
        elif turn is not None and not begun:
            lost = Reply(turn=turn, status=turn.status_without_answer, error=turn.refusal)
            happenings.append(happened.ReplyDone(reply=lost))
        return happenings + self._next_turn()

    def hold(self) -> None:
        """Ask nothing new: the present answer goes on, the next question waits for `resume` or a new session."""
        self._turns.held = True

    def resume(self) -> Sequence[happened.Happening]:
        """End a `hold` or the pause that the server wanted, and go on where that began."""
        self._turns.held = False
        turn = self._turns.paused
        if turn is None:
            return self._next_turn()
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
            self._turns.cancel(turn, self._reply_of(turn).response_id)
        return False

    def events_to_send(self) -> list[events.ClientEvent]:
        """Return what must be sent now, in order, and forget it."""
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

    # --- turns and replies

    def _next_turn(self) -> list[happened.Happening]:
        """Send the next question, unless something is being answered."""
        turn = None if self._replies.active else self._turns.send_next()
        return [happened.QuestionAsked(turn=turn)] if turn is not None else []

    def _reply(self, response_id: str) -> Reply:
        """Return the reply that *response_id* names, beginning it when it is new."""
        reply = self._replies.find(response_id)
        if reply is not None:
            return reply
        turn = self._turns.answering
        if turn is None and not response_id:
            return self._replies.late("")  # nothing would tell its end
        if turn is not None and self._replies.of(turn) is not None:
            turn = None
        return self._replies.begin(response_id, turn)

    def _text(self, response_id: str, add: Callable[[Reply], str]) -> list[happened.Happening]:
        reply = self._reply(response_id)
        delta = add(reply)
        return [happened.ReplyText(reply=reply, delta=delta)] if delta else []

    def _done(self, event: events.ResponseDone) -> list[happened.Happening]:
        if self._replies.is_finished(event.response_id):
            return []
        if self._turns.answering is None and not self._replies.active and not event.output:
            return []  # the end of something that never began here, and that says nothing
        reply = self._reply(event.response_id)
        happenings: list[happened.Happening] = []
        missing = reply.add_output(event.output)
        if missing:
            happenings.append(happened.ReplyText(reply=reply, delta=missing))
        refusal = reply.turn.refusal if reply.turn is not None else None
        if refusal is not None:
            return happenings + self._finish(reply, "failed", error=refusal)
        reply.usage = event.usage
        if event.error is not None and reply.turn is not None and self._turns.may_repeat(reply.turn, event.error):
            return happenings + self._pause(reply, event.error)
        closed = event.error if event.error is not None and account_is_closed(event.error) else None
        self._turns.held |= closed is not None
        happenings += self._finish(reply, event.status, reason=event.reason, error=event.error)
        if closed is not None:
            happenings.append(happened.SessionOver(ending=fatal_ending(closed)))
        return happenings

    def _finish(
        self, reply: Reply, status: events.ResponseStatus, *, reason: str = "", error: ErrorDetails | None = None
    ) -> list[happened.Happening]:
        """End *reply*, and its turn with it; then the next question may go."""
        reply.status = status
        reply.reason = reason
        reply.error = error
        self._replies.close(reply)
        self.history.add(reply)
        happenings: list[happened.Happening] = [happened.ReplyDone(reply=reply)]
        if reply.turn is not None and reply.turn is self._turns.current:
            self._turns.current = None
        if self._turns.current is not None and self._turns.blocked and not self._replies.active:
            self._turns.ask_for_response(self._turns.current)
        return happenings + self._next_turn()

    # --- errors and rate limits

    def _pause(self, reply: Reply, error: ErrorDetails) -> list[happened.Happening]:
        """End *reply* without ending its turn: a response is asked for once more after `resume`."""
        turn = reply.turn
        assert turn is not None
        reply.status, reply.error, reply.repeated = "failed", error, True
        self._replies.close(reply)
        self._turns.pause(turn)
        return [happened.ReplyDone(reply=reply), happened.RateLimited(turn=turn, error=error, wait_s=wait_s(error))]

    def _error(self, error: ErrorDetails) -> list[happened.Happening]:
        if error.code == "response_cancel_not_active":
            return self._nothing_to_cancel(error)
        ending = session_ending(error, self._update_id)
        if ending is not None:
            return [happened.SessionOver(ending=ending)]
        turn = self._turns.current
        if turn is not None and error.code == "conversation_already_has_active_response":
            return self._active_response(turn, error)
        if turn is not None and error.event_id and error.event_id == turn.item_event_id:
            # The response was asked for in the same breath and would answer something else: stop it, then fail.
            turn.refusal = error
            self._turns.cancel(turn, self._reply_of(turn).response_id)
            return []
        if turn is not None and error.event_id and error.event_id == turn.response_event_id:
            reply = self._reply_of(turn)
            if turn.refusal is None and self._turns.may_repeat(turn, error):
                return self._pause(reply, error)
            return self._finish(reply, "failed", error=turn.refusal or error)
        return [happened.Complaint(error=error)]

    def _reply_of(self, turn: Turn) -> Reply:
        return self._replies.of(turn) or Reply(turn=turn)

    def _give_up(self, turn: Turn) -> list[happened.Happening]:
        """End a turn that was refused or withdrawn."""
        return self._finish(self._reply_of(turn), turn.status_without_answer, error=turn.refusal)

    def _nothing_to_cancel(self, error: ErrorDetails) -> list[happened.Happening]:
        """Treat as success; the turn that was to be cancelled ends here if its response never began."""
        turn = self._turns.current
        if turn is None or not turn.cancel_event_id or error.event_id not in {"", turn.cancel_event_id}:
            return []
        return self._give_up(turn)

    def _active_response(self, turn: Turn, error: ErrorDetails) -> list[happened.Happening]:
        """Give back the reply that was taken for ours, and ask again when it is over."""
        mistaken = self._replies.of(turn)
        if mistaken is not None:
            mistaken.turn = None
        if turn.cancel_event_id:
            return self._give_up(turn)
        if self._replies.active:
            self._turns.blocked = True
        elif turn.attempts == 1:
            self._turns.ask_for_response(turn)  # it has ended meanwhile
        elif self._turns.may_try_again(turn):
            return self._pause(Reply(turn=turn), error)  # a response that we know nothing of runs
        else:
            return self._finish(Reply(turn=turn), "failed", error=error)
        return []
