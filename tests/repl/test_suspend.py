"""Ctrl+Z and `fg` in a shell with job control; the terminal is the shell's in between."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.fakes.scripted_server import scripted_server
from tests.repl.stage import open_stage, to
from tests.repl.test_on_screen import Slow

if TYPE_CHECKING:
    from pathlib import Path

SHELL = """
set -m
stty -a >before
"$@"
echo "shell: $?"
while read -r line; do eval "$line"; echo "shell: $?"; done
"""
TAKEN = b"\x1b[?2004h"
"""Bracketed paste is on: what the prompt writes when it takes the terminal."""
CTRL_Z = "\x1a"
STOPPED = f"shell: {128 + signal.SIGTSTP}"


@pytest.mark.parametrize("columns", [40, 200])
async def test_ctrl_z_and_fg(tmp_path: Path, columns: int) -> None:
    """The shell gets the terminal as it was; after `fg` what was typed and what came stand there, each once."""
    story = Slow()
    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=columns, shell=SHELL) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await story.say("Once upon")
        await stage.shows("Geppetto: Once upon")
        await stage.type("and then")
        await stage.shows("You: and then")
        await stage.type(CTRL_Z)
        await stage.shows(STOPPED)
        assert stage.restored
        assert "connected" not in "\n".join(stage.rows)
        await stage.type("stty -a >stopped\r")
        await stage.shows("shell: 0")
        await story.say(" a time.\n")
        await stage.type("fg\r")
        await stage.shows("Geppetto: Once upon a time.", "You: and then", "connected")
        assert stage.is_raw
        await stage.type("?")
        await stage.shows("You: and then?")
        assert sum(row.startswith("You: and then") for row in stage.all_rows) == 1
        await stage.type(CTRL_Z)
        await stage.repeats(STOPPED, 2)
        await stage.type("fg\r")
        await stage.shows("You: and then?")
        await stage.type("\x03\x04")
        await stage.repeats("shell: 0", 2)
        await stage.type("stty -a >after\r")
        await stage.repeats("shell: 0", 3)
    before = (tmp_path / "before").read_text()
    assert (tmp_path / "stopped").read_text() == (tmp_path / "after").read_text() == before


async def test_in_the_background(tmp_path: Path) -> None:
    """After `bg` the session goes on without the terminal; `fg` shows what has come."""
    story = Slow()
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, shell=SHELL) as stage:
        await stage.shows("You:", "connected")
        await stage.type(f"Tell me a story.\rdraft{CTRL_Z}")
        await stage.shows(STOPPED)
        await stage.type("bg\r")
        await stage.shows("shell: 0")
        await story.say("Once upon a time.")
        await story.say("")
        await stage.type(
            "until ls audio_output/*.wav >kept 2>&1; do sleep 0.1; done; echo there it is | tr a-z A-Z\r"
        )
        await stage.shows("THERE IT IS")
        assert "Once upon" not in "\n".join(stage.rows)
        assert stage.restored
        await stage.type("clear; fg\r")
        await stage.shows("Geppetto: Once upon a time.", "0.1 s of audio", "You: draft")
        await stage.type("\x03\x04")
        await stage.shows("1 answer", "shell: 0")
        assert stage.restored


@pytest.mark.parametrize(("number", "said"), [("TERM", "Terminated."), ("HUP", "The terminal went away.")])
async def test_a_signal_while_suspended(tmp_path: Path, number: str, said: str) -> None:
    """It ends in order, and leaves the terminal to the shell."""
    async with scripted_server(Slow()) as server, open_stage(to(server.url), cwd=tmp_path, shell=SHELL) as stage:
        await stage.shows("You:", "connected")
        await stage.type(f"a draft{CTRL_Z}")
        await stage.shows(STOPPED)
        await stage.type("clear\r")
        await stage.hides(STOPPED)
        await stage.type(f"kill -{number} %1; kill -CONT %1\r")
        await stage.shows(said, "no answers")
        assert stage.restored
        assert "You:" not in "\n".join(stage.rows)
        await server.seen.over.wait()
    assert server.seen.close_code == 1000


async def test_stopped_from_outside(tmp_path: Path) -> None:
    """SIGTSTP from another process gives the terminal back; after SIGSTOP, which nobody hears, `fg` takes it anew."""
    async with scripted_server(Slow()) as server, open_stage(to(server.url), cwd=tmp_path, shell=SHELL) as stage:
        await stage.shows("You:", "connected")
        await stage.type(f"a draft{CTRL_Z}")
        await stage.shows(STOPPED)
        await stage.type("jobs -p >chat; clear; fg\r")
        await stage.shows("You: a draft")
        chat = int((tmp_path / "chat").read_text())
        os.kill(chat, signal.SIGTSTP)
        await stage.shows(STOPPED)
        assert stage.restored
        await stage.type("fg\r")
        await stage.shows("You: a draft")
        os.kill(chat, signal.SIGSTOP)
        await stage.shows(f"shell: {128 + signal.SIGSTOP}")
        await stage.type("stty sane; clear; fg\n")
        await stage.shows("You: a draft", "connected")
        await stage.type("!")
        await stage.shows("You: a draft!")
        assert stage.is_raw
        await stage.type("\x03\x04")
        await stage.shows("no answers", "shell: 0")
        assert stage.restored


async def test_nobody_to_continue_it(tmp_path: Path) -> None:
    """Without a shell that looks after it, Ctrl+Z stops nothing."""
    async with scripted_server(Slow()) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("a draft")
        await stage.shows("You: a draft")
        seen = len(stage.raw)
        await stage.type(f"{CTRL_Z}!")
        await stage.wrote(TAKEN, seen)  # before that, the terminal would make a signal of Ctrl+C
        await stage.shows("You: a draft!", "connected")
        assert sum(row.startswith("You:") for row in stage.rows) == 1
        await stage.type("\x03\x04")
        assert await stage.left() == 0
        assert stage.restored
