"""xAI Grok Voice: events by the names of GA, a session that is half beta, and habits of its own."""

from __future__ import annotations

import base64
import itertools
import uuid
from typing import TYPE_CHECKING, Any

from tests.fakes.scripted_server import tone
from tests.providers.saying import PCM, answering, error
from tests.providers.stage import KEY, assert_answer, assert_documented, assert_key, assert_quiet, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

PING = {"type": "ping", "timestamp": 1_795_000_000_000}
CREATED: dict[str, Any] = {
    "type": "session.created",
    "session": {"model": "grok-voice-latest", "modalities": ["audio"], "input_audio_format": "pcm16"},
}
OPENS = [CREATED, {"type": "conversation.created", "conversation": {"id": str(uuid.UUID(int=1))}}, PING]
UPDATES = [
    {
        "type": "session.updated",
        "previous_item_id": "0",
        "session": {
            "modalities": ["text", "audio"],
            "input_audio_format": "pcm16",
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
        },
    }
]


def ids(number: int) -> tuple[str, str, str]:
    """Return the ids of a response, of its item and of the question's: UUIDs."""
    return str(uuid.UUID(int=number + 16)), str(uuid.UUID(int=number + 32)), str(uuid.UUID(int=number + 48))


def spoken(number: int, text: str, pcm: bytes = PCM) -> list[Event]:
    """Return an answer in the order of Grok Voice: audio before words, pings between, an end that says little."""
    rid, item, asked = ids(number)
    at = {"response_id": rid, "item_id": item, "output_index": 0, "content_index": 0, "previous_item_id": asked}
    begun = {"id": item, "type": "message", "role": "assistant", "status": "in_progress"}  # no content
    question = {"id": asked, "type": "message", "role": "user", "content": [{"type": "input_text", "text": "?"}]}
    cuts = [0, 5, 1001, len(pcm)]
    sounds = [
        {"type": "response.output_audio.delta", **at, "delta": base64.b64encode(pcm[a:b]).decode()}
        for a, b in itertools.pairwise(cuts)
    ]
    response: dict[str, Any] = {"id": rid, "object": "realtime.response", "status_details": "unimplemented"}
    words = {"type": "response.output_audio_transcript.delta", **at}
    return [
        {"type": "conversation.item.added", "previous_item_id": "0", "item": question},
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": [], "usage": {}}},
        {"type": "response.output_item.added", **at, "item": begun},
        {"type": "conversation.item.added", "previous_item_id": asked, "item": begun},
        {"type": "response.content_part.added", **at, "part": {"type": "audio"}},
        sounds[0],
        PING,
        {**words, "delta": text[:3]},
        *sounds[1:],
        {**words, "delta": text[3:]},
        {"type": "response.output_audio_transcript.done", **at, "transcript": text},
        {"type": "response.content_part.done", **at},  # no part
        {"type": "response.output_audio.done", **at},
        {"type": "response.output_item.done", **at, "item": {**begun, "status": "completed"}},
        {
            "type": "response.done",
            "previous_item_id": "0",
            "response": {**response, "status": "completed", "output": [begun], "usage": {}},
            "billable_audio_seconds": 1.5,
        },
        PING,
    ]


