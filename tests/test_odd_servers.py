"""What odd servers do to the client: it survives, or ends for the right reason, and no byte of audio is lost."""

from __future__ import annotations

import base64
import itertools
import json
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.errors import ConnectionLost
from tests.fakes.chatting import chatting
from tests.fakes.program import frames, transcripts, wavs
from tests.fakes.scripted_server import (
    answer,
    audio,
    created,
    done,
    error,
    session_created,
    tone,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer, Story


def replying(*events: Event) -> Story:
    """Return the story of a server that answers the first question with *events*, and the next one well."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*events)
        await peer.expect("response.create")
        await peer.send(*answer("resp_last", "Still here.", tone(10)))
        await peer.client_left()

    return story


def audio_text(delta: str) -> Event:
    """Return an audio delta with any payload."""
    return {**audio("resp_1", b""), "delta": delta}


JUNK: dict[str, Event | str | bytes] = {
    "not JSON": "{not json",
    "empty": "",
    "no object": "[1, 2, 3]",
    "no type": "{}",
    "type is a number": '{"type": 7}',
    "deep": "[" * 100_000,
    "half a surrogate": '{"type": "response.output_audio_transcript.delta", "delta": "\\ud83d"}',
    "a huge number": '{"type": "session.created", "session": {"id": "x", "expires_at": 1e999}}',
    "a long integer": '{"type": "rate_limits.updated", "n": ' + "9" * 5000 + "}",
    "binary": b"\x00\x01\x02",
    "unknown event": {"type": "response.brand_new.thing", "delta": "?"},
    "bad base64": audio_text("!!!!"),
    "base64 with a line break": audio_text("AAAA\nAAAA"),
    "audio is null": {**audio("resp_1", b""), "delta": None},
    "audio is a list": {**audio("resp_1", b""), "delta": []},
    "too much silence": audio_text("[trimmed: 999999999999 bytes]"),
    "error without error": {"type": "error"},
    "error is a string": {"type": "error", "error": "oops"},
    "error for a stranger": error("invalid_value", "Not you.", event_id="event_of_somebody_else"),
    "created without response": {"type": "response.created"},
    "done without response": {"type": "response.done"},
    "item without item": {"type": "conversation.item.added"},
    "updated again": {"type": "session.updated"},
    "created again": session_created(),
}
"""What comes at a moment when nothing of it makes sense: between two answers."""


@pytest.mark.parametrize("junk", JUNK)
async def test_junk_between_answers_is_survived(tmp_path: Path, junk: str) -> None:
    """Whatever comes between two answers, the next question is asked and answered."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_0", "One.", tone(10)))
        thing = JUNK[junk]
        if isinstance(thing, dict):
            await peer.send_text(json.dumps(thing))
        elif isinstance(thing, str):
            await peer.send_text(thing)
        else:
            await peer.send_binary(thing)
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Two.", tone(20)))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        assert (await at.chat.ask("a?")).text == "One."
        assert (await at.chat.ask("b?")).text == "Two."
    assert [len(frames(wav)) for wav in wavs(tmp_path) if "_partial" not in wav.name] == [20, 40]
    assert at.server.seen.close_code == 1000


