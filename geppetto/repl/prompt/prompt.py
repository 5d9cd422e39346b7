"""
The prompt: prompt_toolkit in a thread of its own.

What is to be shown is brought to that thread as *works*: callables that return rows for the screen. So nobody draws
while somebody else does, and what is typed is never drawn over. When the prompt is over, whoever brings a work does
it himself, and its rows are written as they are.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from geppetto.repl.terminal import Terminal
from geppetto.repl.typed import Gone, Interrupt, Leave, Line

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from prompt_toolkit.completion import Completer

    from geppetto.redaction import Redactor
    from geppetto.repl.prompt.desk import Desk
    from geppetto.repl.prompt.scene import Scene
    from geppetto.repl.prompt.view import View
    from geppetto.repl.status_line import Status
    from geppetto.repl.typed import Typed

    Work = Callable[[], Sequence[str]]


class Prompt:
    """Started once, closed once. Methods may be called from any thread but its own, except where it says so."""

    def __init__(
        self, desk: Desk, scene: Scene, redactor: Redactor, completer: Callable[[], Completer] | None = None
    ) -> None:
        """
        Remember how the terminal is, without touching it.

        Args:
            desk: where to show *scene*.
            scene: what is above the prompt; belongs to this thread from now on.
            redactor: keeps the key out of the history.
            completer: makes what completes what is typed; called in the thread of the prompt.
        """
        self._desk = desk
        self._scene = scene
        self.terminal = Terminal(desk.stdin_fd)
        self._clean = redactor.clean
        self._completer = completer
        self._view: View
        """Made by the prompt's thread before it does anything else, and known to that alone while there is one."""
        self._emit: Callable[[Typed], None] = lambda _typed: None
        self._lock = threading.Lock()
        """Of what follows; held for no time."""
        self._writing = threading.Lock()
        """Whose turn it is to write when the prompt is over."""
        self._works: deque[tuple[Work, Future[None]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._over = False
        self._edited = True
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="prompt", daemon=True)  # a terminal can hang for ever

    # --- for others

    def start(self, emit: Callable[[Typed], None]) -> None:
        """Show the prompt; *emit* gets what is typed, in the prompt's thread."""
        self._emit = emit
        self._thread.start()

    def show(self, work: Work) -> None:
        """
        Do *work* and write its rows; wait until that is done, but not for an editor that covers the screen.

        Raises:
            GeppettoError: the prompt is over, and the terminal cannot be written.
        """
        done: Future[None] = Future()
        if not self._take(work, done):
            with self._writing:
                self._do([(work, done)])
        done.result()

    def post(self, work: Work) -> None:
        """Do *work* and write its rows, soon; never blocks. When the prompt is over, nothing is done."""
        self._take(work, Future())

    def set_status(self, status: Status) -> None:
        """Show *status* below what is typed."""

        def work() -> Sequence[str]:
            self._view.status = status
            return ()

        self.post(work)

    def resized(self) -> None:
        """Draw anew: the terminal has another size."""

        def work() -> Sequence[str]:
            self._view.redraw()
            return ()

        self.post(work)

    def suspend(self) -> None:
        """Leave the terminal as it was found until `resume`; wait until that is so."""
        given_back: Future[None] = Future()

        def work() -> Sequence[str]:
            self._view.suspend(given_back)
            return ()

        self.show(work)
        given_back.result()

    def resume(self) -> None:
        """Take the terminal again, and show what has come meanwhile; never blocks."""

        def work() -> Sequence[str]:
            if not self._closing:
                self._view.resume()
            return ()

        self.post(work)

    def edit(self) -> None:
        """Open the editor on what stands at the prompt."""

        def work() -> Sequence[str]:
            self._view.edit()
            return ()

        self.post(work)

    def close(self) -> None:
        """
        Leave the terminal as it was found; does not wait. Any number of times.

        Its attributes are back at once, before the thread has noticed: a second signal may kill the process.
        """
        with self._lock:
            self._closing = True
            if self._loop is not None and not self._over:
                self._loop.call_soon_threadsafe(self._view.exit)
        self.restore()

    def join(self, patience_s: float) -> None:
        """Wait until it is over, or leave a terminal that hangs behind; then the terminal is as it was found."""
        if self._thread.ident is not None:
            self._thread.join(patience_s)
        self.restore()

    def restore(self) -> None:
        """Give the terminal the attributes that it had; takes no time, even if the terminal hangs."""
        self.terminal.restore()

    # --- what the view tells, in the prompt's thread

    def edited(self) -> None:
        """Something was typed."""
        self._edited = True

    def line(self, text: str, *, at_once: bool) -> None:
        """Something was sent."""
        self._emit(Line(text, at_once))

    def interrupt(self) -> None:
        """Ctrl+C at the empty prompt."""
        self._emit(Interrupt(self._edited))
        self._edited = False

    def leave(self) -> None:
        """Ctrl+D at the empty prompt."""
        self._emit(Leave())

    # --- inside

    def _run(self) -> None:
        try:
            # Imported in this thread: it takes a tenth of a second, in which the others connect.
            import asyncio

            from geppetto.repl.prompt.view import View

            self._view = View(self._desk, self.terminal, self._scene, self, self._clean, self._completer)
            asyncio.run(self._main(), debug=False)  # whose warnings would be drawn over the prompt
        except BaseException as error:  # told to whoever started it: a thread has nobody to raise to
            self._error = self._error or error
        self.restore()
        with self._writing:
            with self._lock:
                self._over = True
                works = self._take_all()
            self._do([(self._held_rows, Future()), *works])
        self._emit(Gone(self._error))

    def _held_rows(self) -> Sequence[str]:
        return self._view.take_held() if hasattr(self, "_view") else ()

    async def _main(self) -> None:
        import asyncio  # see `_run`

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._break)
        with self._lock:
            self._loop = loop
            loop.call_soon(self._drain)
        try:
            await self._view.run(closing=lambda: self._closing)
        finally:
            with self._lock:
                self._loop = None  # it is about to be closed; what comes now is done behind it

    def _break(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Take an error of a key or of the drawing: the default would print it into the prompt."""
        error = context.get("exception")
        self._failed(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))

    def _take(self, work: Work, done: Future[None]) -> bool:
        """Leave *work* to the prompt's thread; return whether that is still there."""
        with self._lock:
            if self._over:
                return False
            self._works.append((work, done))
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._drain)
            return True

    def _take_all(self) -> list[tuple[Work, Future[None]]]:
        works = list(self._works)
        self._works.clear()
        return works

    def _drain(self) -> None:
        with self._lock:
            works = self._take_all()
        if works:
            self._do(works)

    def _do(self, works: Sequence[tuple[Work, Future[None]]]) -> None:
        """Do *works* and write their rows: in the prompt's thread, or under the lock when that is over."""
        rows: list[str] = []
        for work, done in works:
            try:
                rows += work()
            except BaseException as error:  # belongs to whoever waits
                done.set_exception(error)
                self._failed(error)
        unwritten = self._write(rows)
        for _work, done in works:
            if done.done():
                continue
            if unwritten is not None:
                done.set_exception(unwritten)
            else:
                done.set_result(None)

    def _failed(self, error: BaseException) -> None:
        """End with *error*, unless it is over: then it concerns those alone who wait."""
        if not self._over and self._error is None:
            self._error = error
            self._view.exit()

    def _write(self, rows: Sequence[str]) -> BaseException | None:
        """Write *rows*; return what went wrong."""
        try:
            if not self._over:
                self._view.write_above(rows)
            elif rows:
                self._desk.write("".join(f"{row}\n" for row in rows))
        except BaseException as error:
            self._failed(error)
            return error
        return None
