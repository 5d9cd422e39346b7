"""What the person types, and what becomes of it: questions, interruptions, commands."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import trio

from geppetto.errors import ChangeRefused, ConfigError, Ending, GeppettoError
from geppetto.repl.doing import Commands
from geppetto.repl.standing import Standing
from geppetto.repl.status_line import Status
from geppetto.repl.typed import Interrupt, Leave, Line
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.chat import Chat
    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics
    from geppetto.repl.earlier import Earlier
    from geppetto.repl.face import Face
    from geppetto.repl.request import Request
    from geppetto.repl.typed import Wish
    from geppetto.stopper import Stopper

_LEAVE_WORDS = frozenset({".quit", ".exit", "/exit"})
_HINT = "Ctrl+C again or Ctrl+D leaves"
_VERDICT_S = 3.0
"""How long the next line waits for what the server says of a setting: it is there after one round trip, or late."""
_LAST_LINE = "."
"""Ends a question of many lines, as in mail and ed."""


class Talk:
    """Belongs to the event loop's thread; never waits for the terminal, but for the editor."""

    def __init__(self, face: Face, stopper: Stopper, metrics: Metrics, earlier: Earlier) -> None:
        """Begin without a session; what is asked before there is one waits for it."""
        self._face = face
        self._stopper = stopper
        self._standing = Standing(metrics)
        self.commands = Commands(self, metrics, earlier)
        self._config: ClientConfig | None = None
        self._chat: Chat | None = None
        self._early: deque[Request] = deque()
        self._asked = 0
        """Questions of this session: the index of the last."""
        self._cancelled = 0
        """The index of the answer that was cancelled last."""
        self._hinted = False
        self._gathered: list[str] | None = None
        """Lines of a question that is not complete; None when none was begun."""
        self._running: trio.CancelScope | None = None
        """Around the command that is under way, which may wait for a disk or the server."""
        self._changed = trio.Event()
        self._wanted: ClientConfig | None = None
        self._status = Status()

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
                self._ask(chat, self._early.popleft(), typed=False)
            await self._changed.wait()
        finally:
            self._chat = None

    def take_wanted(self) -> ClientConfig | None:
        """Return the configuration that is wanted, once; None when none was asked for."""
        wanted, self._wanted = self._wanted, None
        return wanted

    # --- what is typed

    async def hear(self, typed: Wish) -> None:
        """Do what was typed."""
        match typed:
            case Leave():
                self._leave()
            case Interrupt():
                self._interrupt(typed)
            case Line():
                self._hinted = False
                await self._line(typed)
        self.show_status()
        self._face.heard(typed, more=self._gathered is not None)

    async def _line(self, line: Line) -> None:
        words = line.text.strip()
        if self._gathered is not None:
            if words == _LAST_LINE:
                self._end_gathering()
            else:
                self._gathered.append(line.text)
        elif words in _LEAVE_WORDS:
            self.leave()
        elif line.text.startswith("/"):
            await self._command(words)
        elif words:
            self._question(words, at_once=line.at_once, typed=True)

    async def _command(self, words: str) -> None:
        with trio.CancelScope() as self._running:
            await self.commands.run(words)
        if self._running.cancelled_caught:
            self.notice(f"{words.partition(' ')[0]} is not waited for any longer")
        self._running = None

    def interrupt_command(self) -> bool:
        """Stop waiting for the command that is under way; return whether there was one that waits."""
        if self._running is None:
            return False
        self._running.cancel()
        return True

    def _question(self, words: str, *, at_once: bool = False, typed: bool = False) -> None:
        """Ask *words*, which the person wrote, with the files that were named before."""
        self._face.keep(words)
        if at_once and self._chat is not None:
            self._cancel(self._chat, truncate=True)
        self.ask(self.commands.question(words), typed=typed)

    def _ask(self, chat: Chat, request: Request, *, typed: bool) -> None:
        try:
            request.put_to(chat)
        except ConfigError as error:
            self.notice(str(error))
            return
        except GeppettoError:
            return  # the session is over, and says why
        self._asked += 1
        self._face.asked(self._asked, request.shown, typed=typed)

    def _interrupt(self, pressed: Interrupt) -> None:
        if self._gathered is not None:
            self._gathered = None
            self.notice("what you began is dropped")
        elif self._chat is not None and self._cancel(self._chat):
            self._hinted = False
        elif self._hinted and not pressed.edited:
            self._stopper.stop(Ending(ExitStatus.INTERRUPTED, "Interrupted."))
        else:
            self._hinted = True
            self.notice(_HINT)

    def _leave(self) -> None:
        if self._gathered is None:
            self.leave()
        else:
            self._end_gathering()

    def _end_gathering(self) -> None:
        words = "\n".join(self._gathered or ()).strip()
        self._gathered = None
        if words:
            self._question(words, typed=True)
        else:
            self.notice("nothing was asked")

    def _cancel(self, chat: Chat, *, truncate: bool = False) -> bool:
        """
        Cancel the answer that comes, once; return whether that was news.

        With *truncate* the server, too, remembers no more of it than came: the next question may be about that.
        """
        index = chat.status.answering
        if not index or index == self._cancelled or not chat.cancel(truncate=truncate):
            return False
        self._cancelled = index
        if chat.status.answering != index:  # nothing of it had come, and nothing will
            self._face.withdrawn(index)
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

    @property
    def keys(self) -> Sequence[tuple[str, str]]:
        """The keys that mean something, for the help."""
        return self._face.keys

    def ask(self, request: Request, *, typed: bool = False) -> None:
        """Ask what *request* wants, now or when there is a session; *typed* if it is what was typed last."""
        if self._chat is not None:
            self._ask(self._chat, request, typed=typed)
        else:
            self._early.append(request)
            self.notice("this is asked when the session is open")

    def ask_now(self, words: str) -> None:
        """Interrupt the answer that comes, and ask *words*."""
        self._question(words, at_once=True, typed=True)

    def cancel(self) -> None:
        """
        Cancel the answer that comes.

        Raises:
            ConfigError: none comes.
        """
        if self._chat is None or not self._cancel(self._chat):
            raise ConfigError("no answer is coming that could be cancelled.")

    def gather(self) -> None:
        """Make one question of the lines that follow."""
        self._gathered = []
        self.notice("the lines that follow are one question: a line with a single . ends it, Ctrl+C drops it")

    async def edit(self) -> None:
        """Ask what the person writes in the editor."""
        words = (await self._face.edit()).strip()
        if words:
            self._question(words)

    async def change(self, name: str, config: ClientConfig) -> None:
        """
        Go on with *config*, in which the setting *name* is another.

        The present session is asked for it if it can have it. Otherwise, as for the model, or the voice once it has
        been heard, a new session goes on, which is told what was said.
        """
        value = getattr(config, name)
        now = f"{name} is now {'left to the server' if value in (None, '') else value}"
        settings, chat = config.session_settings, self._chat
        if chat is None or self._config is None or settings == self._config.session_settings:
            self._reopen(config)
            self.notice(f"{now}: a new session goes on with what was said")
        elif not chat.can_change(settings):
            self._reopen(config)
            self.notice(f"{now}: this session cannot change it any more, so a new one goes on with what was said")
        else:
            try:
                with trio.move_on_after(_VERDICT_S) as waited:
                    await chat.change(settings)
            except ChangeRefused as error:
                self.notice(str(error))
                return
            self._config = config
            if waited.cancelled_caught:
                now = f"{name} is asked for, and the server has not answered yet"
            self.notice(now)

    def _reopen(self, config: ClientConfig) -> None:
        self._wanted = config
        self._chat = None
        self._changed.set()
        self._face.restarted()

    def say(self, text: str) -> None:
        """Show lines."""
        self._face.say(text)

    def notice(self, text: str) -> None:
        """Show a remark."""
        self._face.notice(text)

    def leave(self) -> None:
        """End it."""
        self._stopper.stop(Ending(ExitStatus.OK, ""))

    # --- how it stands

    @property
    def status(self) -> Status:
        """How it stands now."""
        return self._standing.status(self._config, self._chat, len(self._early))

    def show_status(self) -> Status:
        """Show how it stands, if that has changed; return it."""
        status = self.status
        if status != self._status:
            self._status = status
            self._face.set_status(status)
        return status