@pytest.mark.parametrize("junk", [name for name in JUNK if name not in {"half a surrogate", "done without response"}])
async def test_junk_inside_of_an_answer_is_survived(tmp_path: Path, junk: str) -> None:
    """Whatever comes in the middle of an answer, its words and audio are complete."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "All "), audio("resp_1", tone(10)))
        thing = JUNK[junk]
        if isinstance(thing, dict):
            await peer.send_text(json.dumps(thing))
        elif isinstance(thing, str):
            await peer.send_text(thing)
        else:
            await peer.send_binary(thing)
        await peer.send(words("resp_1", "there."), audio("resp_1", tone(10, start=10)), done("resp_1"))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        got = await at.chat.ask("a?")
    assert (got.text, got.status) == ("All there.", "completed")
    assert got.audio_file is not None
    assert frames(got.audio_file) == tone(20)


async def test_odd_byte_counts_are_joined(tmp_path: Path) -> None:
    """Deltas may be cut inside of a frame; the last odd byte is padded."""
    pcm = tone(100)
    cuts = [0, 1, 4, 5, 10, 11, 12, 13, 199]
    sounds = [audio("resp_1", pcm[a:b]) for a, b in itertools.pairwise(cuts)]
    async with chatting(replying(created("resp_1"), *sounds, done("resp_1")), tmp_path) as at:
        got = await at.chat.ask("a?")
    assert got.audio_file is not None
    assert frames(got.audio_file) == pcm[:199] + b"\x00"


async def test_two_items_of_a_response_are_one_file(tmp_path: Path) -> None:
    """The audio of two items is in the file in the order of its arrival, their words on two lines."""
    events = [
        created("resp_1"),
        words("resp_1", "First.", "item_1"),
        audio("resp_1", tone(10), "item_1"),
        words("resp_1", "Second.", "item_2"),
        audio("resp_1", tone(10, start=10), "item_2"),
        done("resp_1"),
    ]
    async with chatting(replying(*events), tmp_path) as at:
        got = await at.chat.ask("a?")
    assert got.text == "First.\nSecond."
    assert got.audio_file is not None
    assert frames(got.audio_file) == tone(20)


async def test_interleaved_responses_are_separate_files(tmp_path: Path) -> None:
    """Two responses that come at the same time are told apart by their ids."""
    events = [
        created("resp_1"),
        created("resp_x"),
        words("resp_1", "Mine."),
        words("resp_x", "Another's.", "item_x"),
        audio("resp_1", tone(10)),
        audio("resp_x", tone(10, start=500), "item_x"),
        audio("resp_1", tone(10, start=10)),
        audio("resp_x", tone(10, start=510), "item_x"),
        done("resp_x"),
        done("resp_1"),
    ]
    async with chatting(replying(*events), tmp_path) as at:
        got = await at.chat.ask("a?")
        assert got.text == "Mine."
        assert got.audio_file is not None
        assert frames(got.audio_file) == tone(20)
        assert (await at.chat.ask("b?")).text == "Still here."
    others = [wav for wav in wavs(tmp_path) if wav != got.audio_file]
    assert sorted(map(frames, others)) == sorted([tone(20, start=500), tone(10)])
    assert sorted(transcripts(tmp_path)) == ["Another's.", "Mine.", "Still here."]


async def test_late_and_duplicate_events_change_nothing(tmp_path: Path) -> None:
    """What comes for an answer after its end spoils neither that answer nor the next one."""
    whole = answer("resp_1", "One.", tone(10))
    late = [words("resp_1", "late"), done("resp_1"), whole[0], done("resp_1", "failed")]
    async with chatting(replying(*whole, *late), tmp_path) as at:
        got = await at.chat.ask("a?")
        assert (await at.chat.ask("b?")).text == "Still here."
    assert got.text == "One."
    assert got.audio_file is not None
    assert frames(got.audio_file) == tone(10)
    assert at.server.seen.created_while_active == 0


async def test_late_audio_is_kept_apart(tmp_path: Path) -> None:
    """Audio that comes after the end of its answer does not get into the next one's file."""
    events = [*answer("resp_1", "One.", tone(10)), audio("resp_1", tone(10, start=500))]
    async with chatting(replying(*events), tmp_path) as at:
        got = await at.chat.ask("a?")
        last = await at.chat.ask("b?")
    assert got.audio_file is not None
    assert last.audio_file is not None
    assert frames(got.audio_file) == frames(last.audio_file) == tone(10)


async def test_trimmed_audio_is_silence(tmp_path: Path) -> None:
    """`[trimmed: N bytes]`, as the wire log keeps audio, is N bytes of silence when it is played back."""
    events = [created("resp_1"), audio_text("[trimmed: 4800 bytes]"), audio("resp_1", tone(10)), done("resp_1")]
    async with chatting(replying(*events), tmp_path) as at:
        got = await at.chat.ask("a?")
    assert got.audio_file is not None
    assert frames(got.audio_file) == bytes(4800) + tone(10)


async def test_an_incomplete_answer_says_why(tmp_path: Path) -> None:
    """An answer that hit the token limit is kept as partial with its reason."""
    events = [
        created("resp_1"),
        words("resp_1", "To be"),
        audio("resp_1", tone(10)),
        done("resp_1", "incomplete", reason="max_output_tokens"),
    ]
    async with chatting(replying(*events), tmp_path) as at:
        got = await at.chat.ask("a?")
    assert (got.status, got.reason, got.text) == ("incomplete", "max_output_tokens", "To be")
    assert got.audio_file is not None
    assert got.audio_file.name.endswith("_partial.wav")
    assert got.transcript_file is not None
    assert "Status: partial (incomplete: max_output_tokens)" in await trio.Path(got.transcript_file).read_text()


