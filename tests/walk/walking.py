"""
The way of somebody who has never seen Geppetto, from the checkout to the second day.

Nothing is waited for but what such a person waits for: that something stands on the screen.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
import wave
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tests.walk.environment import environment
from tests.walk.terminal import Lost, open_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.walk.terminal import Terminal

CHECKOUT: Final = Path(__file__).parents[2]
_INSTALL_S: Final = 300.0
_VOICE: Final = "cedar"
_FIGURES: Final = re.compile(r"  \d[\d.]* s of audio")
_RECEIVING: Final = re.compile(r"receiving \d+ s of audio")
_UNREACHABLE: Final = re.compile(
    r"connection broken|failed to establish a new connection|name resolution|network is unreachable|max retries",
    re.IGNORECASE,
)
"""What pip says when it reaches no index, whatever else it says then."""
_LIVE_ROWS: Final = 2
"""The prompt and the status below it, while no answer comes."""


class CannotWalk(Exception):
    """There is no way here, for a reason that is not Geppetto's."""


@attrs.frozen(kw_only=True)
class Walk:
    """What was found on the way."""

    captures: dict[str, str] = attrs.field(factory=dict)
    """What the screen showed at each step, trimmed, by the name of the step."""
    statuses: list[int] = attrs.field(factory=list)
    """With what each of the programs ended."""
    modes: list[str] = attrs.field(factory=list)
    """What `stty -a` said before the first chat and after each."""
    recordings: dict[str, float] = attrs.field(factory=dict)
    """Seconds of each WAV file, by its name."""


def walk() -> Walk:
    """
    Go all of it.

    Closes: the terminal and all files.

    Raises:
        CannotWalk: there is no tmux, or pip reaches no index.
        Lost: something did not come; it says what stood there.
    """
    if shutil.which("tmux") is None:
        raise CannotWalk("tmux is not installed.")
    with tempfile.TemporaryDirectory(prefix="walk", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        talks = home / "talks"
        talks.mkdir(parents=True)
        with open_terminal(Path(folder), environment(home, os.environ), CHECKOUT) as terminal:
            walker = _Walker(terminal=terminal, home=home)
            walker.install()
            walker.doctor()
            walker.modes()
            walker.chat()
            walker.interrupt()
            walker.change_voice()
            walker.leave("leave")
            _make_a_day_older(home / ".local/share/geppetto/conversations.sqlite3")
            walker.go_on()
            walker.leave("")
        for file in sorted((talks / "audio_output").glob("*.wav")):
            with wave.open(str(file)) as sound:
                walker.found.recordings[file.name] = sound.getnframes() / sound.getframerate()
        return walker.found


@attrs.frozen(kw_only=True)
class _Walker:
    terminal: Terminal
    home: Path
    found: Walk = attrs.field(factory=Walk)

    def install(self) -> None:
        """As README says, in a virtual environment, which pipx would have made."""
        terminal = self.terminal
        terminal.run("python3 -m venv ~/geppetto")
        terminal.run(". ~/geppetto/bin/activate")
        said = terminal.run("python3 -m pip install --quiet '.[offline]'", patience_s=_INSTALL_S)
        version = terminal.run("geppetto --version")
        self._keep("install", [*(row for row in terminal.rows[:-1] if "$ " in row), *version])
        if not (self.home / "geppetto/bin/geppetto").is_file():
            words = "\n".join(said)
            raise CannotWalk("pip reaches no package index.") if _UNREACHABLE.search(words) else Lost(words)
        self.found.statuses.append(self._status())
        terminal.run("cd ~/talks")

    def doctor(self) -> None:
        """What is well, and what is not."""
        self.terminal.clear()
        self.terminal.run("geppetto doctor --offline")
        self._keep("doctor", self.terminal.rows[:-1])
        self.found.statuses.append(self._status())

    def chat(self) -> None:
        """Two questions, and the answers as they come."""
        self.terminal.clear()
        self.terminal.type("geppetto --offline")
        self._ready()
        self._ask("My name is Ada.")
        self._keep("chat", self._ask("What is 12 times 7?"))

    def interrupt(self) -> None:
        """A long answer, and Ctrl+C when some of it can be heard."""
        before = self._n_final_rows
        self.terminal.type("Count to 100.")
        rows = self.terminal.wait("the voice", lambda rows: _RECEIVING.search(rows[-1]))
        self._keep("answering", rows[before:])
        self.terminal.press("C-c")
        rows = self.terminal.wait("that it was cancelled", lambda rows: "cancelled" in "".join(rows[before:]))
        at = next(at for at, row in enumerate(rows) if row.startswith("  the answer"))
        self._keep("interrupted", self._ready()[at:])

    def change_voice(self) -> None:
        """Another voice in the middle of it: whether the session can change it or not, the talk goes on."""
        before = self._n_final_rows
        self.terminal.type(f"/voice {_VOICE}")
        self.terminal.wait(
            f"{_VOICE} as the voice",
            lambda rows: (
                _VOICE in rows[-1] and any(_VOICE in row and not row.startswith("You:") for row in rows[before:-1])
            ),
        )
        self._ready()
        self._keep("voice", self._ask("What did I say first?")[before:])

    def go_on(self) -> None:
        """The day after: what there is, and the last of it goes on."""
        self.terminal.clear()
        self.terminal.run("geppetto history")
        before = self.terminal.rows[:-1]
        self.found.statuses.append(self._status())
        self.terminal.clear()
        self.terminal.type("geppetto --offline -c")
        self._ready()
        self._keep("continued", [*before, *self._ask("What is my name?")])

    def leave(self, name: str) -> None:
        """Ctrl+D, and the terminal is as it was; the last rows are kept as *name*, if there is one."""
        before = self._n_final_rows
        self.terminal.press("C-d")
        self.terminal.until_back()
        self.found.statuses.append(self._status())
        if name:
            self._keep(name, self.terminal.rows[before:-1])
        self.modes()

    def modes(self) -> None:
        """How the terminal is set."""
        self.found.modes.append("\n".join(self.terminal.run("stty -a")))

    # --- inside

    def _keep(self, name: str, rows: Sequence[str]) -> None:
        self.found.captures[name] = "\n".join(row.removeprefix("(geppetto) ") for row in rows)

    @property
    def _n_final_rows(self) -> int:
        """As many rows stand above the prompt of the chat."""
        return len(self.terminal.rows) - _LIVE_ROWS

    def _status(self) -> int:
        return int(self.terminal.run("echo $?")[-1])

    def _ready(self) -> list[str]:
        """Wait for an empty prompt, and no answer coming."""
        return self.terminal.wait(
            "the empty prompt",
            lambda rows: (
                len(rows) > 1
                and rows[-2].rstrip() == "You:"
                and rows[-1].startswith("connected")
                and "receiving" not in rows[-1]
            ),
        )

    def _ask(self, question: str) -> list[str]:
        n_answers = _n_figures(self.terminal.rows)
        self.terminal.type(question)
        self.terminal.wait(f"the answer to {question!r}", lambda rows: _n_figures(rows) > n_answers)
        return self._ready()


def _n_figures(rows: Sequence[str]) -> int:
    return sum(_FIGURES.match(row) is not None for row in rows)


def _make_a_day_older(database: Path) -> None:
    """Let all that is kept be of yesterday. Nobody waits a day, and the clock of the machine is not ours to set."""
    columns = (("conversations", "begun"), ("conversations", "changed"), ("items", "at"))
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in columns:
            times = connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()
            for (text,) in times:
                earlier = (datetime.fromisoformat(text) - timedelta(days=1)).isoformat(timespec="microseconds")
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (earlier, text))
