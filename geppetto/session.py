"""
What the tasks of one session share: the conversation, its questions under way, the log and the figures.

Everything here runs in the event loop's thread and never waits, except where a caller waits for room or for an
answer. The tasks get bound methods of it, so none of them knows another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from geppetto.connection.connect import backoff_s
from geppetto.delivery import Delivery
from geppetto.errors import Withdrawn
from geppetto.notices import ChatStatus, Notice
from geppetto.outgoing import Outgoing
from geppetto.question import Questions
from geppetto.realtime.conversation import Conversation
from geppetto.realtime.decoding import BadMessage, decode
from geppetto.realtime.events import UnknownServerEvent
from geppetto.realtime.happenings import Complaint, QuestionAsked, RateLimited, ReplyAudio, ReplyDone, SessionReady
from geppetto.realtime.reply import IN_CONVERSATION
from geppetto.records.wirelog import NOT_JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from geppetto.config import ClientConfig
    from geppetto.hooks import Hooks
    from geppetto.notices import ToDisplay
    from geppetto.pricing.cost import Cost
    from geppetto.question import Question
    from geppetto.realtime.events import ClientEvent, ServerEvent
    from geppetto.realtime.happenings import Happening
    from geppetto.realtime.history import Said
    from geppetto.realtime.reply import Asking, Reply
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Metrics
    from geppetto.records.wirelog import WireLog
    from geppetto.tasks.receive import StallWatch

_MAX_BAD_NOTICES = 20
"""Bad messages that get a line each; the rest are only counted, so that a flood of them is not a flood of lines."""


class Session:
    """The shared state of one session."""

    def __init__(
        self,
        config: ClientConfig,
        log: WireLog,
        metrics: Metrics,
        display_send: trio.MemorySendChannel[ToDisplay],
        stall: StallWatch,
        now: Callable[[], datetime],
        hooks: Hooks,
        cost_of: Callable[[Usage], Cost | None],
        history: Iterable[Said],
    ) -> None:
        """Begin a conversation, or go on with *history*; nothing is said before there is a connection."""
        self._config = config
        self._dialect = config.protocol
        self._conversation = Conversation(
            config.session_settings,
            history_budget_chars=config.history_budget,
            max_attempts=max(1, config.max_retries),
            history=history,
        )
        self._log = log
        self._metrics = metrics
        self._stall = stall
        self._now = now
        self._hooks = hooks
        self.questions = Questions()
        self.delivery = Delivery(self.questions, metrics, display_send, hooks, cost_of)
        self._room = trio.Event()
        self._bad_notices = 0
        self._rate_limits = 0
        self._opened = False
        self.outgoing = Outgoing()
        self._reply_over = trio.Event()
        self.answered_since_connected = False
        """Whether this connection has brought a whole answer."""
        self.opened = trio.Event()
        """Set when the present connection's session is open."""
        self.opened_once = trio.Event()
        """Set when the first session is open."""
        self.expires_at: float | None = None
        """When the server ends the present session, in Unix seconds."""
        self.pauses_send, self.pauses_receive = trio.open_memory_channel[float](16)
        """How long to wait, in seconds, before a rate-limited response is asked for again."""
        self._post()

    # --- questions

    def ask(self, text: str, asking: Asking = IN_CONVERSATION) -> Question:
        """
        Queue a question.

        Raises:
            GeppettoError: the session is over.
        """
        self.questions.check_open()
        turn, happenings = self._conversation.ask(text, asking)
        question = self.questions.add(turn)
        self._note(happenings)
        if self._opened and self._conversation.expecting and not self._stall.running:
            # It waits for the end of a response that nobody asked for, which may never come.
            self._stall.expect("The answer", self._config.read_timeout)
        self._post()
        return question

    async def ask_when_room(self, text: str) -> None:
        """Queue a question as `ask`; wait while `buffer_size` are waiting already."""
        while self._conversation.waiting >= self._config.buffer_size:
            self._room = trio.Event()
            await self._room.wait()
        self.ask(text)

    def withdraw(self, question: Question) -> None:
        """Take a question back: nobody waits for its answer any more. What has come of it is still saved."""
        if self._conversation.withdraw(question.turn):
            self.questions.forget(question.turn)
        self._post()

    def cancel(self) -> bool:
        """Cancel the answer that is under way; return whether there was one. See `Chat.cancel`."""
        question = self.questions.running
        if question is None:
            return False
        if self._conversation.withdraw(question.turn):
            self.questions.forget(question.turn)
            question.error = Withdrawn("The question was taken back before its answer began.")
            question.change()
        self._post()
        return True

    # --- connections

    def connected(self) -> None:
        """A new connection stands: its session has to open in time."""
        self._opened = False
        self.opened = trio.Event()
        self.expires_at = None
        self.answered_since_connected = False
        self._stall.expect("The opening of the session", self._config.connect_timeout)

    def disconnected(self) -> Iterable[Happening]:
        """The connection is gone: make ready what the next one must be told, and return what that means."""
        self._stall.relax()
        self.outgoing.clear()
        happenings = self._conversation.connection_lost()
        self._note(happenings)
        self._post()
        return happenings

    async def expiry(self) -> float | None:
        """Wait until the session is open; return when the server ends it, in Unix seconds."""
        await self.opened.wait()
        return self.expires_at

    def hold(self) -> None:
        """Ask nothing new on this connection."""
        self._conversation.hold()

    async def idle(self) -> None:
        """Wait until nothing is being answered."""
        while not self._conversation.idle:
            await self._reply_over.wait()

    def slow_down(self, pause_s: float) -> None:
        """Pass on that the server is at a limit of its own."""
        if self._hooks.slow_down is not None:
            self._hooks.slow_down(pause_s)

    @property
    def status(self) -> ChatStatus:
        """How it stands now."""
        running = self.questions.running
        return ChatStatus(
            connected=self._opened,
            session_id=self.delivery.session_id,
            expires_at=self.expires_at,
            answering=running.turn.index if running is not None else 0,
            waiting=self._conversation.waiting,
        )

    @property
    def history(self) -> Sequence[Said]:
        """What was said so far, as a new session would be told."""
        return self._conversation.history.items

    def resume(self) -> None:
        """Go on after a pause for the rate limit."""
        self._note(self._conversation.resume())
        self._post()

    # --- what the tasks call

    def speak(self, event: ClientEvent) -> str:
        """Return the wire's text of *event*; log and count it."""
        text = self._dialect.encode(event)
        self._log.note("sent", self._dialect.type_of(event), text, self._now())
        self._metrics.sent(len(text))
        return text

    def hear(self, message: str | bytes) -> Iterable[Happening]:
        """Log, count and understand one message, and return what it means."""
        self._metrics.received(len(message))
        try:
            kind, event = decode(message)
        except BadMessage as error:
            self._log.note("received", NOT_JSON, message, self._now())
            self._bad_message(error)
            return []
        self._log.note("received", kind, message, self._now())
        happenings = self._conversation.receive(event)
        self._progress(event)
        self._note(happenings)
        self._post()
        if self._conversation.waiting < self._config.buffer_size:
            self._room.set()
        return happenings

    def cut_off(self) -> Iterator[Reply]:
        """Yield the replies that are open now that the session is over; their status becomes `cancelled`."""
        for reply in self._conversation.open_replies:
            reply.status = "cancelled"
            reply.reason = "the session ended before the answer did"
            self.delivery.cut_off.add(reply)
            yield reply

    def note_rtt(self, rtt_s: float) -> None:
        """Take the round trip of a ping."""
        self._metrics.pong(rtt_s * 1000)

    # --- inside

    def _post(self) -> None:
        """Hand what must be said to the sender: an event or two, or a restored history."""
        self.outgoing.add(self._conversation.events_to_send())

    def _progress(self, event: ServerEvent) -> None:
        """Move the deadline for the next message: pushed on by all but events that nobody knows (heartbeats)."""
        if not self._opened:
            return
        if not self._conversation.expecting:
            self._stall.relax()
        elif not isinstance(event, UnknownServerEvent):
            self._stall.expect("The answer", self._config.read_timeout)

    def _note(self, happenings: Iterable[Happening]) -> None:
        """Keep clocks and figures."""
        for happening in happenings:
            self.questions.note(happening)
            match happening:
                case SessionReady():
                    self._opened = True
                    self.opened.set()
                    self.opened_once.set()
                    self.delivery.session_id = happening.session_id
                    self.expires_at = happening.expires_at
                    self._stall.relax()
                    if self._conversation.expecting:
                        self._stall.expect("The answer", self._config.read_timeout)
                case QuestionAsked():
                    if self._opened:
                        self._stall.expect("The answer", self._config.read_timeout)
                case ReplyAudio():
                    self._metrics.audio(len(happening.pcm))
                case ReplyDone():
                    self.answered_since_connected |= happening.reply.complete
                    self._reply_over.set()
                    self._reply_over = trio.Event()
                case RateLimited():
                    self._rate_limits += 1
                    self._metrics.error(happening.error.code or happening.error.type)
                    pause_s = backoff_s(self._rate_limits) if happening.wait_s is None else happening.wait_s
                    self.pauses_send.send_nowait(pause_s)
                    self.slow_down(pause_s)
                case Complaint():
                    self._metrics.error(happening.error.code or happening.error.type)
                case _:
                    pass

    def _bad_message(self, error: BadMessage) -> None:
        self._metrics.bad_message()
        self._bad_notices += 1
        if self._bad_notices <= _MAX_BAD_NOTICES:
            self.delivery.tell_now(Notice(f"the server sent {error}; it was skipped"))  # it is logged all the same
