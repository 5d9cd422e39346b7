"""
The conversation as a state machine: questions and server events in, client events and happenings out.

No I/O and no clock. The driver calls `ask` and `receive`, acts on the `Happening`s they return, and sends what
`events_to_send` hands out. Everything that changes the state of a conversation is in this module.

A `Turn` is a question; a `Reply` is one response of the server. They are not the same thing: a response may come
that nobody asked for (another client on the same call, server-side turn detection), and a question may fail
before any response exists. Everything is routed by `response_id`, because responses can interleave.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from geppetto.realtime.events import (
    AudioDelta,
    CancelResponse,
    ConversationItem,
    CreateResponse,
    CreateTextItem,
    IgnoredServerEvent,
    ResponseCreated,
    ResponseDone,
    ServerError,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    TextDone,
    UnknownServerEvent,
    UpdateSession,
)
from geppetto.realtime.happenings import (
    Complaint,
    QuestionAsked,
    ReplyAudio,
    ReplyDone,
    ReplyText,
    SessionOver,
    SessionReady,
)
from geppetto.realtime.reply import Reply, Turn
from geppetto.realtime.verdicts import account_is_closed, fatal_ending, settings_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geppetto.realtime.events import (
        ClientEvent,
        ErrorDetails,
        ResponseStatus,
        ServerEvent,
        SessionSettings,
    )
    from geppetto.realtime.happenings import (
        Happening,
    )

_REMEMBERED_RESPONSES = 256
"""How many finished responses are remembered, so that their late and duplicate events are known for what they are."""


class Conversation:
    """One conversation over one connection."""

    def __init__(self, settings: SessionSettings) -> None:
        """Start with `session.update` ready to be sent: waiting for `session.created` first gains nothing."""
        self._outbox: list[ClientEvent] = []
        self._events_made = 0
        self._turns_made = 0
        self._waiting: deque[Turn] = deque()
        self._current: Turn | None = None
        """The turn whose events were sent and whose reply is not over."""
        self._blocked = False
        """The server would not start the current turn's response because another one was still active."""
        self._replies: dict[str, Reply] = {}
        """Replies under way, by response id."""
        self._late: dict[str, Reply] = {}
        """What still came for a response after its `response.done`: kept, but nobody waits for it."""
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._update_id = self._event_id()
        self._updated = False
        self._outbox.append(UpdateSession(event_id=self._update_id, settings=settings))

    # --- what the driver calls

    def ask(self, question: str) -> tuple[Turn, Sequence[Happening]]:
        """Queue *question*; it is sent now when nothing is being answered, else as soon as that is over."""
        self._turns_made += 1
        turn = Turn(index=self._turns_made, question=question)
        self._waiting.append(turn)
        return turn, self._next_turn()

    def receive(self, event: ServerEvent) -> Sequence[Happening]:
        """Take what the server said and return what that means, in order."""
        match event:
            case SessionCreated():
                return [SessionReady(session_id=event.session_id, expires_at=event.expires_at)]
            case SessionUpdated():
                self._updated = True
            case ResponseCreated():
                self._reply(event.response_id)
            case TextDelta():
                return self._text(event.response_id, lambda reply: reply.add_delta(event))
            case TextDone():
                if event.response_id in self._finished:
                    return []
                return self._text(event.response_id, lambda reply: reply.add_final(event))
            case AudioDelta():
                reply = self._reply(event.response_id)
                reply.audio_bytes += len(event.pcm)
                return [
                    ReplyAudio(reply=reply, item_id=event.item_id, content_index=event.content_index, pcm=event.pcm)
                ]
            case ResponseDone():
                return self._done(event)
            case ServerError():
                return self._error(event.error)
            case ConversationItem() | IgnoredServerEvent() | UnknownServerEvent():
                pass
        return []

    def withdraw(self, turn: Turn) -> bool:
        """
        Take *turn* back. Return whether it is over with that, because it was never sent.

        A turn that was sent is cancelled at the server, and ends with a `ReplyDone` of status `cancelled`.
        """
        if turn in self._waiting:
            self._waiting.remove(turn)
            return True
        if turn is self._current:
            self._cancel(turn)
        return False

    def events_to_send(self) -> list[ClientEvent]:
        """Return what must be sent now, in order, and forget it."""
        events, self._outbox = self._outbox, []
        return events

    @property
    def unanswered(self) -> int:
        """How many questions have no complete answer yet."""
        return len(self._waiting) + (self._current is not None)

    @property
    def waiting(self) -> int:
        """How many questions have not been sent yet."""
        return len(self._waiting)

    @property
    def expecting(self) -> bool:
        """Whether the server owes us something."""
        return self._current is not None

    @property
    def open_replies(self) -> list[Reply]:
        """The replies that have begun and are not over: what is cut off when the connection ends now."""
        return [*self._replies.values(), *self._late.values()]

    # --- turns and replies

    def _event_id(self) -> str:
        self._events_made += 1
        return f"geppetto_{self._events_made}"

    def _next_turn(self) -> list[Happening]:
        """Send the next question, unless something is being answered."""
        if self._current is not None or self._replies or not self._waiting:
            return []
        turn = self._current = self._waiting.popleft()
        turn.item_event_id = self._event_id()
        self._outbox.append(CreateTextItem(event_id=turn.item_event_id, role="user", text=turn.question))
        self._create_response(turn)
        return [QuestionAsked(turn=turn)]

    def _create_response(self, turn: Turn) -> None:
        turn.response_event_id = self._event_id()
        self._blocked = False
        self._outbox.append(CreateResponse(event_id=turn.response_event_id))

    def _cancel(self, turn: Turn) -> None:
        reply = self._reply_of(turn)
        self._outbox.append(CancelResponse(event_id=self._event_id(), response_id=reply.response_id or None))

    def _reply(self, response_id: str) -> Reply:
        """Return the reply that *response_id* names, beginning it when it is new."""
        if not response_id and self._replies:
            return next(reversed(self._replies.values()))  # a server without ids: the one that runs
        if response_id in self._replies:
            return self._replies[response_id]
        if response_id and response_id in self._finished:
            return self._late.setdefault(response_id, Reply(response_id=response_id))
        turn = self._current
        if turn is not None and (self._blocked or any(other.turn is turn for other in self._replies.values())):
            turn = None
        reply = self._replies[response_id] = Reply(response_id=response_id, turn=turn)
        return reply

    def _text(self, response_id: str, add: Callable[[Reply], str]) -> list[Happening]:
        reply = self._reply(response_id)
        delta = add(reply)
        return [ReplyText(reply=reply, delta=delta)] if delta else []

    def _done(self, event: ResponseDone) -> list[Happening]:
        if event.response_id and event.response_id in self._finished:
            return []
        if self._current is None and not self._replies and not event.output:
            return []  # the end of something that never began here, and that says nothing
        reply = self._reply(event.response_id)
        happenings: list[Happening] = []
        missing = reply.add_output(event.output)
        if missing:
            happenings.append(ReplyText(reply=reply, delta=missing))
        refusal = reply.turn.refusal if reply.turn is not None else None
        if refusal is not None:
            happenings += self._finish(reply, "failed", error=refusal)
            return happenings
        reply.usage = event.usage
        happenings += self._finish(reply, event.status, reason=event.reason, error=event.error)
        if event.error is not None and account_is_closed(event.error):
            happenings.append(SessionOver(ending=fatal_ending(event.error)))
        return happenings

    def _finish(
        self, reply: Reply, status: ResponseStatus, *, reason: str = "", error: ErrorDetails | None = None
    ) -> list[Happening]:
        """End *reply*, and its turn with it; then the next question may go."""
        reply.status = status
        reply.reason = reason
        reply.error = error
        for key, known in list(self._replies.items()):
            if known is reply:
                del self._replies[key]
        if reply.response_id:
            self._finished[reply.response_id] = None
            while len(self._finished) > _REMEMBERED_RESPONSES:
                self._finished.popitem(last=False)
        happenings: list[Happening] = [ReplyDone(reply=reply)]
        if reply.turn is not None and reply.turn is self._current:
            self._current = None
        if self._current is not None and self._blocked and not self._replies:
            self._create_response(self._current)
        return happenings + self._next_turn()

    # --- errors

    def _error(self, error: ErrorDetails) -> list[Happening]:
        if error.code == "response_cancel_not_active":
            return self._nothing_to_cancel()
        ending = fatal_ending(error) if account_is_closed(error) else None
        if ending is None and not self._updated and settings_refused(error, self._update_id):
            ending = fatal_ending(error, settings=True)
        if ending is not None:
            return [SessionOver(ending=ending)]
        turn = self._current
        if turn is not None and error.code == "conversation_already_has_active_response":
            return self._active_response(turn)
        if turn is not None and error.event_id and error.event_id == turn.item_event_id:
            # The response was asked for in the same breath and would answer something else: stop it, then fail.
            turn.refusal = error
            self._cancel(turn)
            return []
        if turn is not None and error.event_id and error.event_id == turn.response_event_id:
            return self._finish(self._reply_of(turn), "failed", error=turn.refusal or error)
        return [Complaint(error=error)]

    def _reply_of(self, turn: Turn) -> Reply:
        return next((reply for reply in self._replies.values() if reply.turn is turn), Reply(turn=turn))

    def _nothing_to_cancel(self) -> list[Happening]:
        """Treat as success; a refused question whose response never began ends here."""
        turn = self._current
        if turn is None or turn.refusal is None:
            return []
        return self._finish(self._reply_of(turn), "failed", error=turn.refusal)

    def _active_response(self, turn: Turn) -> list[Happening]:
        """Give back the reply that was taken for ours, and ask again when it is over."""
        for reply in self._replies.values():
            if reply.turn is turn:
                reply.turn = None
        self._blocked = True
        if not self._replies:
            self._create_response(turn)  # it has ended meanwhile
        return []
