"""`stty -a` shows the same before and after, whatever the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.scripted_server import error, scripted_server, silent
from tests.repl.stage import open_stage, to
from tests.repl.test_terminal_restored import BUG, BUGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

SHELL = 'stty -ixany iutf8; stty -a >before; "$@"; status=$?; stty -a >after; exit $status'


def same(cwd: Path) -> bool:
    """Return whether the terminal was left as it was found."""
    before = (cwd / "before").read_text()
    return "icanon" in before and (cwd / "after").read_text() == before


@pytest.mark.parametrize(
    ("keys", "status"), [("\x04", 0), (".quit\r", 0), ("\x03\x03", 130), ("draft\x1a\x03\x04", 0)]
)
async def test_keys(tmp_path: Path, keys: str, status: int) -> None:
    """Ctrl+D, a word that leaves, Ctrl+C twice, and a Ctrl+Z that could not stop anything before them."""
    async with (
        scripted_server(silent) as server,
        open_stage(to(server.url), cwd=tmp_path, shell=SHELL) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type(keys)
        assert await stage.left() == status
    assert same(tmp_path)


async def test_a_refusal(tmp_path: Path) -> None:
    """The server does not want us."""

    async def story(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", "Incorrect API key provided."))
        await peer.client_left()

    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, shell=SHELL) as stage:
        assert await stage.left() == 5
    assert same(tmp_path)


@pytest.mark.parametrize("where", ["drawing", "talk"])
async def test_a_crash(tmp_path: Path, where: str) -> None:
    """A bug in the prompt's thread, and one in the event loop's."""
    run = ("-c", BUG.format(place=BUGS[where]))
    async with (
        scripted_server(silent) as server,
        open_stage(to(server.url), cwd=tmp_path, run=run, shell=SHELL) as stage,
    ):
        await stage.type("Hi\r")
        assert await stage.left() == 1
    assert same(tmp_path)


async def test_an_editor_that_is_killed(tmp_path: Path) -> None:
    """It leaves the terminal in any state; the prompt goes on with what was typed, and the end is as it began."""
    editor = tmp_path / "edit.sh"
    editor.write_text("#!/bin/sh\nstty -a >within\nstty raw -opost -echo\nkill -9 $$\n")
    editor.chmod(0o755)
    env = {"EDITOR": str(editor)}
    async with (
        scripted_server(silent) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=200, env=env, shell=SHELL) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("a draft\x0f")
        await stage.shows("edit.sh was ended by SIGKILL; what you typed is unchanged.", "You: a draft", "connected")
        await stage.type("!")
        await stage.shows("You: a draft!")
        await stage.type("\x03\x04")
        assert await stage.left() == 0
    assert same(tmp_path)
    assert (tmp_path / "within").read_text() == (tmp_path / "before").read_text()
