"""
Hugging Face speech-to-speech: GA without items and parts, and errors whose name is their type.

Source: huggingface/speech-to-speech of 2026-11, `api/openai_realtime/`: `README.md`, `websocket_router.py`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ConnectionLost, ServerRefused
from tests.fakes.chatting import audio_came
from tests.providers.saying import (
    PCM,
    answering,
    cut_off,
    each,
    error,
    in_turn,
    opening,
    transcribed,
    turn,
    updated,
    without,
)
from tests.providers.stage import assert_answer, assert_documented, assert_quiet, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

OPENS = [opening(model="local", voice="Aiden")]
UPDATES = [updated(model="local", voice="Aiden")]
MISSING = (
    "conversation.item.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "rate_limits.updated",
)


def created(event: Event) -> None:
    """Call an item created, as it did before GA."""
    if event["type"] == "conversation.item.added":
        event["type"] = "conversation.item.created"


def spoken(number: int, text: str) -> list[Event]:
    """Return an answer of an older build: what was asked, words, audio, and the end."""
    whole = each(without(turn(number, text), *MISSING), created)
    return [event for event in whole if event.get("item", {}).get("role") != "assistant"]


async def test_a_chat_with_huggingface(tmp_path: Path) -> None:
    """GA is spoken without a key; words and audio are complete without an item or a part around them."""
    story = answering([spoken(1, "One."), spoken(2, "Two.")], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "huggingface", api_key=None, model="m") as at:
        assert_answer(await at.chat.ask("a?"), "One.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.seen.header("Authorization") is None
    assert at.seen.header("OpenAI-Beta") is None
    assert at.session["type"] == "realtime"
    assert "voice" not in at.session["audio"]["output"]
    assert_documented(at.seen)
    assert_quiet(at)


async def full(peer: Peer) -> None:
    """Refuse a session because others take all the room."""
    await peer.send(error("All 1 session slots are in use.", type="session_limit_reached"))
    await peer.close(1008, "All session slots are in use")
    await peer.client_left()


async def test_a_full_server_is_tried_again(tmp_path: Path) -> None:
    """`session_limit_reached` passes, although its close code says that the client did something wrong."""
    story = in_turn(full, answering([spoken(1, "One.")], opens=OPENS, updates=UPDATES))
    async with talking(story, tmp_path, "huggingface", api_key=None, model="m", max_retries=2) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert len(at.server.connections) == 2
    (notice,) = at.screen.notices
    assert "All 1 session slots are in use (session_limit_reached); reconnecting" in notice


async def test_a_server_that_stays_full(tmp_path: Path) -> None:
    """In the end it is said what the matter is, and nothing of a key."""
    with pytest.raises(ConnectionLost, match="session slots are in use") as caught:
        async with talking(full, tmp_path, "huggingface", api_key=None, model="m", max_retries=0):
            pass
    assert "key" not in str(caught.value)


async def test_another_response_runs(tmp_path: Path) -> None:
    """The server answers something that it heard: our question waits for the end of that, and is asked again."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        heard = spoken(9, "Not for you.")[1:]
        await peer.send(heard[0])
        create = await peer.expect("response.create")
        busy = "Cannot create response while another response is in progress or pending."
        await peer.send(error(busy, create["event_id"], type="conversation_already_has_active_response"))
        await peer.send(*heard[1:])
        await peer.expect("response.create")
        await peer.send(*spoken(1, "For you."))
        await peer.client_left()

    async with talking(story, tmp_path, "huggingface", api_key=None, model="m") as at:
        assert_answer(await at.chat.ask("a?"), "For you.")
    assert at.screen.notices == []


@pytest.mark.parametrize(
    ("kind", "message", "echoed"),
    [
        ("invalid_session_type", "Only 'realtime' session type is supported.", True),
        ("invalid_session_type", "Only 'realtime' session type is supported.", False),
        ("unknown_or_invalid_event", "Unknown or invalid event: session.update", True),
        ("unknown_or_invalid_event", "Unknown or invalid event: session.update", False),
    ],
)
async def test_an_update_that_is_refused(tmp_path: Path, kind: str, message: str, echoed: bool) -> None:
    """Whether or not the error names our event, as older builds do not: the settings were refused."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        update = await peer.expect("session.update")
        await peer.send(error(message, update["event_id"] if echoed else None, type=kind))
        await peer.client_left()

    with pytest.raises(ServerRefused, match=rf"refused the session settings.*{kind}"):
        async with talking(story, tmp_path, "huggingface", api_key=None, model="m") as at:
            await at.chat.ask("a?")


async def test_an_event_that_is_not_known_is_only_told_of(tmp_path: Path) -> None:
    """`unknown_or_invalid_event` for anything else is said, and the chat goes on."""
    strange = error("Unknown or invalid event: x.y", type="unknown_or_invalid_event")
    story = answering([[strange, *spoken(1, "One.")]], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "huggingface", api_key=None, model="m") as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert len(at.screen.notices) == 1
    assert "unknown_or_invalid_event" in at.screen.notices[0]


async def test_a_truncation_without_an_answer(tmp_path: Path) -> None:
    """The server takes `conversation.item.truncate` and says nothing to it: nobody waits for that."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        begun, end = cut_off(1, "Once upon a time.")
        await peer.send(*begun)
        await peer.expect("response.cancel")
        await peer.send(end)
        await peer.expect("conversation.item.truncate")
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "huggingface", api_key=None, model="m") as at:
        words = at.chat.stream("Tell me a story.")
        await anext(words)
        await audio_came(at.chat)
        assert at.chat.cancel(truncate=True)
        assert [piece async for piece in words] == []
        assert_answer(await at.chat.ask("And?"), "Two.")
    assert at.seen.types.count("conversation.item.truncate") == 1
    assert_quiet(at)


async def test_a_spoken_question_is_ended_by_silence(tmp_path: Path) -> None:
    """Turn detection is always on there: a second of silence ends the question, which is answered."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("input_audio_buffer.commit")  # which is taken, and does nothing
        started: Event = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_u1"}
        stopped: Event = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 60, "item_id": "item_u1"}
        delta: Event = {
            "type": "conversation.item.input_audio_transcription.delta",
            "item_id": "item_u1",
            "content_index": 0,
            "delta": "How long",
        }
        _asked, *answer = spoken(1, "Long.")
        await peer.send(started, stopped, delta, transcribed(1, "How long is it?"), *answer)
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "huggingface", api_key=None, model="m") as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "Long.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    pieces = [base64.b64decode(event["audio"]) for event in at.seen.events if event["type"].endswith(".append")]
    assert b"".join(pieces) == PCM + bytes(48_000)
    assert at.seen.types.count("response.create") == 1
    assert at.screen.heard == ["How long is it?"]
    assert_documented(at.seen)
    assert_quiet(at)
