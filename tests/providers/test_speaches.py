"""
speaches: the beta without cancel, truncate and usage, whose update takes neither nulls nor formats.

Source: speaches of 2026-03, `realtime/*_event_router.py`, `types/realtime.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ServerRefused
from tests.providers.saying import (
    PCM,
    answering,
    each,
    error,
    in_beta,
    in_turn,
    opening,
    transcribed,
    turn,
    updated,
    without,
)
from tests.providers.stage import KEY, assert_answer, assert_documented, assert_key, assert_quiet, refusal, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

LLM = "llama3.2"
OPENS = [opening(modalities=["audio", "text"], voice="af_heart", speech_model="speaches-ai/Kokoro-82M-v1.0-ONNX")]
UNHEEDED = (
    "Specifying `session.turn_detection.prefix_padding_ms` is not supported. The server either does not support this "
    "field or it is not configurable."
)
"""For a field without which the update would be dropped."""
UPDATES = [error(UNHEEDED), updated(modalities=["audio", "text"], voice="af_heart")]


def bare(event: Event) -> None:
    """Leave of a response what speaches has of it, which is no usage."""
    if "response" in event:
        response = event["response"]
        event["response"] = {
            "id": response["id"],
            "object": "realtime.response",
            "status": "completed" if response["output"] else "incomplete",
            "output": response["output"],
            "modalities": ["text", "audio"],
        }


def spoken(number: int, text: str) -> list[Event]:
    """Return an answer of speaches."""
    return each(in_beta(without(turn(number, text), "rate_limits.updated")), bare)


async def test_a_chat_with_speaches(tmp_path: Path) -> None:
    """The beta is spoken, the language model is the model; neither usage nor limits come, and nothing has a price."""
    story = answering([spoken(1, "One."), spoken(2, "Two.")], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "speaches", model=LLM, instructions="Be brief.") as at:
        assert_answer(await at.chat.ask("a?"), "One.", tokens=0, usd=None)
        assert_answer(await at.chat.ask("b?"), "Two.", tokens=0, usd=None)
    assert at.query == {"model": LLM}
    assert_key(at.seen, "Authorization", f"Bearer {KEY}")
    assert_documented(at.seen, "beta")
    assert_quiet(at)
    # A null drops the update as a whole, a format is an error that is shown for nothing.
    assert at.session == {
        "modalities": ["text", "audio"],
        "max_response_output_tokens": "inf",
        "instructions": "Be brief.",
        "temperature": 0.8,
        # Detection cannot be switched off: this threshold takes nothing for speech.
        "turn_detection": {
            "type": "server_vad",
            "threshold": 1.0,
            "prefix_padding_ms": 0,
            "silence_duration_ms": 550,
            "create_response": True,
        },
    }


async def test_a_voice_that_is_named(tmp_path: Path) -> None:
    """The voice is speaches' own unless one is asked for."""
    story = answering([spoken(1, "One.")], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "speaches", model=LLM, voice="am_adam") as at:
        assert_answer(await at.chat.ask("a?"), "One.", tokens=0, usd=None)
    assert at.session["voice"] == "am_adam"


@pytest.mark.parametrize("at_the_handshake", [True, False])
async def test_a_bad_key_is_refused(tmp_path: Path, at_the_handshake: bool) -> None:
    """Close 1008, or 403 where the server did not accept yet: refused, and not tried again."""

    async def story(peer: Peer) -> None:
        await peer.close(1008, "Authentication failed")
        await peer.client_left()

    reject = (403, b"") if at_the_handshake else None
    said = await refusal(story, tmp_path, "speaches", reject=reject, model=LLM)
    assert "heck the key" in said


@pytest.mark.parametrize("echoed", [True, False])
async def test_a_cancel_that_is_not_known(tmp_path: Path, echoed: bool) -> None:
    """The user learns that the answer cannot be cancelled; it goes on to its end, and so does the chat."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        whole = spoken(1, "Once upon a time.")
        await peer.send(*whole[:6])
        cancel = await peer.expect("response.cancel")
        message = "Handling of the 'response.cancel' event is not implemented."
        refusal = error(message, cancel["event_id"] if echoed else None, type="server_error")
        await peer.send(refusal, *whole[6:])
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "speaches", model=LLM) as at:
        words = at.chat.stream("Tell me a story.")
        await anext(words)
        assert at.chat.cancel(truncate=True)
        assert "".join([piece async for piece in words]).endswith("a time.")
        assert_answer(await at.chat.ask("And?"), "Two.", tokens=0, usd=None)
    assert len(at.screen.notices) == 1
    assert "'response.cancel' event is not implemented" in at.screen.notices[0]
    assert "conversation.item.truncate" not in at.seen.types


async def test_thirty_minutes_are_over(tmp_path: Path) -> None:
    """The server's limit ends the connection without a word: a new session is told what was said."""

    async def cut(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        await peer.send(*spoken(1, "One."))
        await peer.expect("response.create")
        await peer.drop()

    again = answering([spoken(2, "Two.")], opens=OPENS, updates=UPDATES)
    async with talking(in_turn(cut, again), tmp_path, "speaches", model=LLM, max_retries=1) as at:
        assert_answer(await at.chat.ask("a?"), "One.", tokens=0, usd=None)
        assert_answer(await at.chat.ask("b?"), "Two.", tokens=0, usd=None)
    assert at.server.connections[1].questions == ["a?", "One.", "b?"]
    kinds = [event["item"]["content"][0]["type"] for event in at.server.connections[1].events if "item" in event]
    assert kinds == ["input_text", "text", "input_text"]


async def test_an_update_that_is_dropped_is_named(tmp_path: Path) -> None:
    """A dropped update has neither code nor parameter nor id, but its name is in the message."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        message = "2 validation errors\nsession.update.session.temperature.float\n  Input should be a valid number"
        await peer.send(error(message))
        await peer.client_left()

    with pytest.raises(ServerRefused, match=r"session\.update\.session\.temperature"):
        async with talking(story, tmp_path, "speaches", model=LLM) as at:
            await at.chat.ask("a?")


async def test_a_spoken_question_is_answered_when_it_is_transcribed(tmp_path: Path) -> None:
    """speaches waits for the transcript of what was committed, and answers then; `response.create` would not wait."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("input_audio_buffer.commit")
        committed, asked, *answer = aloud(spoken(1, "Long."))
        await peer.send(committed, transcribed(1, "How long is it?"), asked, *answer)
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "speaches", model=LLM) as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "Long.", tokens=0, usd=None)
        assert_answer(await at.chat.ask("b?"), "Two.", tokens=0, usd=None)
    assert at.screen.heard == ["How long is it?"]
    assert at.seen.types.count("response.create") == 1
    assert_documented(at.seen, "beta")
    assert_quiet(at)


def aloud(events: list[Event]) -> list[Event]:
    """Return *events*, which answer a typed question, for a spoken one."""
    committed = {"type": "input_audio_buffer.committed", "item_id": "item_u1", "previous_item_id": None}
    return [committed, *events]