async def test_a_server_that_only_says_it_at_the_end(tmp_path: Path) -> None:
    """Words that come only inside of `response.done` are the answer."""
    last = done("resp_1")
    last["response"]["output"] = [
        {"id": "item_1", "type": "message", "content": [{"type": "output_audio", "transcript": "All at once."}]}
    ]
    async with chatting(replying(last), tmp_path) as at:
        assert [piece async for piece in at.chat.stream("a?")] == ["All at once."]


async def test_a_question_is_asked_again_when_another_response_was_active(tmp_path: Path) -> None:
    """`conversation_already_has_active_response` is no failure: the question is asked again when that is over."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.send(created("resp_x"))
        create = await peer.expect("response.create")
        await peer.send(error("conversation_already_has_active_response", "Busy.", event_id=create["event_id"]))
        await peer.send(words("resp_x", "Not for you.", "item_x"), done("resp_x"))
        again = await peer.expect("response.create")
        assert again["event_id"] != create["event_id"]
        await peer.send(*answer("resp_1", "For you.", tone(10)))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        got = await at.chat.ask("a?")
    assert got.text == "For you."
    assert at.server.seen.questions == ["a?"]
    assert at.server.seen.types.count("response.create") == 2


async def test_a_question_that_the_server_refuses_fails_alone(tmp_path: Path) -> None:
    """An error that names our item fails this question, and the next one is answered."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        item = await peer.expect("conversation.item.create")
        create = await peer.expect("response.create")
        await peer.send(error("string_above_max_length", "Too long.", event_id=item["event_id"]))
        await peer.expect("response.cancel")
        await peer.send(error("response_cancel_not_active", "Nothing to cancel."))
        assert create["event_id"]
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Two.", tone(10)))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        first = await at.chat.ask("a" * 100)
        second = await at.chat.ask("b?")
    assert (first.status, first.reason) == ("failed", "Too long (string_above_max_length)")
    assert first.audio_file is None
    assert second.text == "Two."


async def test_a_message_over_the_limit_ends_with_the_flag_that_raises_it(tmp_path: Path) -> None:
    """A message that is too large ends the session, with 1009 for the server."""
    with pytest.raises(ConnectionLost, match="--max-message-bytes"):
        async with chatting(replying(audio("resp_1", bytes(40_000))), tmp_path, max_message_bytes=20_000) as at:
            await at.chat.ask("a?")
    assert at.server.seen.close_code == 1009


async def test_a_flood_is_taken(tmp_path: Path) -> None:
    """Thousands of deltas at once through the smallest buffers lose nothing, and pings go on."""
    pcm = tone(20_000)
    deltas = [audio("resp_1", pcm[at : at + 10]) for at in range(0, len(pcm), 10)]
    story = replying(created("resp_1"), *deltas, done("resp_1"))
    async with chatting(story, tmp_path, buffer_size=1, ping_interval=0.05, pong_timeout=2.0) as at:
        got = await at.chat.ask("a?")
    assert got.audio_file is not None
    assert frames(got.audio_file) == pcm
    assert at.chat.metrics.audio_chunks == len(deltas)


async def test_frames_cut_into_single_bytes_are_put_together(tmp_path: Path) -> None:
    """TCP may cut anywhere, also inside of a character."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        peer.cut_bytes = 1
        await peer.send_text(json.dumps(words("resp_1", "Grüße 🐙"), ensure_ascii=False))
        await peer.send(done("resp_1"))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        assert (await at.chat.ask("a?")).text == "Grüße 🐙"


async def test_audio_of_an_answer_without_words_or_ids(tmp_path: Path) -> None:
    """A compatible server that leaves out ids and words still gets its audio saved."""
    events: list[Event] = [
        {"type": "response.created"},
        {"type": "response.audio.delta", "delta": base64.b64encode(tone(10)).decode()},
        {"type": "response.done"},
    ]
    async with chatting(replying(*events), tmp_path) as at:
        got = await at.chat.ask("a?")
    assert (got.text, got.status) == ("", "completed")
    assert got.audio_file is not None
    assert frames(got.audio_file) == tone(10)
    assert transcripts(tmp_path) == ["No transcript available"]


async def test_a_question_behind_a_stalled_response(tmp_path: Path) -> None:
    """A question that waits for the end of a response that nobody asked for is not kept waiting without end."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.send(created("resp_odd"), words("resp_odd", "Hm"))
        await peer.client_left()

    async def ask() -> None:
        async with chatting(story, tmp_path, read_timeout=0.2) as at:
            while at.chat.metrics.messages_received < 4:
                await trio.lowlevel.checkpoint()
            await at.chat.ask("a?")

    with pytest.raises(ConnectionLost, match=r"The answer did not come for 0\.2 s"):
        await ask()