async def test_a_chat_with_xai(tmp_path: Path) -> None:
    """Voice and turn detection stand at the top of the session; words and audio are complete, without a price."""
    story = answering([spoken(1, "Hello."), spoken(2, "Goodbye.", tone(700))], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "xai") as at:
        assert_answer(await at.chat.ask("Hi?"), "Hello.", tokens=0, usd=None)
        assert_answer(await at.chat.ask("Bye?"), "Goodbye.", pcm=tone(700), tokens=0, usd=None)
    assert at.query == {"model": "grok-voice-latest"}
    assert_key(at.seen, "Authorization", f"Bearer {KEY}")
    assert at.seen.header("OpenAI-Beta") is None
    assert (at.session["voice"], at.session["turn_detection"]) == ("eve", None)
    assert not at.session.keys() & {"type", "output_modalities", "modalities", "temperature"}
    assert at.session["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24_000}}
    assert_documented(at.seen, but=["session.update"])
    assert_quiet(at)


async def test_pings_do_not_keep_a_stalled_answer_alive(tmp_path: Path) -> None:
    """They are heartbeats, not progress: between two questions they change nothing either."""
    story = answering([[PING, PING, *spoken(1, "One.")]], opens=[*OPENS, PING], updates=[*UPDATES, PING, PING])
    async with talking(story, tmp_path, "xai") as at:
        assert_answer(await at.chat.ask("Hi?"), "One.", tokens=0, usd=None)
    assert_quiet(at)


async def test_nothing_to_cancel_has_another_name(tmp_path: Path) -> None:
    """A cancel that comes too late is refused by a code of its own; nobody is told, the next question is asked."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        *begun, _done, _ping = spoken(1, "Once upon a time.")
        await peer.send(*begun[:8])
        cancel = await peer.expect("response.cancel")
        await peer.send(*spoken(1, "Once upon a time.")[8:])
        message = "There is no active response to cancel."
        await peer.send(error(message, cancel["event_id"], code="invalid_operation"))
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "xai") as at:
        words = at.chat.stream("Tell me a story.")
        assert await anext(words) == "Onc"
        at.chat.cancel()
        assert "".join([piece async for piece in words]) == "e upon a time."
        assert_answer(await at.chat.ask("And?"), "Two.", tokens=0, usd=None)
    assert_quiet(at)


async def test_a_refused_question_ends_where_nothing_is_to_be_cancelled(tmp_path: Path) -> None:
    """The refusal of an item and its answer's end in a code of xAI's own leave nothing to wait for."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        item = await peer.expect("conversation.item.create")
        await peer.expect("response.create")
        await peer.send(error("Too long.", item["event_id"], code="invalid_item"))
        cancel = await peer.expect("response.cancel")
        await peer.send(error("No active response found.", cancel["event_id"], code="invalid_operation"))
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "xai") as at:
        refused = await at.chat.ask("x" * 50)
        assert (refused.status, refused.reason) == ("failed", "Too long (invalid_item)")
        assert_answer(await at.chat.ask("And?"), "Two.", tokens=0, usd=None)
    assert at.screen.notices == []


async def test_a_spoken_question_is_transcribed_as_it_goes(tmp_path: Path) -> None:
    """All of what was heard comes again and again, with ends that are none: the last one is what was heard."""
    kind = "conversation.item.input_audio_transcription"
    item = ids(1)[2]
    at_item = {"item_id": item, "content_index": 0, "previous_item_id": "0"}
    transcription: list[Event] = [
        {"type": f"{kind}.updated", **at_item, "transcript": "How"},
        {"type": f"{kind}.completed", **at_item, "transcript": "How long", "status": "in_progress"},
        {"type": f"{kind}.updated", **at_item, "transcript": "How long is"},
        {"type": f"{kind}.completed", **at_item, "transcript": "How long is", "status": "in_progress"},
        {"type": f"{kind}.completed", **at_item, "transcript": "How long is it?", "status": "completed"},
    ]
    committed: Event = {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": "0"}
    whole = spoken(1, "Long.")
    events: list[Event] = [*UPDATES, committed, *whole[:5], *transcription, *whole[5:]]
    story = answering([events, spoken(2, "Two.")], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "xai", transcription_model="grok-transcribe") as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "Long.", tokens=0, usd=None)
        assert_answer(await at.chat.ask("b?"), "Two.", tokens=0, usd=None)
        assert [said.text for said in at.chat.history if said.role == "user"] == ["How long is it?", "b?"]
    assert at.screen.heard == ["How long is it?"]
    updates = [event["session"] for event in at.seen.events if event["type"] == "session.update"]
    assert updates[1:] == [{"audio": {"input": {"transcription": {"model": "grok-transcribe"}}}}]
    assert_quiet(at)


async def test_nothing_is_truncated(tmp_path: Path) -> None:
    """xAI cannot be told what was heard of an answer: after a cancel it is not."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        whole = spoken(1, "Once upon a time.")
        await peer.send(*whole[:9])
        await peer.expect("response.cancel")
        end = whole[-2]
        await peer.send({**end, "response": {**end["response"], "status": "cancelled"}})
        await peer.expect("response.create")
        await peer.send(*spoken(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "xai") as at:
        words = at.chat.stream("Tell me a story.")
        await anext(words)
        assert at.chat.cancel(truncate=True)
        assert [piece async for piece in words] == []
        assert_answer(await at.chat.ask("And?"), "Two.", tokens=0, usd=None)
    assert "conversation.item.truncate" not in at.seen.types
    assert_quiet(at)
