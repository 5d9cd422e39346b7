"""Settings that change while a chat runs, over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
import pytest
import trio

from geppetto.chat import open_chat
from geppetto.errors import ChangeRefused, ConnectionLost, GeppettoError
from geppetto.offline.server import open_offline_server
from geppetto.offline.voice import ToneVoice
from tests.fakes.chatting import BOUND_S, chatting, configure
from tests.fakes.scripted_server import answer, error, scripted_server, tone

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.chat import Chat
    from geppetto.realtime.client_events import SessionSettings
    from tests.fakes.scripted_server import Peer


async def test_the_server_confirms_what_is_different(tmp_path: Path) -> None:
    """Only that is sent, and `change` returns when it holds."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("session.update")
        await peer.send({"type": "session.updated", "session": {}})
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        settings = configure(at.server.url, tmp_path).session_settings
        await at.chat.change(settings)  # nothing is different
        await at.chat.change(attrs.evolve(settings, speed=1.2, instructions="Be brief."))
    assert at.server.seen.events[1]["session"] == {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"output": {"speed": 1.2}},
    }
    assert len(at.server.seen.events) == 2


async def test_the_server_refuses_by_name(tmp_path: Path) -> None:
    """The sentence names the setting and has the server's words; the chat goes on."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        update = await peer.expect("session.update")
        await peer.send(error("invalid_value", "Too fast.", event_id=update["event_id"]))
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Yes."))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        settings = configure(at.server.url, tmp_path).session_settings
        with pytest.raises(ChangeRefused, match=r"The server refused speed: Too fast \(invalid_value\)\. The old"):
            await at.chat.change(attrs.evolve(settings, speed=1.4))
        assert (await at.chat.ask("a?")).text == "Yes."


@pytest.mark.parametrize("dialect", ["ga", "beta"])
async def test_the_embedded_server_takes_and_refuses(tmp_path: Path, dialect: Literal["ga", "beta"]) -> None:
    """The voice is free until the first audio, and so it is after a change of something else."""
    with trio.fail_after(BOUND_S):
        async with open_offline_server(voice=ToneVoice(5), lead_s=0, dialect=dialect) as server:
            config = configure(server.url, tmp_path, api_key=server.key, dialect=dialect)
            settings = config.session_settings
            async with open_chat(config) as chat:
                settings = attrs.evolve(settings, voice="cedar")
                assert chat.can_change(settings)
                await chat.change(settings)
                await chat.ask("What is 1 plus 1?")
                assert not chat.can_change(attrs.evolve(settings, voice="marin"))
                assert not chat.can_change(attrs.evolve(settings, voice=None))
                settings = attrs.evolve(settings, instructions="Be brief.", modality="text")
                assert chat.can_change(settings)
                await chat.change(settings)
                got = await chat.ask("What is 2 plus 1?")
                with pytest.raises(ChangeRefused, match="max_output_tokens"):
                    await chat.change(attrs.evolve(settings, max_output_tokens=999_999))
    assert (got.status, got.audio_file) == ("completed", None)


async def test_a_change_survives_a_reconnect(tmp_path: Path) -> None:
    """One without an answer is asked for again in the next session, and those that hold are said at once."""

    async def story(peer: Peer) -> None:
        if len(server.connections) == 1:
            await peer.greet()
            await peer.expect("session.update")
            await peer.send({"type": "session.updated", "session": {}})
            await peer.expect("session.update")
            await peer.drop()
            return
        await peer.greet()
        await peer.expect("session.update")
        await peer.send({"type": "session.updated", "session": {}})
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Yes.", tone()))
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server:
            config = configure(server.url, tmp_path, max_retries=3)
            async with open_chat(config) as chat:
                settings = attrs.evolve(config.session_settings, speed=1.2)
                await chat.change(settings)
                await chat.change(attrs.evolve(settings, instructions="Be brief."))
                await chat.ask("a?")
    first, second = [event["session"] for event in server.connections[1].events[:2]]
    assert first["audio"]["output"]["speed"] == 1.2
    assert first["instructions"] == config.session_settings.instructions
    assert second == {"type": "realtime", "instructions": "Be brief."}


async def test_the_end_of_the_session_ends_the_waiting(tmp_path: Path) -> None:
    """Whoever waits for the verdict is told why there will be none."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("session.update")
        await peer.drop()

    raised: list[GeppettoError] = []

    async def change(chat: Chat, settings: SessionSettings) -> None:
        try:
            await chat.change(settings)
        except GeppettoError as error:
            raised.append(error)

    async def talk(nursery: trio.Nursery) -> None:
        async with chatting(story, tmp_path) as at:
            settings = configure(at.server.url, tmp_path).session_settings
            nursery.start_soon(change, at.chat, attrs.evolve(settings, speed=1.2))
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        with pytest.raises(ConnectionLost):
            await talk(nursery)
    assert [type(error) for error in raised] == [ConnectionLost]
