"""
What the tasks of one session share: the conversation, its questions under way, the log and the figures.

Everything here runs in the event loop's thread and never waits, except where a caller waits for room or for an
answer. The tasks get bound methods of it, so none of them knows another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from geppetto.asking import Asker
from geppetto.connection.connect import backoff_s
from geppetto.delivery import Delivery
from geppetto.notices import ChatStatus, Notice
from geppetto.outgoing import Outgoing
from geppetto.question import Questions
from geppetto.realtime.client_events import AppendAudio, CommitAudio
from geppetto.realtime.conversation import Conversation
from geppetto.realtime.events import UnknownServerEvent
from geppetto.realtime.happenings import (
    Complaint,
    QuestionAsked,
    RateLimited,
    ReplyAudio,
    ReplyDone,
    ReplyText,
    SessionOver,
    SessionReady,
)
from geppetto.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from geppetto.config import ClientConfig
    from geppetto.hooks import Hooks
    from geppetto.notices import ToDisplay
    from geppetto.pricing.cost import Cost
    from geppetto.realtime.client_events import ClientEvent
    from geppetto.realtime.happenings import Happening
    from geppetto.realtime.history import Said
    from geppetto.realtime.reply import Reply
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Metrics
    from geppetto.records.wirelog import WireLog
    from geppetto.tasks.receive import StallWatch


def _nobody(_seconds: float) -> None:
    """There is no connection."""


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
        *,
        logged: Callable[[], None],
    ) -> None:
        """
        Begin a conversation, or go on with *history*; nothing is said before there is a connection.

        *logged* is told whenever something is about to be noted in *log*.
        """
        self._config = config
        self._conversation = Conversation(
            config.session_settings,
            history_budget_chars=config.history_budget,
            max_attempts=max(1, config.max_retries),
            history=history,
            transcription_model=config.transcribes_with,
            listening=config.protocol.listening,
        )
        self._metrics = metrics
        self._stall = stall
        self._hooks = hooks
        self.questions = Questions()
        self.delivery = Delivery(self.questions, metrics, display_send, hooks, cost_of)
        self._wire = Wire(
            config.protocol, log, metrics, now, lambda text: self.delivery.tell_now(Notice(text)), logged
        )
        self._rate_limits = 0
        self._opened = False
        self.outgoing = Outgoing()
        self.asker = Asker(
            self._conversation,
            self.questions,
            self.outgoing,
            config.protocol,
            note=self._note,
            post=self._asked,
        )
        self._reply_over = trio.Event()
        self.answered_since_connected = False
        """Whether this connection has brought a whole answer."""
        self.opened_once = trio.Event()
        """Set when the first session is open."""
        self.expires_at: float | None = None
        """When the server ends the present session, in Unix seconds."""
        self._wait_out: Callable[[float], None] = _nobody
        self._watch_limit: Callable[[float], None] = _nobody
        self._post()

    # --- connections

    def connected(self, wait_out: Callable[[float], None], watch_limit: Callable[[float], None]) -> None:
        """
        A new connection stands: its session has to open in time.

        *wait_out* calls `resume` after so many seconds. *watch_limit* is told when the server ends the session, in
        Unix seconds, if it says so.
        """
        self._wait_out, self._watch_limit = wait_out, watch_limit
        self._opened = False
        self.expires_at = None
        self.answered_since_connected = False
        self._stall.expect("The opening of the session", self._config.opening_timeout)

    def disconnected(self) -> Iterable[Happening]:
        """The connection is gone: make ready what the next one must be told, and return what that means."""
        self._opened = False
        self._stall.relax()
        self.outgoing.clear()
        happenings = self._conversation.connection_lost()
        self._note(happenings)
        self._post()
        return happenings

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
            sending=running.sending if running is not None else None,
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
        text = self._wire.speak(event)
        if isinstance(event, AppendAudio | CommitAudio):
            self._spoken(event)
        return text

    def hear(self, messages: Sequence[str | bytes], happenings: list[Happening]) -> None:
        """
        Log, count and understand *messages*, which came together, and add to *happenings* what they mean.

        Nothing behind the end of the session is heard.

        Raises:
            GeppettoError: there is no going on; *happenings* holds what came before that.
        """
        progress = False
        n_before = len(happenings)
        receive = self._conversation.receive
        try:
            for event in self._wire.hear(messages):
                heard = receive(event)
                progress = progress or not isinstance(event, UnknownServerEvent)
                if heard:
                    happenings += heard
                    if isinstance(heard[-1], SessionOver):
                        break
        finally:
            self._note(happenings[n_before:])
        self._progress(progress=progress)
        self._post()

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

    def _asked(self) -> None:
        """Send what callers made of the conversation."""
        if self._opened and self._conversation.expecting and not self._stall.running:
            # A question waits for the end of a response that nobody asked for, which may never come.
            self._stall.expect("The answer", self._config.read_timeout)
        self._post()

    def _post(self) -> None:
        """Hand what must be said to the sender: an event or two, or a restored history."""
        events = self._conversation.events_to_send()
        if events:
            self.outgoing.add(events)

    def _spoken(self, event: AppendAudio | CommitAudio) -> None:
        """A part of a spoken question goes out: the answer cannot come before the last of them."""
        question = self.questions.running
        if question is None:
            return
        if isinstance(event, AppendAudio):
            question.sent_bytes += len(event.pcm)
        else:
            question.restart(trio.current_time())
        if self._opened:
            self._stall.expect("The answer", self._config.read_timeout)

    def _progress(self, *, progress: bool) -> None:
        """Move the deadline for the next message: pushed on by all but events that nobody knows (heartbeats)."""
        if not self._opened:
            return
        if not self._conversation.expecting:
            self._stall.relax()
        elif progress:
            self._stall.expect("The answer", self._config.read_timeout)

    def _note(self, happenings: Iterable[Happening]) -> None:
        """Keep clocks and figures."""
        now = trio.current_time()
        for happening in happenings:
            self.questions.note(happening, now)
            if isinstance(happening, ReplyAudio):
                self._metrics.audio(len(happening.pcm))
                continue
            if isinstance(happening, ReplyText):
                continue
            self.asker.changes.note(happening)
            match happening:
                case SessionReady():
                    begins, self._opened = not self._opened, True
                    self.opened_once.set()
                    self.delivery.session_id = happening.session_id
                    self.expires_at = happening.expires_at
                    if begins and self.expires_at is not None:
                        self._watch_limit(self.expires_at)
                    self._stall.relax()
                    if self._conversation.expecting:
                        self._stall.expect("The answer", self._config.read_timeout)
                case QuestionAsked():
                    if self._opened:
                        self._stall.expect("The answer", self._config.read_timeout)
                case ReplyDone():
                    self.answered_since_connected |= happening.reply.complete
                    self._reply_over.set()
                    self._reply_over = trio.Event()
                case RateLimited():
                    self._rate_limits += 1
                    self._metrics.error(happening.error.code or happening.error.type)
                    pause_s = backoff_s(self._rate_limits) if happening.wait_s is None else happening.wait_s
                    self._wait_out(pause_s)
                    self.slow_down(pause_s)
                case Complaint():
                    self._metrics.error(happening.error.code or happening.error.type)
                case _:
                    pass
