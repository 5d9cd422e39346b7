"""What the prompt looks like, on prompt_toolkit. Everything here runs in the prompt's thread."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Size
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.layout import ConditionalContainer, Float, FloatContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import HighlightSelectionProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth
from prompt_toolkit.widgets import SearchToolbar

from geppetto.repl.editor import Editor
from geppetto.repl.keys import bindings
from geppetto.repl.past import open_history
from geppetto.repl.scene import YOU
from geppetto.repl.status_line import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prompt_toolkit.completion import Completer
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from geppetto.repl.prompt import Desk
    from geppetto.repl.scene import Scene

_MENU_ROWS = 8
_DEFAULT_COLUMNS = 80
_DEFAULT_ROWS = 24
_JOINED = ("\u200d", "\ufe0f")
"""Where these stand, terminals and prompt_toolkit may not agree on the width."""


class WholeOutput(Vt100_Output):
    """Writes an erasing and the drawing that follows at once, so that nobody sees the gap between them."""

    held = False

    def flush(self) -> None:
        """Write what was drawn, unless more follows."""
        if not self.held:
            super().flush()


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
        scene: Scene,
        told: Told,
        clean: Callable[[str], str],
        completer: Callable[[], Completer] | None,
    ) -> None:
        """Build it, and draw nothing yet."""
        self._desk = desk
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
        """Rows that came while an editor had the screen."""

    # --- for the prompt

    async def run(self, *, closing: Callable[[], bool]) -> None:
        """
        Show it until `exit`; at once, when *closing* says so.

        Raises:
            EOFError: the terminal is gone.
            OSError: it cannot be written.
        """
        with (
            open(self._desk.stdin_fd, encoding="utf-8", errors="replace", closefd=False) as stdin,  # noqa: ASYNC230
            open(self._desk.stdout_fd, "w", encoding="utf-8", errors="replace", closefd=False) as stdout,  # noqa: ASYNC230
        ):
            output = WholeOutput(stdout, self._size, term=self._desk.term, enable_cpr=False)
            app: Application[None] = Application(
                layout=self._make_layout(),
                key_bindings=bindings(self._buffer, self),
                editing_mode=EditingMode.VI if self._desk.vi else EditingMode.EMACS,
                style=Style([("status", "fg:ansibrightblack"), ("waiting", "fg:ansibrightblack")]),
                color_depth=None if self._desk.colours else ColorDepth.DEPTH_1_BIT,
                erase_when_done=True,
                terminal_size_polling_interval=None,
                input=Vt100Input(stdin),
                output=output,
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
                app.renderer.erase(leave_alternate_screen=False)
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

    def resized(self) -> None:
        """Draw anew."""
        if self._app is not None and self._app.is_running and not self._app._running_in_terminal:
            with self._at_once():
                self._app._on_resize()

    @property
    def columns(self) -> int:
        """How wide the terminal is now."""
        return self._size().columns

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
        """Edit what stands there in the editor."""
        assert self._app is not None
        self._app.create_background_task(self._edit())

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

    def _size(self) -> Size:
        try:
            size = os.get_terminal_size(self._desk.stdout_fd)
        except OSError:
            return Size(rows=_DEFAULT_ROWS, columns=_DEFAULT_COLUMNS)
        return Size(rows=size.lines or _DEFAULT_ROWS, columns=size.columns or _DEFAULT_COLUMNS)

    def _make_buffer(self) -> Buffer:
        buffer = Buffer(
            history=open_history(self._desk.history_file, self._clean),
            completer=self._completer() if self._completer is not None else None,
        )
        buffer.on_text_changed += lambda _buffer: self._told.edited()
        return buffer

    def _make_layout(self) -> Layout:
        search = SearchToolbar(ignore_case=True)
        typed = Window(
            BufferControl(
                self._buffer, search_buffer_control=search.control, input_processors=[HighlightSelectionProcessor()]
            ),
            get_line_prefix=self._prefix,
            wrap_lines=True,
            dont_extend_height=True,
            height=self._typed_height,
        )
        body = HSplit(
            [
                self._rows(lambda: [("", row) for row in self._scene.live]),
                self._rows(lambda: [("class:waiting", row) for row in self._scene.queued]),
                typed,
                search,
                self._rows(lambda: [("class:status", self.status.line(self.columns))]),
            ]
        )
        menu = Float(xcursor=True, ycursor=True, content=CompletionsMenu(max_height=_MENU_ROWS, scroll_offset=1))
        return Layout(FloatContainer(body, [menu]), typed)

    def _rows(self, rows: Callable[[], Sequence[tuple[str, str]]]) -> ConditionalContainer:
        def text() -> StyleAndTextTuples:
            fragments: StyleAndTextTuples = []
            for style, row in rows():
                fragments += [("", "\n")] * bool(fragments) + [(style, row)]
            return fragments

        window = Window(FormattedTextControl(text), dont_extend_height=True)
        return ConditionalContainer(window, Condition(lambda: bool(rows())))

    def _prefix(self, line: int, wrapped: int) -> str:
        return YOU if not line and not wrapped else "" if wrapped else " " * get_cwidth(YOU)

    def _typed_height(self) -> Dimension:
        if self._buffer.complete_state is not None and get_app().is_running:
            return Dimension(min=_MENU_ROWS)
        return Dimension(min=1)
