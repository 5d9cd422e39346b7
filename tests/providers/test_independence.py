"""Answers that know nothing of each other, where the server puts every answer into the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ConfigError
from geppetto.status import ExitStatus
from tests.fakes.program import run_program
from tests.fakes.scripted_server import scripted_server
from tests.providers.saying import answering, opening, turn
from tests.providers.stage import talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

PROVIDERS = ["localai", "speaches"]


async def echoing(peer: Peer) -> None:
    """Answer each question with its own words, and how many came before it."""
    await peer.send(opening())
    await peer.expect("session.update")
    number = 0
    while True:
        await peer.expect("response.create")
        number += 1
        await peer.send(*turn(number, f"{peer.seen.questions[-1]} {len(peer.seen.questions)}"))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_several_jobs_have_a_session_for_each_question(tmp_path: Path, provider: str) -> None:
    """Out of band the input would stay in the conversation (LocalAI) or be left out (speaches)."""
    async with scripted_server(echoing) as server:
        ran = await run_program(
            ["--provider", provider, "--url", server.url, "--model", "m", "--jobs", "2"],
            cwd=tmp_path,
            stdin="a?\nb?\nc?\n",
        )
    assert ran.status == ExitStatus.OK, ran.stderr
    assert ran.stdout.split("\n")[:3] == ["a? 1", "b? 1", "c? 1"]
    assert sorted(question for seen in server.connections for question in seen.questions) == ["a?", "b?", "c?"]
    sent = [event for seen in server.connections for event in seen.events if event["type"] == "response.create"]
    assert not any("response" in event for event in sent)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_out_of_band_by_request_is_refused(tmp_path: Path, provider: str) -> None:
    """The command line names what works there, before anything is asked; the Python API says it, too."""
    args = ["--provider", provider, "--url", "ws://127.0.0.1:9/v1/realtime", "--model", "m"]
    ran = await run_program([*args, "--context", "response"], cwd=tmp_path, stdin="a?\n")
    assert ran.status == ExitStatus.USAGE
    assert f"{provider} puts every answer into the conversation. Use --context session." in ran.stderr
    async with talking(answering([]), tmp_path, provider, model="m") as at:
        with pytest.raises(ConfigError, match="session of its own"):
            await at.chat.ask("a?", independent=True)
