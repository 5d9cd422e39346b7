"""
What the tasks of one session share: the conversation, its questions under way, the log and the figures.

Everything here runs in the event loop's thread and never waits, except where a caller waits for room or for an
answer. The tasks get bound methods of it, so none of them knows another one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from geppetto.answer import Answer
from geppetto.errors import ConnectionLost
from geppetto.notices import Notice, Ready, Saved
from geppetto.question import Question
from geppetto.realtime.conversation import Conversation
from geppetto.realtime.decoding import BadMessage, decode
from geppetto.realtime.events import UnknownServerEvent
from geppetto.realtime.happenings import (
    Complaint,
    QuestionAsked,
    ReplyAudio,
    ReplyText,
    SessionReady,
)
from geppetto.records.metrics import Latency
from geppetto.records.wirelog import NOT_JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from geppetto.config import ClientConfig
    from geppetto.errors import GeppettoError
    from geppetto.notices import ToDisplay
    from geppetto.realtime.events import ClientEvent, ServerEvent
    from geppetto.realtime.happenings import (
        Happening,
    )
    from geppetto.realtime.reply import Reply, Turn
    from geppetto.records.metrics import Metrics
    from geppetto.records.recorder import SavedReply
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
        events_send: trio.MemorySendChannel[ClientEvent],
        display_send: trio.MemorySendChannel[ToDisplay],
        stall: StallWatch,
        now: Callable[[], datetime],
    ) -> None:
        """Begin a conversation: its `session.update` is handed to the sender at once."""
        self._config = config
        self._dialect = config.protocol
        self._conversation = Conversation(config.session_settings)
        self._log = log
        self._metrics = metrics
        self._events_send = events_send
        self._display_send = display_send
        self._stall = stall
        self._now = now
        self._questions: dict[Turn, Question] = {}
        self._settled = trio.Event()
        self._settled.set()
        self._room = trio.Event()
        self._bad_notices = 0
        self._opened = False
        self.session_id = ""
        self.unanswered = 0
        """Questions that ended `failed` or `cancelled`."""
        stall.expect("The opening of the session", config.connect_timeout)
        self._post()

    # --- questions

    def ask(self, text: str) -> Question:
        """Queue a question."""
        turn, happenings = self._conversation.ask(text)
        question = self._questions[turn] = Question(turn)
        if self._settled.is_set():
            self._settled = trio.Event()
        self._note(happenings)
        self._post()
        return question

    async def ask_when_room(self, text: str) -> None:
        """Queue a question from a stream of them; wait while `buffer_size` are waiting already."""
        while self._conversation.waiting >= self._config.buffer_size:
            self._room = trio.Event()
            await self._room.wait()
        self.ask(text)

    def withdraw(self, question: Question) -> None:
        """Take a question back: nobody waits for its answer any more. What has come of it is still saved."""
        if self._conversation.withdraw(question.turn):
            self._forget(question.turn)
        self._post()

    async def settled(self) -> None:
        """Wait until every question is answered and its files are closed."""
        await self._settled.wait()

    def fail_all(self, error: GeppettoError) -> None:
        """Tell everyone who still waits that there will be no answer."""
        for question in self._questions.values():
            question.error = error
            question.change()
        self._questions.clear()

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
            yield reply

    async def deliver(self, saved: SavedReply) -> None:
        """Make the answer of a saved reply, and hand it to whoever asked and to the display."""
        reply = saved.reply
        question = self._questions.get(reply.turn) if reply.turn is not None else None
        latency = question.latency(trio.current_time()) if question is not None else Latency()
        answer = Answer(
            index=reply.turn.index if reply.turn is not None else 0,
            question=reply.turn.question if reply.turn is not None else "",
            text=reply.text,
            status=reply.status or "cancelled",
            reason=str(reply.error) if reply.error is not None else reply.reason,
            audio_file=saved.audio_file,
            transcript_file=saved.transcript_file,
            audio_ms=saved.audio_ms,
            latency=latency,
            usage=reply.usage,
            response_id=reply.response_id,
            session_id=self.session_id,
        )
        self._metrics.answer(answer.status, answer.usage, latency)
        if reply.turn is not None and answer.status in {"failed", "cancelled"}:
            self.unanswered += 1
        await self._tell(Saved(answer))
        if question is not None:
            question.answer = answer
            question.change()
            self._forget(question.turn)
            if not self._questions:
                await self._tell(Ready())

    async def warn(self, sentence: str) -> None:
        """Show one sentence that is not from the server."""
        await self._tell(Notice(sentence))

    def note_rtt(self, rtt_s: float) -> None:
        """Take the round trip of a ping."""
        self._metrics.pong(rtt_s * 1000)

    # --- inside

    async def _tell(self, thing: ToDisplay) -> None:
        with suppress(trio.BrokenResourceError):  # the display failed, and with it the session
            await self._display_send.send(thing)

    def _forget(self, turn: Turn) -> None:
        self._questions.pop(turn, None)
        if not self._questions:
            self._settled.set()

    def _post(self) -> None:
        """Hand what must be said to the sender. Turns take their turns, so it is never more than a few events."""
        try:
            for event in self._conversation.events_to_send():
                self._events_send.send_nowait(event)
        except trio.WouldBlock as error:
            msg = "The server takes no messages. Check the network."
            raise ConnectionLost(msg) from error

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
            match happening:
                case SessionReady():
                    self._opened = True
                    self.session_id = happening.session_id
                    self._stall.relax()
                    if self._conversation.expecting:
                        self._stall.expect("The answer", self._config.read_timeout)
                case QuestionAsked():
                    self._questions[happening.turn].asked_at = trio.current_time()
                    if self._opened:
                        self._stall.expect("The answer", self._config.read_timeout)
                case ReplyText() | ReplyAudio():
                    self._note_arrival(happening)
                case Complaint():
                    self._metrics.error(happening.error.code or happening.error.type)
                case _:
                    pass

    def _note_arrival(self, happening: ReplyText | ReplyAudio) -> None:
        if isinstance(happening, ReplyAudio):
            self._metrics.audio(len(happening.pcm))
        turn = happening.reply.turn
        question = self._questions.get(turn) if turn is not None else None
        if question is None:
            return
        if isinstance(happening, ReplyAudio):
            question.first_audio_at = question.first_audio_at or trio.current_time()
        else:
            question.first_text_at = question.first_text_at or trio.current_time()
            question.pieces.append(happening.delta)
            question.change()

    def _bad_message(self, error: BadMessage) -> None:
        self._metrics.bad_message()
        self._bad_notices += 1
        if self._bad_notices <= _MAX_BAD_NOTICES:
            with suppress(trio.WouldBlock, trio.BrokenResourceError):  # it is counted and logged all the same
                self._display_send.send_nowait(Notice(f"the server sent {error}; it was skipped"))
