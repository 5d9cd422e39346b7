"""The question of the doctor: what comes of it, and that nothing of it stays on the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.config import ClientConfig
from geppetto.doctor.turn import QUESTION, Turn
from geppetto.errors import GeppettoError
from geppetto.status import ExitStatus
from tests.fakes.scripted_server import answers, created, done, scripted_server

if TYPE_CHECKING:
    from geppetto.doctor.check import Finding
    from tests.fakes.scripted_server import Peer, ScriptedServer, Story

BOUND_S = 10


@pytest.fixture(autouse=True)
def _own_temporary_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def left_behind() -> list[Path]:
    """Return what is where temporary files go."""
    return list(Path(tempfile.gettempdir()).iterdir())


async def ask(story: Story, *, audio: bool = False) -> tuple[Finding, ScriptedServer, Turn]:
    """Ask a server that plays *story*."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server:
            turn = Turn(config=ClientConfig(url=server.url), audio=audio)
            found = await turn.look()
    assert left_behind() == []
    return found, server, turn


async def test_an_answer_is_told_with_its_cost() -> None:
    """Text is asked for; the sentence has the time and the cost; the wire log is at hand for a bundle."""
    found, server, turn = await ask(answers(["Ready."]))
    assert found.verdict == "ok"
    assert "A question was answered in" in found.sentence
    assert "what it cost is not known" in found.sentence
    assert "Ready" not in str(found)
    update = next(event for event in server.seen.events if event["type"] == "session.update")
    assert update["session"]["output_modalities"] == ["text"]
    assert QUESTION in turn.wire_log.decode()


async def test_audio_is_asked_for_on_demand() -> None:
    """Then the time to the first audio is told, and an answer without audio is a failure."""
    found, _, _ = await ask(answers(["Ready."]), audio=True)
    assert found.verdict == "ok"
    assert "first audio after" in found.sentence

    async def mute(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("r"), done("r"))
        await peer.client_left()

    found, _, _ = await ask(mute, audio=True)
    assert (found.verdict, found.status) == ("failed", ExitStatus.UNANSWERED)


async def test_an_answer_that_fails_is_a_failure() -> None:
    """The server's reason is told, and the status is 3."""

    async def fail(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("r"), done("r", "incomplete", reason="content_filter"))
        await peer.client_left()

    found, _, _ = await ask(fail)
    assert (found.verdict, found.status) == ("failed", ExitStatus.UNANSWERED)
    assert "content_filter" in found.sentence


async def test_a_lost_connection_is_an_error() -> None:
    """The log of what came before it is kept for a bundle."""

    async def leave(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.drop()

    with trio.fail_after(BOUND_S):
        async with scripted_server(leave) as server:
            turn = Turn(config=ClientConfig(url=server.url), audio=False)
            with pytest.raises(GeppettoError) as caught:
                await turn.look()
    assert caught.value.status is ExitStatus.CONNECTION_LOST
    assert b"response.create" in turn.wire_log
