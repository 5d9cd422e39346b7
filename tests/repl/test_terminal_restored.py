"""Every way out gives the terminal back as it was found."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from geppetto.repl.editor import Editor
from tests.fakes.scripted_server import audio, created, error, scripted_server, silent, tone, words
from tests.repl.stage import open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer


async def talking(peer: Peer) -> None:
    """Begin an answer, and say no more."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.send(created("resp_1"), audio("resp_1", tone()), words("resp_1", "Once upon a time"))
    await peer.client_left()


@pytest.mark.parametrize(
    ("keys", "status"),
    [("\x04", 0), (".quit\r", 0), ("/quit\r", 0), ("/exit\r", 0), ("\x03\x03", 130), ("a draft\x03\x03\x03", 130)],
)
async def test_keys_that_leave(tmp_path: Path, keys: str, status: int) -> None:
    """Ctrl+D, words that leave and a second Ctrl+C end with their statuses, and nothing of the prompt stays."""
    async with scripted_server(silent) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        assert stage.is_raw
        await stage.type(keys)
        assert await stage.left() == status
        assert stage.restored
        assert "You:" not in stage.rows
        assert stage.rows[-1].startswith("no answers")
    assert server.seen.close_code == 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_signals(tmp_path: Path, number: signal.Signals) -> None:
    """A signal in the middle of an answer and of a line ends in order; what came of the answer is on the screen."""
    async with scripted_server(talking) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon a time")
        await stage.type("and then")
        await stage.shows("You: and then")
        stage.process.send_signal(number)
        assert await stage.left() == 128 + number
        assert stage.restored
        assert "Geppetto: Once upon a time" in stage.rows
        assert any("the answer is partial" in row for row in stage.rows)
        assert "You: and then" not in stage.rows
    assert server.seen.close_code == 1000


async def test_a_second_signal_kills_a_terminal_that_is_restored(tmp_path: Path) -> None:
    """Two SIGINTs at once end the process wherever it is, but not before the terminal is given back."""
    async with scripted_server(talking) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        stage.process.send_signal(signal.SIGINT)
        stage.process.send_signal(signal.SIGINT)
        assert await stage.left() == 130
        assert not stage.is_raw


async def test_a_server_that_refuses(tmp_path: Path) -> None:
    """A refusal ends with its sentence below a clean prompt."""

    async def story(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", "Incorrect API key provided."))
        await peer.client_left()

    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        assert await stage.left() == 5, "\n".join(stage.all_rows)
        assert stage.restored
        assert any(row.startswith("geppetto: ") and "invalid_api_key" in row for row in stage.rows)


async def test_no_server(tmp_path: Path) -> None:
    """Nobody there is said when the terminal is given back."""
    async with open_stage(to("ws://127.0.0.1:9/"), cwd=tmp_path) as stage:
        assert await stage.left() == 4, "\n".join(stage.all_rows)
        assert stage.restored


BUGS = {
    "session": "geppetto.realtime.conversation:Conversation.receive",
    "scene": "geppetto.repl.prompt.scene:Scene.show",
    "drawing": "geppetto.repl.prompt.look:Look._prefix",
    "keys": "geppetto.repl.prompt.view:View.send",
    "talk": "geppetto.repl.talk:Talk.hear",
    "status": "geppetto.repl.talk:Talk.show_status",
}
"""What breaks where."""
BUG = """
import importlib, sys
from geppetto.cli.main import run

def broken(self, *args, **kwargs):
    raise ZeroDivisionError("a bug")

module, _, name = {place!r}.partition(":")
owner, _, method = name.partition(".")
setattr(getattr(importlib.import_module(module), owner), method, broken)
sys.argv[0] = "geppetto"
run()
"""


@pytest.mark.parametrize("where", BUGS)
async def test_a_bug(tmp_path: Path, where: str) -> None:
    """A bug, wherever it is, ends with 1 and its traceback on a terminal that is usable."""
    run = ("-c", BUG.format(place=BUGS[where]))
    async with scripted_server(talking) as server, open_stage(to(server.url), cwd=tmp_path, run=run) as stage:
        await stage.type("Hi\r")
        assert await stage.left() == 1
        assert stage.restored
        assert any("ZeroDivisionError: a bug" in row for row in stage.all_rows)


def test_no_editor_is_started_behind_the_end(tmp_path: Path) -> None:
    """The key may be pressed in the moment in which the session ends; nobody would end that editor."""
    editor = Editor(["sh", "-c", f"touch {tmp_path / 'started'}"])
    editor.end()
    assert editor.run("typed") == ("typed", "")
    assert not (tmp_path / "started").exists()


async def test_an_editor_that_is_open(tmp_path: Path) -> None:
    """SIGTERM while the editor has the screen ends the editor, too."""
    env = {"EDITOR": "sh -c 'exec sleep 100'"}
    async with scripted_server(silent) as server, open_stage(to(server.url), cwd=tmp_path, env=env) as stage:
        await stage.shows("You:", "connected")
        await stage.type("\x0f")
        await stage.hides("connected")
        stage.process.send_signal(signal.SIGTERM)
        assert await stage.left() == 143
        assert stage.restored
