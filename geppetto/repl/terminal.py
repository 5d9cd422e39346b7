"""The attributes of the terminal: how it was found, and how it is while there is a prompt."""

from __future__ import annotations

import os
import termios
from contextlib import suppress
from tty import CC, IFLAG, LFLAG


class Terminal:
    """Knows how the terminal was found. Any thread may call it."""

    def __init__(self, stdin_fd: int) -> None:
        """Remember how the terminal is, without touching it."""
        self._fd = stdin_fd
        self._found = termios.tcgetattr(stdin_fd)

    @property
    def ours(self) -> bool:
        """Whether we are in its foreground; otherwise it is the shell's, or another program's."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return True  # it controls nobody, or is gone

    @property
    def gone(self) -> bool:
        """Whether it hung up: reading that looks like Ctrl+D."""
        try:
            termios.tcgetattr(self._fd)
        except termios.error:
            return True
        return False

    def take(self) -> None:
        """
        Let each key come as it is pressed, and nothing be echoed.

        Raises:
            termios.error: it is gone.
        """

        from prompt_toolkit.input.vt100 import raw_mode  # in the prompt's thread; see `Prompt`

        taken = list(self._found)  # not what is there now: a program that was killed may have left anything
        taken[LFLAG] = raw_mode._patch_lflag(taken[LFLAG])
        taken[IFLAG] = raw_mode._patch_iflag(taken[IFLAG])
        taken[CC] = list(taken[CC])
        taken[CC][termios.VMIN] = 1
        termios.tcsetattr(self._fd, termios.TCSANOW, taken)

    def restore(self) -> None:
        """Give it the attributes that it had, unless it is somebody else's now; takes no time, even if it hangs."""
        if self.ours:
            with suppress(termios.error):  # it is gone
                termios.tcsetattr(self._fd, termios.TCSANOW, self._found)
