"""What comes from the keyboard of the terminal and goes to its screen, for prompt_toolkit."""

from __future__ import annotations

import os
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.output.vt100 import Vt100_Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.repl.terminal import Terminal

ALT_ENTER: Final = Keys.ControlF3
"""A key that prompt_toolkit has a name for, and that no terminal sends: it is where a cursor is reported."""
_DEFAULT_COLUMNS = 80
_DEFAULT_ROWS = 24


class Keyboard(Vt100Input):
    """Gives the terminal back exactly as it was found, also in between; its base turns on just what it knows of."""

    def __init__(self, stdin: TextIO, terminal: Terminal, *, vi: bool) -> None:
        """Read *stdin*, which is *terminal*; in *vi* mode Alt+Enter is a key of its own, `ALT_ENTER`."""
        super().__init__(stdin)
        self._terminal = terminal
        self._vi = vi

    def read_keys(self) -> list[KeyPress]:
        """
        Return the keys that were pressed.

        Terminals send Alt+Enter as Esc and Enter in one piece; in vi these are two keys, which come one by one.
        """
        data = self.stdin_reader.read()
        self.vt100_parser.feed(data)
        keys, self._buffer = self._buffer, []
        if not self._vi:
            return keys
        at = 2 if data.startswith("\r") else 1  # an Esc before that has been waiting since the last read
        while at < len(keys):
            if (keys[at - 1].key, keys[at].key) == (Keys.Escape, Keys.ControlM):
                keys[at - 1 : at + 1] = [KeyPress(ALT_ENTER, "")]
            at += 1
        return keys

    @contextmanager
    def raw_mode(self) -> Iterator[None]:
        """Take the terminal for the block."""
        self._terminal.take()
        try:
            yield
        finally:
            self._terminal.restore()

    @contextmanager
    def cooked_mode(self) -> Iterator[None]:
        """Give the terminal back for the block."""
        self._terminal.restore()
        try:
            yield
        finally:
            if self._terminal.ours:
                with suppress(termios.error):
                    self._terminal.take()


class WholeOutput(Vt100_Output):
    """Writes an erasing and the drawing that follows at once, so that nobody sees the gap between them."""

    held = False
    """Whether more follows."""
    muted = False
    """Whether what is drawn is thrown away, because the screen is somebody else's."""

    def flush(self) -> None:
        """Write what was drawn, unless more follows."""
        if self.muted:
            self._buffer.clear()
        elif not self.held:
            super().flush()


def size_of(stdout_fd: int) -> Size:
    """Return the size of the terminal at *stdout_fd*, or a usual one when it does not tell."""
    try:
        size = os.get_terminal_size(stdout_fd)
    except OSError:
        return Size(rows=_DEFAULT_ROWS, columns=_DEFAULT_COLUMNS)
    return Size(rows=size.lines or _DEFAULT_ROWS, columns=size.columns or _DEFAULT_COLUMNS)
