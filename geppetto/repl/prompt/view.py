"""What the prompt looks like, on prompt_toolkit. Everything here runs in the prompt's thread."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.application import Application
from prompt_toolkit.application.run_in_terminal import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.styles import Style

from geppetto.repl.editor import Editor
from geppetto.repl.prompt.devices import Keyboard, WholeOutput, size_of
from geppetto.repl.prompt.keys import bindings
from geppetto.repl.prompt.look import Look
from geppetto.repl.prompt.past import open_history
from geppetto.repl.prompt.reflow import rows_above
from geppetto.repl.status_line import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from prompt_toolkit.completion import Completer

    from geppetto.repl.prompt.desk import Desk
    from geppetto.repl.prompt.scene import Scene
    from geppetto.repl.terminal import Terminal

_JOINED = ("\u200d", "\ufe0f")
"""Where these stand, terminals and prompt_toolkit may not agree on the width."""


class Told(Protocol):
    """Who is told of what the person does."""

    def edited(self) -> None: ...
    def line(self, text: str, *, at_once: bool) -> None: ...
    def interrupt(self) -> None: ...
    def leave(self) -> None: ...


class View:
    """The row of the answer that grows, the questions that wait, what is typed, the status."""

    def __init__(
        self,
        desk: Desk,
        terminal: Terminal,
        scene: Scene,
        told: Told,
        clean: Callable[[str], str],
        completer: Callable[[], Completer] | None,
    ) -> None:
        """Build it, and draw nothing yet."""
        self._desk = desk
        self._terminal = terminal
        self._scene = scene
        self._told = told
        self._clean = clean
        self._completer = completer
        self.status = Status()
        self._buffer = self._make_buffer()
        self._editor = Editor(desk.editor)
        self._app: Application[None] | None = None
        self._output: WholeOutput | None = None
        self._held: list[str] = []
        """Rows that came while an editor or the shell had the screen."""
        self._resumed: asyncio.Event | None = None
        """What a suspension waits for."""

    # --- for the prompt

    async def run(self, *, closing: Callable[[], bool]) -> None:
        """
        Show it until `exit`; at once, when *closing* says so.

        Raises:
            EOFError: the terminal is gone.
            OSError: it cannot be written.
        """
        with (
            open(self._desk.stdin_fd, encoding="utf-8", errors="replace", closefd=False) as stdin,  # noqa: ASYNC230  # open already
            open(self._desk.stdout_fd, "w", encoding="utf-8", errors="replace", closefd=False) as stdout,  # noqa: ASYNC230  # open already
        ):
            output = WholeOutput(
                stdout, lambda: size_of(self._desk.stdout_fd), term=self._desk.term, enable_cpr=False
            )
            app: Application[None] = Application(
                layout=Look(self._scene, self._buffer, lambda: self.status.line(self.columns)).layout(),
                key_bindings=bindings(self._buffer, self),
                editing_mode=EditingMode.VI if self._desk.vi else EditingMode.EMACS,
                reverse_vi_search_direction=True,  # as in readline: `/` finds what was typed before
                style=Style([("status", "fg:ansibrightblack"), ("waiting", "fg:ansibrightblack")]),
                erase_when_done=True,
                terminal_size_polling_interval=None,
                input=Keyboard(stdin, self._terminal, vi=self._desk.vi),
                output=output,
                before_render=lambda _app: self._fit(),
            )
            self._app, self._output = app, output
            try:
                await app.run_async(
                    pre_run=lambda: self._begin(closing=closing()),
                    set_exception_handler=False,
                    handle_sigint=False,
                )
            finally:
                self._app = self._output = None
                output.held = False
                output.reset_attributes()  # a drawing that failed may have left them, and the cursor hidden
                output.disable_bracketed_paste()
                output.show_cursor()
                output.flush()
                self._editor.end()

    def exit(self) -> None:
        """Let `run` return."""
        self._editor.end()
        if self._resumed is not None:
            self._resumed.set()
        if self._app is not None and self._app.future is not None and not self._app.future.done():
            self._app.exit()

    def write_above(self, rows: Sequence[str]) -> None:
        """Write *rows* above what is live, and draw that anew; an editor keeps the screen as long as it has it."""
        app = self._app
        if app is None or not app.is_running or app._running_in_terminal:
            self._held += rows
            return
        if rows or self._held or any(mark in row for mark in _JOINED for row in self._scene.live):
            with self._at_once():
                self._erase(app)
                for row in (*self._held, *rows):
                    app.output.write_raw(f"{row}\r\n")
                self._held.clear()
                app._redraw()
        else:
            app.invalidate()

    def take_held(self) -> list[str]:
        """Return rows that were not written."""
        held, self._held = self._held, []
        return held

    def redraw(self) -> None:
        """Draw anew."""
        if self._app is not None and self._app.is_running and not self._app._running_in_terminal:
            with self._at_once():
                self._erase(self._app)
                self._app._redraw()

    def suspend(self, given_back: Future[None]) -> None:
        """Leave the terminal to the shell until `resume`, and say so to *given_back*; an editor keeps it."""
        app = self._app
        if app is None or not app.is_running or app._running_in_terminal:
            given_back.set_result(None)
        else:
            assert app.context is not None
            app.context.copy().run(app.create_background_task, self._suspend(given_back))

    def resume(self) -> None:
        """Take the terminal, which is ours again, and draw anew."""
        if self._resumed is not None:
            self._resumed.set()
            if self._output is not None:
                self._output.muted = False
        elif self._app is not None and self._app.is_running and not self._app._running_in_terminal:
            self._terminal.take()  # it was stopped without being asked, and the shell may have changed the terminal
            self.redraw()

    @property
    def columns(self) -> int:
        """How wide the terminal is now."""
        return size_of(self._desk.stdout_fd).columns

    # --- for the keys

    @property
    def answering(self) -> bool:
        """Whether an answer is coming."""
        return self._scene.answering

    def send(self, *, at_once: bool) -> None:
        """Send what stands there; nothing is never sent."""
        text = self._buffer.text
        if text.strip():
            self._buffer.append_to_history()
            self._told.line(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), at_once=at_once)
        self._buffer.reset()

    def interrupt(self) -> None:
        """Pass it on."""
        self._told.interrupt()

    def leave(self) -> None:
        """Pass it on."""
        self._told.leave()

    def edit(self) -> None:
        """Edit what stands there in the editor, unless one has the screen, or the shell."""
        app = self._app
        if app is not None and app.is_running and not app._running_in_terminal:
            assert app.context is not None
            app.context.copy().run(app.create_background_task, self._edit())

    # --- inside

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        assert self._output is not None
        self._output.held = True
        try:
            yield
        finally:
            self._output.held = False
            self._output.flush()

    def _erase(self, app: Application[None]) -> None:
        """Erase what is live; then the cursor is where that began, also if the terminal has wrapped it."""
        renderer = app.renderer
        drawn, before, columns = renderer.last_rendered_screen, renderer._last_size, self.columns
        if self._desk.reflows and drawn is not None and before is not None and columns < before.columns:
            renderer._cursor_pos = Point(x=columns, y=rows_above(drawn, renderer._cursor_pos, columns))
        renderer.erase(leave_alternate_screen=False)

    def _fit(self) -> None:
        """Begin anew where the terminal has another width: what is drawn would be drawn over what it has wrapped."""
        app = self._app
        if app is not None and (size := app.renderer._last_size) is not None and size.columns != self.columns:
            self._erase(app)

    async def _suspend(self, given_back: Future[None]) -> None:
        assert self._output is not None
        self._resumed = asyncio.Event()
        try:
            async with in_terminal():
                self._output.muted = True
                given_back.set_result(None)
                await self._resumed.wait()
        finally:
            self._resumed = None
            if not given_back.done():
                given_back.set_result(None)
        self.write_above(())

    async def _edit(self) -> None:
        text, trouble = await self._editor.edit(self._buffer.text)
        self._buffer.text = text
        self._buffer.cursor_position = len(text)
        self.write_above(self._scene.notice(trouble) if trouble else ())

    def _begin(self, *, closing: bool) -> None:
        """Once it is drawn for the first time, show what came before; or end, if that came before."""
        if closing:
            self.exit()
        asyncio.get_running_loop().call_soon(self.write_above, ())

    def _make_buffer(self) -> Buffer:
        buffer = Buffer(
            history=open_history(self._desk.history_file, self._clean),
            completer=self._completer() if self._completer is not None else None,
        )
        buffer.on_text_changed += lambda _buffer: self._told.edited()
        return buffer
