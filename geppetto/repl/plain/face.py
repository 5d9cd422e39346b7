"""
The face of plain lines: for terminals that cannot draw, for screen readers, and for who wants that.

The terminal edits the line and shows what is typed; here lines are read, and text is appended, nothing more. A thread
of its own writes: a terminal can be stopped with Ctrl+S, and nobody else is to wait for it. What is to be shown is
brought to that thread as *works*: callables that return pieces of text.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import aclosing
from queue import SimpleQueue
from typing import TYPE_CHECKING

import trio

from geppetto.errors import GeppettoError, Stopped
from geppetto.repl.commands import PLAIN_KEYS
from geppetto.repl.terminal import Terminal
from geppetto.repl.typed import Gone, Interrupt, Leave, Line
from geppetto.status import ExitStatus
from geppetto.tasks.signals import watch_interrupts
from geppetto.tasks.stdin import MAX_LINE_CHARS, LineTooLong, read_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from geppetto.answer import Answer
    from geppetto.notices import ToDisplay
    from geppetto.repl.earlier import Earlier
    from geppetto.repl.editor import Editor
    from geppetto.repl.plain.scene import PlainScene
    from geppetto.repl.status_line import Status
    from geppetto.repl.typed import Typed
    from geppetto.stopper import Stopper

    Work = Callable[[], Sequence[str]]


class Plain:
    """See `Face`. Methods may be called from any thread, but `heard` and `edit`."""

    keys = PLAIN_KEYS

    def __init__(
        self,
        scene: PlainScene,
        stopper: Stopper,
        *,
        stdin_fd: int,
        write: Callable[[str], None],
        editor: Editor,
        earlier: Earlier,
    ) -> None:
        """
        Touch nothing yet.

        Args:
            scene: what is shown; belongs to the thread that writes.
            stopper: tells whether Ctrl+C has ended it.
            stdin_fd: the terminal where lines are typed.
            write: writes a text; blocks, and raises `GeppettoError` when it can't.
            editor: for `/edit`.
            earlier: keeps what was asked.
        """
        self._scene = scene
        self._stopper = stopper
        self._stdin_fd = stdin_fd
        self._write = write
        self._editor = editor
        self._earlier = earlier
        self._terminal = Terminal(stdin_fd)
        self._emit: Callable[[Typed], None] = lambda _typed: None
        self._works: SimpleQueue[tuple[Work, Future[None]] | None] = SimpleQueue()
        self._unheard: tuple[Typed, trio.Event] | None = None
        """What the reader waits for."""
        self._editing = False
        self._covered = False
        """Whether an editor has the screen."""
        self._held = ""
        """What came meanwhile."""
        self._failure: BaseException | None = None
        """Why nothing more is written."""
        self._thread = threading.Thread(target=self._run, name="plain", daemon=True)  # a terminal can hang for ever

    @property
    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What it needs the event loop for."""
        return (self._read, self._watch_interrupts)

    def start(self, emit: Callable[[Typed], None]) -> None:
        """Begin to write."""
        self._emit = emit
        self._thread.start()

    # --- what is shown

    def show(self, things: Sequence[ToDisplay]) -> None:
        """
        Show *things* in order; wait until they stand there, but not for an editor that covers the screen.

        Raises:
            GeppettoError: the terminal is gone, or cannot be written.
        """
        self._post(lambda: self._scene.show(things)).result()

    def answered(self, answer: Answer) -> None:
        """Take note that *answer* is the last word on its question."""
        self._scene.answered(answer)

    def asked(self, index: int, question: str, *, typed: bool) -> None:
        """Show *question* where it does not stand yet."""
        self._post(lambda: self._scene.ask(index, question, typed=typed))

    def withdrawn(self, index: int) -> None:
        """Go on with the next question."""
        self._post(lambda: self._scene.withdraw(index))

    def restarted(self) -> None:
        """Forget the questions of the old session."""
        self._post(self._scene.restart)

    def say(self, text: str) -> None:
        """Show lines."""
        self._post(lambda: self._scene.say(text))

    def notice(self, text: str) -> None:
        """Show a remark."""
        self._post(lambda: self._scene.notice(text))

    def set_status(self, status: Status) -> None:
        """Do nothing: `/status` shows it."""

    # --- what is typed

    def heard(self, typed: Typed, *, more: bool) -> None:
        """Go on with the next line."""
        self._post(lambda: self._scene.heard(more=more))
        if self._unheard is not None and self._unheard[0] is typed:
            self._unheard[1].set()

    def keep(self, question: str) -> None:
        """Remember *question* for `/search`, and for the prompt of another day."""

        def work() -> Sequence[str]:
            self._earlier.keep(question)
            return ()

        self._post(work)

    async def edit(self) -> str:
        """
        Return what the person has written in the editor; what is told meanwhile is shown when that is closed.

        Cancellation: leaves at once; `close` ends the editor.
        """
        await trio.to_thread.run_sync(self._post(self._cover).result, abandon_on_cancel=True)
        self._editing = True
        try:
            text, trouble = await trio.to_thread.run_sync(self._editor.run, "", abandon_on_cancel=True)
        finally:
            self.restore()  # which an editor that was killed may not have done
            self._editing = False
            self._post(self._uncover)
        if trouble:
            self.notice(trouble)
        return text

    # --- the end

    def close(self) -> None:
        """End an editor that runs: the terminal is as it was found but for that."""
        self._editor.end()
        self.restore()

    def end(self, patience_s: float) -> None:
        """Show what is left; a terminal that hangs is left behind."""
        if self._thread.ident is None:
            return
        self._post(self._scene.end)
        self._works.put(None)
        self._thread.join(patience_s)

    def restore(self) -> None:
        """Give the terminal the attributes that it had, if an editor may have changed them."""
        if self._editing:
            self._terminal.restore()

    # --- inside: in the event loop

    async def _read(self) -> None:
        """
        Tell what is typed, line by line; the next one is read when the last is dealt with, which may take an editor.

        Cancellation: leaves at once.
        """
        while True:
            async with aclosing(read_lines(self._stdin_fd)) as lines:
                async for line in lines:
                    self._post(self._scene.typed)
                    if isinstance(line, LineTooLong):
                        self.notice(f"a line of more than {MAX_LINE_CHARS:,} characters was skipped")
                        self._post(lambda: self._scene.heard(more=False))
                    else:
                        await self._tell(Line(line))
            if self._terminal.gone:
                self._emit(Gone(EOFError("the terminal went away")))
                return
            self._post(self._scene.pressed)
            await self._tell(Leave())

    async def _tell(self, typed: Typed) -> None:
        heard = trio.Event()
        self._unheard = (typed, heard)
        self._emit(typed)
        await heard.wait()

    async def _watch_interrupts(self) -> None:
        def pressed() -> None:
            self._post(self._scene.pressed)
            self._emit(Interrupt(edited=False))

        def left() -> bool:
            ending = self._stopper.ending
            return ending is not None and ending.status is ExitStatus.INTERRUPTED

        await watch_interrupts(pressed, left)

    # --- inside: in the thread

    def _post(self, work: Work) -> Future[None]:
        """Do *work* and write its pieces, soon; return what becomes of that."""
        done: Future[None] = Future()
        self._works.put((work, done))
        return done

    def _run(self) -> None:
        while (taken := self._works.get()) is not None:
            work, done = taken
            try:
                pieces = [*work()]
                if self._works.empty():
                    pieces += self._scene.prompt()
                self._append("".join(pieces))
            except BaseException as error:  # told to whoever waits, and to whoever started it
                failure = self._why(error)
                done.set_exception(failure)
                self._emit(Gone(failure))
            else:
                done.set_result(None)

    def _append(self, text: str) -> None:
        if self._failure is not None:
            raise self._failure
        self._held += text
        if self._held and not self._covered:
            held, self._held = self._held, ""
            try:
                self._write(held)
            except BaseException as error:
                self._failure = self._why(error)
                raise

    def _why(self, error: BaseException) -> BaseException:
        """Return *error*, or that the terminal is gone, if that is why."""
        if isinstance(error, GeppettoError | OSError) and self._terminal.gone:
            return Stopped("The terminal went away.", ExitStatus.HANGUP)
        return error

    def _cover(self) -> Sequence[str]:
        self._covered = True
        return ()

    def _uncover(self) -> Sequence[str]:
        self._covered = False
        return ()
