"""Azure's preview, and Voice Live, which speaks the same beta: flat settings and the older names of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ServerRefused
from tests.providers.saying import answering, each, error, in_beta, opening, turn, without
from tests.providers.stage import assert_answer, assert_documented, assert_key, assert_quiet, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

VERSION = "2025-04-01-preview"
TARGET = f"/openai/realtime?api-version={VERSION}"
DEPLOYMENT = "my-deployment"
VOICE = {"name": "alloy", "type": "openai"}


async def test_a_chat_with_the_preview(tmp_path: Path) -> None:
    """Version and deployment are in the query, the settings flat, the header that of the beta."""
    turns = [in_beta(turn(1, "Good day.")), in_beta(turn(2, "Bye."))]
    async with talking(answering(turns), tmp_path, "azure-preview", target=TARGET, model=DEPLOYMENT) as at:
        assert_answer(await at.chat.ask("Greet me."), "Good day.")
        assert_answer(await at.chat.ask("Leave me."), "Bye.")
    assert at.seen.target.partition("?")[0] == "/openai/realtime"
    assert at.query == {"api-version": VERSION, "deployment": DEPLOYMENT}
    assert_key(at.seen, "api-key")
    assert at.seen.header("Authorization") is None
    assert at.seen.header("OpenAI-Beta") == "realtime=v1"
    assert at.session["modalities"] == ["text", "audio"]
    assert at.session["turn_detection"] is None
    assert (at.session["voice"], at.session["output_audio_format"]) == ("alloy", "pcm16")
    assert not at.session.keys() & {"type", "output_modalities", "audio", "tracing", "max_output_tokens"}
    assert_documented(at.seen, "beta", but=["session.update"])
    assert_quiet(at)


def live(event: Event) -> None:
    """Make of an event what Voice Live sends: a voice as an object, and fields that nobody else has."""
    if "session" in event:
        event["session"] |= {"voice": VOICE, "animation": None, "avatar": None, "input_audio_sampling_rate": 24_000}
        event["session"].pop("type")
    if "response" in event:
        event["response"] |= {"modalities": ["text", "audio"], "voice": VOICE, "temperature": None}
        for item in event["response"]["output"]:
            item["content"] = [{"type": "audio", "transcript": item["content"][0]["transcript"]}]


async def test_a_chat_with_voice_live(tmp_path: Path) -> None:
    """Voice Live is the same by another address: an object for a voice, no limits, and more fields than the beta."""
    events = each(without(in_beta(turn(1, "Hola.")), "rate_limits.updated"), live)
    opens = each([opening()], live)
    target = "/voice-live/realtime?api-version=2026-04-10"
    story = answering([events], opens=opens, updates=[{**opens[0], "type": "session.updated"}])
    async with talking(story, tmp_path, "azure-preview", target=f"{target}&model=gpt-realtime", model=None) as at:
        assert_answer(await at.chat.ask("Greet me."), "Hola.", usd=None)
    assert at.query == {"api-version": "2026-04-10", "model": "gpt-realtime"}
    assert at.chat.metrics.unpriced_answers == 1
    assert at.screen.notices == []


async def test_a_ga_field_is_refused_by_its_name(tmp_path: Path) -> None:
    """The preview refuses what it does not know; the sentence names the parameter."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        update = await peer.expect("session.update")
        message = "Unknown parameter: 'session.type'."
        await peer.send(error(message, update["event_id"], code="unknown_parameter", param="session.type"))
        await peer.client_left()

    with pytest.raises(ServerRefused, match=r"'session\.type'"):
        async with talking(story, tmp_path, "azure-preview", target=TARGET, model=DEPLOYMENT, dialect="ga") as at:
            await at.chat.ask("Hello?")
