"""Commands: what each shows, what it leaves behind, and that none of them reaches the model by mistake."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from geppetto.config import ClientConfig
from geppetto.errors import ConfigError
from geppetto.repl.commands import COMMANDS, help_text, unknown
from geppetto.repl.saving import MAX_FILE_BYTES, read_text
from geppetto.repl.settings import CHANGEABLE, change, shown
from tests.fakes.scripted_server import answer, answers, error, scripted_server, session_created, tone
from tests.repl.stage import open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer, Story


def in_turn(*stories: Story) -> Story:
    """Return the story that plays one of *stories* for each client, in their order."""
    left = iter(stories)

    async def story(peer: Peer) -> None:
        await next(left)(peer)

    return story


def test_the_help_names_every_command() -> None:
    """Each command has a row."""
    assert all(f"  {command.usage} " in help_text() for command in COMMANDS)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hlep", "there is no /hlep. /help is near."),
        ("voise", "there is no /voise. /voice is near."),
        ("xyzzy", "there is no /xyzzy. /help lists the commands."),
        ("", "there is no /. /help lists the commands."),
    ],
)
def test_unknown_commands(name: str, said: str) -> None:
    """A near miss is suggested."""
    assert unknown(name) == said


def test_settings_change_one_value() -> None:
    """Numbers are read as numbers, and everything else stays."""
    config = ClientConfig()
    assert change(config, "speed", "1.25").speed == 1.25
    assert change(config, "voice", "cedar").voice == "cedar"
    assert change(config, "voice", "cedar").model_name == config.model_name
    assert all(hasattr(config, name) for name in CHANGEABLE)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("speed", "fast", "speed"),
        ("speed", "9", "speed"),
        ("modality", "smell", "modality"),
        ("url", "ws://evil.example/", "cannot be changed here"),
        ("api_key", "x", "cannot be changed here"),
    ],
)
def test_settings_that_are_wrong(name: str, value: str, why: str) -> None:
    """A wrong value is named, and neither the server nor the key can be changed."""
    with pytest.raises(ConfigError, match=why):
        change(ClientConfig(), name, value)


def test_settings_hide_secrets() -> None:
    """The list of settings has no key and no password of a proxy."""
    config = ClientConfig(api_key="sk-secret-0123456789", proxy="http://me:hidden-word@proxy.example:3128")
    assert "sk-secret" not in shown(config)
    assert "hidden-word" not in shown(config)


def test_files_for_a_question(tmp_path: Path) -> None:
    """Text is taken whole; what is too large, binary or no file is refused."""
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeffüber\r\nall\n".encode())
    assert read_text(file) == "über\nall"
    for content, why in ((b"\xff\xfe\x00", "UTF-8"), (b"a\x00b", "not text"), (b"a" * (MAX_FILE_BYTES + 1), "more")):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=why):
            read_text(file)
    with pytest.raises(ConfigError, match="not a file"):
        read_text(tmp_path)


async def test_commands_are_never_questions(tmp_path: Path) -> None:
    """What begins with a slash stays here, known or not; with a space before it, it is a question."""
    async with (
        scripted_server(answers(["Fine."])) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100, rows=40) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/hlep\r")
        await stage.shows("there is no /hlep. /help is near.")
        await stage.type("/save\r")
        await stage.shows("/save FILE: Save the conversation")
        await stage.type("/help\r")
        await stage.shows("/voice NAME", "Alt+Enter")
        await stage.type("/retry\r")
        await stage.shows("nothing was asked yet.")
        await stage.type(" /etc/passwd, what is it?\r")
        await stage.shows("Geppetto: Fine.")
    assert server.seen.questions == ["/etc/passwd, what is it?"]


async def test_a_file_and_a_second_try(tmp_path: Path) -> None:
    """A file goes with the next question alone, and /retry asks the same again."""
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    async with (
        scripted_server(answers(["One.", "Two.", "Three."])) as server,
        open_stage(to(server.url), cwd=tmp_path) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/file not\t")
        await stage.shows("You: /file notes.txt")
        await stage.type("\r\r")
        await stage.shows("notes.txt goes with the next question: 17 characters")
        await stage.type("What is it?\r")
        await stage.shows("Geppetto: One.")
        await stage.type("/retry\r")
        await stage.shows("Geppetto: Two.")
        await stage.type("And now?\r")
        await stage.shows("Geppetto: Three.")
    asked = "notes.txt:\n\nremember the milk\n\nWhat is it?"
    assert server.seen.questions == [asked, asked, "And now?"]


async def test_the_conversation_as_a_file(tmp_path: Path) -> None:
    """/history shows it, /save writes it for the user alone, and over no file; /stats and /cost have figures."""
    async with (
        scripted_server(answers(["Fine."])) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=200, rows=60) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/save talk.md\r")
        await stage.shows("nothing was said yet.")
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.", "0.1 s of audio")
        for name in ("talk.md", "talk.json", "talk.html"):
            await stage.type(f"/save {name}\r")
            await stage.shows(f"{name} has the conversation: 1 answer")
        await stage.type("/save talk.md\r")
        await stage.shows("talk.md is there already. Name another file.")
        await stage.type("/history\r/stats\r/cost\r/info\r")
        await stage.shows("1 answer", "first audio after", "0 tokens in", "server  ", "history_budget")
        assert sum(row == "Geppetto: Fine." for row in stage.rows) == 2
    assert "How are you?" in (tmp_path / "talk.md").read_text()
    assert json.loads((tmp_path / "talk.json").read_text())
    assert "<!doctype html>" in (tmp_path / "talk.html").read_text()
    assert stat.S_IMODE((tmp_path / "talk.md").stat().st_mode) == 0o600


async def test_another_voice(tmp_path: Path) -> None:
    """A new voice is a new session, which is told what was said; answers go on from there."""
    async with (
        scripted_server(in_turn(answers(["Fine."]), answers(["Again."]))) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.", "0.1 s of audio")
        await stage.hides("receiving")
        await stage.type("/voice ced\t")
        await stage.shows("You: /voice cedar")
        await stage.type("\r\r")
        await stage.shows("voice is now cedar", "connected · gpt-realtime-2.1 cedar")
        await stage.type("And now?\r")
        await stage.shows("Geppetto: Again.")
        await stage.type("\x04")
        assert await stage.left() == 0
    assert server.connections[1].questions == ["How are you?", "Fine.", "And now?"]


async def test_a_model_that_is_refused(tmp_path: Path) -> None:
    """When the server refuses the new settings, the conversation goes on with the old ones."""

    async def refuse(peer: Peer) -> None:
        await peer.send(session_created(), error("model_not_found", "No such model."))
        await peer.client_left()

    async def go_on(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_9", "Still here.", tone()))
        await peer.client_left()

    async with (
        scripted_server(in_turn(answers(["Fine."]), refuse, go_on)) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=200) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/model gpt-none\r")
        await stage.shows("The old settings go on.", "connected · gpt-realtime-2.1")
        await stage.type("Hi\r")
        await stage.shows("Geppetto: Still here.")
