"""A terminal as a person has one: tmux with a shell in it, keys in, and what stands on the screen out."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

COLUMNS: Final = 80
ROWS: Final = 24
PATIENCE_S: Final = 90.0
"""What one thing may take, on a machine that has much else to do."""
_LOOK_EVERY_S: Final = 0.05
"""tmux tells nobody that the screen has changed, so it is looked at again and again."""
_SCROLLED_ROWS: Final = 1000
_PROMPT: Final = re.compile(r"(?:\(\S+\) )?\$")
"""The shell's, also with the name of a virtual environment."""


class Lost(Exception):
    """What should have come never stood on the screen; says what did."""


@attrs.frozen(kw_only=True)
class Terminal:
    """A shell on a terminal of 80 by 24 cells. Made by `open_terminal`; every call blocks."""

    _command: Sequence[str]
    """How this tmux server is spoken to, and no other."""
    _environment: Mapping[str, str]

    @property
    def rows(self) -> list[str]:
        """What was written since `clear`, without the empty rows at the end, as it is broken on the screen."""
        text = self._tmux("capture-pane", "-p", "-S", f"-{_SCROLLED_ROWS}")
        return text.rstrip().split("\n")

    def type(self, text: str) -> None:
        """Type *text*, and send it once it stands behind the prompt."""
        self._tmux("send-keys", "-l", text)
        self.wait(f"{text!r} behind the prompt", lambda rows: any(row.endswith(text) for row in rows[-2:]))
        self.press("Enter")

    def press(self, key: str) -> None:
        """Press *key*, as tmux names it: `Enter`, `C-c`."""
        self._tmux("send-keys", key)

    def run(self, command: str, *, patience_s: float = PATIENCE_S) -> list[str]:
        """
        Let the shell run *command*, and return the rows that it wrote when the prompt is back.

        Raises:
            Lost: it did not come back within *patience_s*.
        """
        self.type(command)
        rows = self.until_back(patience_s=patience_s)
        begin = max(at for at, row in enumerate(rows) if row.endswith(f"$ {command}"))
        return rows[begin + 1 : -1]

    def until_back(self, *, patience_s: float = PATIENCE_S) -> list[str]:
        """
        Wait until the shell's prompt is the last row, and return all rows.

        Raises:
            Lost: it is not, within *patience_s*.
        """
        return self.wait(
            "the shell's prompt", lambda rows: _PROMPT.fullmatch(rows[-1]) is not None, patience_s=patience_s
        )

    def wait(self, what: str, stands: Callable[[list[str]], object], *, patience_s: float = PATIENCE_S) -> list[str]:
        """
        Wait until *stands* is true of the rows, and return them; *what* is for the error.

        Raises:
            Lost: it is not, within *patience_s*.
        """
        limit = time.monotonic() + patience_s
        while not stands(rows := self.rows):
            if time.monotonic() > limit:
                raise Lost(f"Waited {patience_s:.0f} s for {what}. The terminal shows:\n" + "\n".join(rows))
            time.sleep(_LOOK_EVERY_S)
        return rows

    def clear(self) -> None:
        """Begin with an empty screen, at the shell's prompt."""
        self.type("clear")
        self.wait("an empty screen", lambda _rows: _PROMPT.fullmatch(self._tmux("capture-pane", "-p").strip()))
        self._tmux("clear-history")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode:
            raise Lost(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def open_terminal(place: Path, environment: Mapping[str, str], directory: Path) -> Iterator[Terminal]:
    """
    Start a tmux server of its own with one shell in *directory*; nobody's configuration is read.

    Args:
        place: where its socket is; a short path, because those of sockets have about a hundred bytes.
        environment: all that the shell knows.
        directory: where it begins.

    Closes: the terminal, which hangs up on whatever runs there.

    Raises:
        Lost: tmux or the shell does not start.
    """
    variables = {**environment, "TMUX_TMPDIR": str(place), "PS1": "$ "}
    tmux = shutil.which("tmux")
    if tmux is None:
        raise Lost("tmux is not installed.")
    terminal = Terminal(command=(tmux, "-u", "-L", "walk", "-f", "/dev/null"), environment=variables)
    terminal._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), "-c", str(directory), "exec /bin/sh")
    try:
        terminal.until_back()
        yield terminal
    finally:
        with suppress(Lost):  # it ends by itself when the shell does
            terminal._tmux("kill-server")
