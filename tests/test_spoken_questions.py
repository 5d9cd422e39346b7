"""Spoken questions, pictures and interruptions over real sockets."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.chat import open_chat
from geppetto.errors import ConfigError, Withdrawn
from geppetto.hooks import Hooks
from geppetto.notices import Heard
from geppetto.offline.server import open_offline_server
from geppetto.offline.voice import ToneVoice
from tests.fakes.chatting import BOUND_S, Overhearing, audio_came, chatting, configure
from tests.fakes.scripted_server import (
    answer,
    audio,
    created,
    done,
    error,
    tone,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.answer import Answer
    from tests.fakes.scripted_server import Event, Peer

MINUTE = 60 * 48_000
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def transcript(item_id: str, text: str) -> Event:
    """Return the transcript of a spoken question."""
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item_id, "content_index": 0, "transcript": text}


def pieces(peer: Peer) -> bytes:
    """Return what *peer* was told so far."""
    appended = [event for event in peer.seen.events if event["type"] == "input_audio_buffer.append"]
    return b"".join(base64.b64decode(event["audio"]) for event in appended)


async def test_a_spoken_question_is_appended_committed_and_answered(tmp_path: Path) -> None:
    """Every byte arrives, its transcript is asked for and shown, and no item is created besides."""
    pcm = tone(60_000)
    heard: list[bytes] = []

    async def story(peer: Peer) -> None:
        await peer.greet()
        update = await peer.expect("session.update")
        assert update["session"] == {
            "type": "realtime",
            "audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}},
        }
        await peer.send({"type": "session.updated", "session": {}})
        await peer.expect("input_audio_buffer.commit")
        heard.append(pieces(peer))
        await peer.send({"type": "input_audio_buffer.committed", "item_id": "item_u"})
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Here.", tone()), transcript("item_u", "Where?"))
        await peer.expect("conversation.item.create")
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Yes."))
        await peer.client_left()

    screen = Overhearing()
    async with chatting(story, tmp_path, hooks=Hooks(screen=screen)) as at:
        got = await at.chat.ask("where.wav", audio=pcm)
        assert (got.text, got.question) == ("Here.", "where.wav")
        await at.chat.ask("Sure?")
        assert [said.text for said in at.chat.history] == ["Where?", "Here.", "Sure?", "Yes."]
    assert heard == [pcm]
    assert Heard(1, "Where?") in screen.things
    assert at.server.seen.types.count("conversation.item.create") == 1


async def test_a_long_question_may_take_longer_than_an_answer_may_stall(tmp_path: Path) -> None:
    """The clock for the answer begins again with each piece that goes out, and so does its latency."""
    progress: list[float] = []

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Here."))
        await peer.client_left()

    async with chatting(story, tmp_path, read_timeout=0.5) as at:
        async with trio.open_nursery() as nursery:

            async def watch() -> None:
                while True:
                    if (sending := at.chat.status.sending) is not None:
                        progress.append(sending)
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(watch)
            got = await at.chat.ask("long.wav", audio=bytes(4 * MINUTE))
            nursery.cancel_scope.cancel()
        assert got.status == "completed"
        assert at.chat.status.sending is None
    assert progress == sorted(progress)
    assert 0.0 < progress[len(progress) // 2] < 1.0


async def test_a_question_that_is_still_going_out_can_be_taken_back(tmp_path: Path) -> None:
    """The rest is not sent, the server's buffer is cleared, and the chat goes on."""
    cleared: list[int] = []

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("input_audio_buffer.clear")
        cleared.append(len(pieces(peer)))
        await peer.send({"type": "input_audio_buffer.cleared"})
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Yes."))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:

        async def ask() -> None:
            with pytest.raises(Withdrawn):
                await at.chat.ask("long.wav", audio=bytes(4 * MINUTE))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            while not at.chat.status.sending:
                await trio.lowlevel.checkpoint()
            assert at.chat.cancel()
        assert (await at.chat.ask("And now?")).text == "Yes."
    assert 0 < cleared[0] < 4 * MINUTE
    assert "input_audio_buffer.commit" not in at.server.seen.types
    assert at.server.seen.types.count("response.create") == 1


async def test_the_embedded_server_hears_a_question_and_says_that_it_has_no_transcript(tmp_path: Path) -> None:
    """In both dialects, and the answer comes all the same."""
    for dialect in ("ga", "beta"):
        screen = Overhearing()
        with trio.fail_after(BOUND_S):
            async with open_offline_server(voice=ToneVoice(5), lead_s=0, dialect=dialect) as server:
                config = configure(server.url, tmp_path / dialect, api_key=server.key, dialect=dialect)
                async with open_chat(config, hooks=Hooks(screen=screen)) as chat:
                    got = await chat.ask("question.wav", audio=tone(24_000))
        assert got.status == "completed"
        assert got.usage.input_audio_tokens > 0
        assert [text.partition(":")[0] for text in screen.notices] == ["what was said in the question is not known"]


async def test_without_a_transcription_model_none_is_asked_for(tmp_path: Path) -> None:
    """An empty setting switches it off."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Yes."))
        await peer.client_left()

    async with chatting(story, tmp_path, transcription_model="") as at:
        await at.chat.ask("a.wav", audio=tone())
    assert at.server.seen.types == [
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "response.create",
    ]


async def test_pictures_go_with_their_question(tmp_path: Path) -> None:
    """Before the words, as `input_image`."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "A pixel."))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        await at.chat.ask("What is this?", images=[PIXEL])
        assert at.server.seen.events[1]["item"]["content"] == [
            {"type": "input_image", "image_url": PIXEL},
            {"type": "input_text", "text": "What is this?"},
        ]


async def test_the_beta_dialect_takes_no_pictures(tmp_path: Path) -> None:
    """That is said before anything is sent."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.client_left()

    async with chatting(story, tmp_path, dialect="beta") as at:
        with pytest.raises(ConfigError, match="beta dialect takes no pictures"):
            await at.chat.ask("What is this?", images=[PIXEL])
    assert at.server.seen.types == ["session.update"]


@pytest.mark.parametrize("truncate", [True, False])
async def test_an_interrupted_answer_is_truncated_where_it_was_interrupted(tmp_path: Path, truncate: bool) -> None:
    """If that is wanted; a server that has less of it than we may say so, and nobody is bothered."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Half of"), audio("resp_1", tone()))
        await peer.expect("response.cancel")
        await peer.send(done("resp_1", "cancelled", reason="client_cancelled"))
        if truncate:
            event = await peer.expect("conversation.item.truncate")
            assert (event["item_id"], event["content_index"], event["audio_end_ms"]) == ("item_1", 0, 100)
            await peer.send(error("invalid_value", event_id=event["event_id"]))
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Whole."))
        await peer.client_left()

    screen = Overhearing()
    async with chatting(story, tmp_path, hooks=Hooks(screen=screen)) as at:
        got: list[Answer] = []

        async def ask() -> None:
            got.append(await at.chat.ask("One?"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await audio_came(at.chat)
            assert at.chat.cancel(truncate=truncate)
        assert (await at.chat.ask("Two?")).text == "Whole."
    assert got[0].status == "cancelled"
    assert screen.notices == []
    sent = at.server.seen.types
    assert sent.count("conversation.item.truncate") == truncate
    if truncate:
        assert sent.index("conversation.item.truncate") < len(sent) - 2  # before the next question
