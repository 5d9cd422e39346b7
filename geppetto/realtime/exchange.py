"""
Questions and the responses to them: which belongs to which, what fails, and what is asked again.

A `Turn` is a question; a `Reply` is one response of the server. They are not the same thing: a response may come
that nobody asked for (another client on the same call, server-side turn detection), and a question may fail
before any response exists. Everything is routed by `response_id`, because responses can interleave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from geppetto.realtime import happenings as happened
from geppetto.realtime.reply import Reply
from geppetto.realtime.reply_book import ReplyBook
from geppetto.realtime.verdicts import (
    account_is_closed,
    fatal_ending,
    is_active_response,
    is_end_of_response,
    is_nothing_to_cancel,
    wait_s,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from geppetto.realtime import events
    from geppetto.realtime.events import ErrorDetails
    from geppetto.realtime.history import History
    from geppetto.realtime.reply import Turn
    from geppetto.realtime.turns import Turns


class Exchange(msgspec.Struct):
    """The turns and the replies of one conversation, which remembers in *history* what was said."""

    turns: Turns
    history: History
    _prepare: Callable[[Turn], None]
    """Called before a question is sent: what must be said first is put into the outbox."""
    replies: ReplyBook = msgspec.field(default_factory=ReplyBook)
    _truncations: set[str] = msgspec.field(default_factory=set)
    """Ids of events that may fail: the server had less of an answer than we, or knows no such event."""

    def next_turn(self) -> list[happened.Happening]:
        """Send the next question, unless something is being answered."""
        turn = None if self.replies.active else self.turns.take_next()
        if turn is None:
            return []
        self._prepare(turn)
        self.turns.send(turn)
        return [happened.QuestionAsked(turn=turn)]

    # --- a response

    def reply(self, response_id: str) -> Reply:
        """Return the reply that *response_id* names, beginning it when it is new."""
        reply = self.replies.find(response_id)
        if reply is not None:
            return reply
        turn = self.turns.answering
        if turn is None and not response_id:
            return self.replies.late("")  # nothing would tell its end
        if turn is not None and self.replies.of(turn) is not None:
            turn = None
        return self.replies.begin(response_id, turn)

    def words(self, event: events.TextDelta) -> list[happened.Happening]:
        """Take words of a response."""
        reply = self.reply(event.response_id)
        delta = reply.add_delta(event)
        return [happened.ReplyText(reply=reply, delta=delta)] if delta else []

    def whole_text(self, event: events.TextDone) -> list[happened.Happening]:
        """Take the whole text of a part of a response, and tell what of it is new."""
        reply = self.reply(event.response_id)
        rest = reply.add_final(event)
        return [happened.ReplyText(reply=reply, delta=rest)] if rest else []

    def audio(self, event: events.AudioDelta) -> list[happened.Happening]:
        """Take audio of a response."""
        reply = self.reply(event.response_id)
        reply.add_audio(event.item_id, event.content_index, len(event.pcm))
        return [
            happened.ReplyAudio(reply=reply, item_id=event.item_id, content_index=event.content_index, pcm=event.pcm)
        ]

    def done(self, event: events.ResponseDone) -> list[happened.Happening]:
        """End a response."""
        if self.replies.is_finished(event.response_id):
            return []
        if self.turns.answering is None and not self.replies.active and not event.output:
            return []  # the end of something that never began here, and that says nothing
        reply = self.reply(event.response_id)
        happenings: list[happened.Happening] = []
        missing = reply.add_output(event.output)
        if missing:
            happenings.append(happened.ReplyText(reply=reply, delta=missing))
        refusal = reply.turn.refusal if reply.turn is not None else None
        if refusal is not None:
            return happenings + self._finish(reply, "failed", error=refusal)
        reply.usage = event.usage
        if event.error is not None and reply.turn is not None and self.turns.may_repeat(reply.turn, event.error):
            return happenings + self._pause(reply, event.error)
        closed = event.error if event.error is not None and account_is_closed(event.error) else None
        self.turns.held |= closed is not None
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
        self.replies.close(reply)
        self.history.add(reply)
        happenings: list[happened.Happening] = [happened.ReplyDone(reply=reply)]
        if reply.turn is not None and reply.turn is self.turns.current:
            self.turns.current = None
            if reply.turn.truncate and status == "cancelled":
                event_id = self.turns.truncate(reply)
                if event_id:
                    self._truncations.add(event_id)
        if self.turns.current is not None and self.turns.blocked and not self.replies.active:
            self.turns.ask_for_response(self.turns.current)
        return happenings + self.next_turn()

    def _pause(self, reply: Reply, error: ErrorDetails) -> list[happened.Happening]:
        """End *reply* without ending its turn: a response is asked for once more after `resume`."""
        turn = reply.turn
        assert turn is not None
        reply.status, reply.error, reply.repeated = "failed", error, True
        self.replies.close(reply)
        self.turns.pause(turn)
        return [happened.ReplyDone(reply=reply), happened.RateLimited(turn=turn, error=error, wait_s=wait_s(error))]

    def error(self, error: ErrorDetails) -> list[happened.Happening] | None:
        """Take an error; None when it is about no question."""
        if error.event_id and error.event_id in self._truncations:
            self._truncations.discard(error.event_id)
            return []
        if is_nothing_to_cancel(error):
            return self._nothing_to_cancel(error)
        turn = self.turns.current
        if turn is None:
            return None
        if is_active_response(error):
            return self._active_response(turn, error)
        if error.event_id and turn.made(error.event_id):
            if turn.refusal is None:
                # The response was asked for in the same breath and would answer something else: stop it, then fail.
                turn.refusal = error
                self.turns.cancel(turn, self.reply_of(turn).response_id)
            return []
        if error.event_id and error.event_id == turn.response_event_id:
            reply = self.reply_of(turn)
            if turn.refusal is None and self.turns.may_repeat(turn, error):
                return self._pause(reply, error)
            return self._finish(reply, "failed", error=turn.refusal or error)
        if is_end_of_response(error) and self.turns.answering is turn:
            return self._finish(self.reply_of(turn), "failed", error=turn.refusal or error)
        return None

    def reply_of(self, turn: Turn) -> Reply:
        """Return the running reply to *turn*, or one that never began."""
        return self.replies.of(turn) or Reply(turn=turn)

    def _give_up(self, turn: Turn) -> list[happened.Happening]:
        """End a turn that was refused or withdrawn."""
        return self._finish(self.reply_of(turn), turn.status_without_answer, error=turn.refusal)

    def _nothing_to_cancel(self, error: ErrorDetails) -> list[happened.Happening]:
        """Treat as success; the turn that was to be cancelled ends here if its response never began."""
        turn = self.turns.current
        if turn is None or not turn.cancel_event_id or error.event_id not in {"", turn.cancel_event_id}:
            return []
        return self._give_up(turn)

    def _active_response(self, turn: Turn, error: ErrorDetails) -> list[happened.Happening]:
        """Give back the reply that was taken for ours, and ask again when it is over."""
        mistaken = self.replies.of(turn)
        if mistaken is not None:
            mistaken.turn = None
        if turn.cancel_event_id:
            return self._give_up(turn)
        if self.replies.active:
            self.turns.blocked = True
        elif turn.attempts == 1:
            self.turns.ask_for_response(turn)  # it has ended meanwhile
        elif self.turns.may_try_again(turn):
            return self._pause(Reply(turn=turn), error)  # a response that we know nothing of runs
        else:
            return self._finish(Reply(turn=turn), "failed", error=error)
        return []
