"""What the person types, and what becomes of it: questions, interruptions, commands."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.errors import Ending, GeppettoError
from geppetto.repl.doing import Commands
from geppetto.repl.status_line import Status, minutes
from geppetto.repl.typed import Interrupt, Leave, Line
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from geppetto.chat import Chat
    from geppetto.config import ClientConfig
    from geppetto.notices import ChatStatus
    from geppetto.records.metrics import Metrics
    from geppetto.repl.prompt import Prompt
    from geppetto.repl.scene import Scene
    from geppetto.repl.typed import Gone
    from geppetto.stopper import Stopper

_LEAVE_WORDS = frozenset({".quit", ".exit", "/exit"})
_HINT = "Ctrl+C again or Ctrl+D leaves"


class Talk:
    """Belongs to the event loop's thread; never waits for the terminal."""

    def __init__(self, prompt: Prompt, scene: Scene, stopper: Stopper, metrics: Metrics) -> None:
        """Begin without a session; what is asked before there is one waits for it."""
        self._prompt = prompt
        self._scene = scene
        self._stopper = stopper
        self._metrics = metrics
        self.commands = Commands(self, metrics)
        self._config: ClientConfig | None = None
        self._chat: Chat | None = None
        self._early: deque[str] = deque()
        self._asked = 0
        """Questions of this session: the index of the last."""
        self._cancelled = 0
        """The index of the answer that was cancelled last."""
        self._hinted = False
        self._changed = trio.Event()
        self._wanted: ClientConfig | None = None
        self._status = Status()
        self._opened_at: tuple[str, float] | None = None
        """The session, and the event loop's time when it was first seen."""
        self._limit_s: float | None = None
        self._audio_before_s: tuple[int, float] = (0, 0.0)

    # --- sessions

    def opening(self, config: ClientConfig) -> None:
        """A session with *config* is being opened."""
        self._config = config
        self._asked = self._cancelled = 0
        self._changed = trio.Event()

    async def until_changed(self, chat: Chat) -> None:
        """
        Talk in *chat* until another configuration is wanted.

        Cancellation: leaves at once.
        """
        self._chat = chat
        try:
            while self._early:
                self._ask(chat, self._early.popleft())
            await self._changed.wait()
        finally:
            self._chat = None

    def take_wanted(self) -> ClientConfig | None:
        """Return the configuration that is wanted, once; None when none was asked for."""
        wanted, self._wanted = self._wanted, None
        return wanted

    # --- what is typed

    async def hear(self, typed: Line | Interrupt | Leave | Gone) -> None:
        """Do what was typed."""
        match typed:
            case Leave():
                self.leave()
            case Interrupt():
                self._interrupt(typed)
            case Line():
                self._hinted = False
                await self._line(typed)
        self.show_status()

    async def _line(self, line: Line) -> None:
        words = line.text.strip()
        if words in _LEAVE_WORDS:
            self.leave()
        elif line.text.startswith("/"):
            await self.commands.run(words)
        else:
            if line.at_once and self._chat is not None:
                self._cancel(self._chat)
            self.ask(self.commands.question(words))

    def _ask(self, chat: Chat, question: str) -> None:
        try:
            chat.stream(question)  # whoever wants the words gets them from the display
        except GeppettoError:
            return  # the session is over, and says why
        self._asked += 1
        index = self._asked
        self._prompt.post(lambda: self._scene.ask(index, question))

    def _interrupt(self, pressed: Interrupt) -> None:
        if self._chat is not None and self._cancel(self._chat):
            self._hinted = False
        elif self._hinted and not pressed.edited:
            self._stopper.stop(Ending(ExitStatus.INTERRUPTED, "Interrupted."))
        else:
            self._hinted = True
            self.notice(_HINT)

    def _cancel(self, chat: Chat) -> bool:
        """Cancel the answer that comes, once; return whether that was news."""
        index = chat.status.answering
        if not index or index == self._cancelled or not chat.cancel():
            return False
        self._cancelled = index
        if chat.status.answering != index:  # nothing of it had come, and nothing will
            self._prompt.post(lambda: self._scene.withdraw(index))
        return True

    # --- what commands do

    @property
    def config(self) -> ClientConfig | None:
        """The settings of the present session; None before the server is known."""
        return self._config

    @property
    def busy(self) -> bool:
        """Whether an answer comes, or there is no session."""
        return self._chat is None or self._chat.status.answering > 0 or self._chat.status.waiting > 0

    def ask(self, question: str) -> None:
        """Ask *question*, now or when there is a session."""
        if self._chat is not None:
            self._ask(self._chat, question)
        else:
            self._early.append(question)
            self.notice("this is asked when the session is open")

    def reopen(self, config: ClientConfig) -> None:
        """
        Go on in a new session with *config*, which is told what was said.

        The protocol locks the voice after the first audio, and the model from the start.
        """
        self._wanted = config
        self._chat = None
        self._changed.set()
        self._prompt.post(self._scene.restart)

    def say(self, text: str) -> None:
        """Show lines."""
        self._prompt.post(lambda: self._scene.say(text))

    def notice(self, text: str) -> None:
        """Show a remark."""
        self._prompt.post(lambda: self._scene.notice(text))

    def leave(self) -> None:
        """End it."""
        self._stopper.stop(Ending(ExitStatus.OK, ""))

    # --- the status line

    def show_status(self) -> None:
        """Show how it stands, if that has changed."""
        status = self._make_status()
        if status != self._status:
            self._status = status
            self._prompt.set_status(status)

    def _make_status(self) -> Status:
        chat, config = self._chat, self._config
        if config is None:
            return Status()
        settings = config.session_settings
        known = Status(model=config.model_name, voice=settings.voice or "", cost=self._cost())
        if chat is None:
            return known
        stands = chat.status
        if not stands.connected:
            return attrs.evolve(known, connection="reconnecting", waiting=stands.waiting)
        return attrs.evolve(
            known,
            connection="connected",
            receiving=self._receiving(stands),
            waiting=stands.waiting,
            rtt_ms=None if self._metrics.rtt_ms is None else round(self._metrics.rtt_ms),
            age_min=minutes(self._age_s(stands)),
            limit_min=None if self._limit_s is None else minutes(self._limit_s),
        )

    def _receiving(self, stands: ChatStatus) -> str:
        if not stands.answering:
            return ""
        if self._audio_before_s[0] != stands.answering:
            self._audio_before_s = (stands.answering, self._metrics.audio_s)
        audio_s = self._metrics.audio_s - self._audio_before_s[1]
        return f"receiving {audio_s:.0f} s of audio" if audio_s >= 1 else "receiving"

    def _age_s(self, stands: ChatStatus) -> float:
        """Return how old the session is; how long it may become is looked at when it is new."""
        now = trio.current_time()
        if self._opened_at is None or self._opened_at[0] != stands.session_id:
            self._opened_at = (stands.session_id, now)
            self._limit_s = None if stands.expires_at is None else stands.expires_at - time.time()
        return now - self._opened_at[1]

    def _cost(self) -> str:
        cost = self._metrics.cost
        if cost is None:
            return ""
        return f"at least {cost}" if self._metrics.unpriced_answers else str(cost)
