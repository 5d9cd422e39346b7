"""What stands where: the row of the answer that grows, the questions that wait, what is typed, the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.layout import ConditionalContainer, Float, FloatContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import HighlightSelectionProcessor
from prompt_toolkit.utils import get_cwidth
from prompt_toolkit.widgets import SearchToolbar

from geppetto.repl.telling import YOU

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from geppetto.repl.prompt.scene import Scene

_MENU_ROWS = 8


class Look:
    """Lays out what is live. Everything here runs in the prompt's thread."""

    def __init__(self, scene: Scene, buffer: Buffer, status: Callable[[], str]) -> None:
        """Show *scene*, what is typed into *buffer*, and below it the row that *status* returns."""
        self._scene = scene
        self._buffer = buffer
        self._status = status

    def layout(self) -> Layout:
        """Return it, with the cursor in what is typed."""
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
                _rows(lambda: [("", row) for row in self._scene.live]),
                _rows(lambda: [("class:waiting", row) for row in self._scene.queued]),
                typed,
                search,
                _rows(lambda: [("class:status", self._status())]),
            ]
        )
        menu = Float(xcursor=True, ycursor=True, content=CompletionsMenu(max_height=_MENU_ROWS, scroll_offset=1))
        return Layout(FloatContainer(body, [menu]), typed)

    def _prefix(self, line: int, wrapped: int) -> str:
        return YOU if not line and not wrapped else "" if wrapped else " " * get_cwidth(YOU)

    def _typed_height(self) -> Dimension:
        if self._buffer.complete_state is not None and get_app().is_running:
            return Dimension(min=_MENU_ROWS)
        return Dimension(min=1)


def _rows(rows: Callable[[], Sequence[tuple[str, str]]]) -> ConditionalContainer:
    def text() -> StyleAndTextTuples:
        fragments: StyleAndTextTuples = []
        for style, row in rows():
            fragments += [("", "\n")] * bool(fragments) + [(style, row)]
        return fragments

    window = Window(FormattedTextControl(text), dont_extend_height=True)
    return ConditionalContainer(window, Condition(lambda: bool(rows())))
