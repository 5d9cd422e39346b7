"""Settings that change in a chat: by `session.update`, confirmed or refused by name, or by a new session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.scripted_server import answer, error, scripted_server, tone
from tests.repl.stage import FACES, open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer


@pytest.mark.parametrize("face", FACES)
async def test_settings_are_confirmed_and_refused_by_name(tmp_path: Path, face: str) -> None:
    """The session goes on; what was refused is as it was."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("session.update")
        await peer.send({"type": "session.updated", "session": {}})
        update = await peer.expect("session.update")
        await peer.send(error("invalid_value", "Not so fast.", event_id=update["event_id"]))
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Fine.", tone()))
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=120, rows=60, env=FACES[face]) as stage,
    ):
        await stage.shows("You:")
        await stage.type("/voice cedar\r")
        await stage.shows("voice is now cedar")
        await stage.type("/speed 1.4\r")
        await stage.shows("The server refused speed: Not so fast (invalid_value). The old settings go on.")
        await stage.type("/info\r")
        await stage.shows("voice             cedar", "speed             not set")
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.")
    assert len(server.connections) == 1
    updates = [event["session"] for event in server.seen.events if event["type"] == "session.update"]
    assert updates[1:] == [
        {"type": "realtime", "audio": {"output": {"voice": "cedar"}}},
        {"type": "realtime", "audio": {"output": {"speed": 1.4}}},
    ]


async def test_a_locked_voice_takes_a_new_session(tmp_path: Path) -> None:
    """After the first audio, and so it is said; the conversation is told again."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Fine.", tone()))
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=120) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.", "0.1 s of audio")
        await stage.hides("receiving")
        await stage.type("/voice cedar\r")
        await stage.shows("voice is now cedar: this session cannot change it any more, so a new one goes on")
        await stage.type("And now?\r")
        await stage.repeats("Geppetto: Fine.", 2)
    assert server.connections[1].questions == ["How are you?", "Fine.", "And now?"]


async def test_a_server_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    """The person is told so, and goes on."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("session.update")
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Fine.", tone()))
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=120) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/instructions Be brief.\r")
        await stage.shows("instructions is asked for, and the server has not answered yet")
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.")
