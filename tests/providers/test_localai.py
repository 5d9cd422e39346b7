"""LocalAI: models that are loaded before the session opens, placeholders for ids, and failures without an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.config import ClientConfig
from geppetto.errors import ServerRefused
from tests.providers.saying import PCM, answering, each, error, opening, spoken, transcribed, turn, updated, without
from tests.providers.stage import KEY, assert_answer, assert_documented, assert_key, assert_quiet, refusal, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

PIPELINE = "my-pipeline"
SILENT = ("conversation.item.done", "rate_limits.updated")


def placeholder(event: Event) -> None:
    """Give an event the id that LocalAI has for it: none, or a placeholder."""
    event["event_id"] = "event_TODO" if event["type"].startswith("session.") else ""


def local(number: int, text: str) -> list[Event]:
    """Return an answer as LocalAI gives it."""
    return each(without(turn(number, text), *SILENT), placeholder)


OPENS = each([opening()], placeholder)
UPDATES = each([updated()], placeholder)


async def test_a_chat_with_localai(tmp_path: Path) -> None:
    """The pipeline is the model, the voice the server's; placeholders and missing ends change nothing."""
    extras: list[Event] = [
        {"type": "localai.classifier.result", "event_id": "", "option": "a"},
        {"type": "conversation.item.speaker", "event_id": "", "item_id": "item_u1", "speaker": "x"},
    ]
    story = answering([[*extras, *local(1, "One.")], local(2, "Two.")], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "localai", model=PIPELINE) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.query == {"model": PIPELINE}
    assert_key(at.seen, "Authorization", f"Bearer {KEY}")
    assert at.seen.header("OpenAI-Beta") is None
    assert at.session["type"] == "realtime"
    assert "voice" not in at.session["audio"]["output"]
    assert_documented(at.seen)
    assert_quiet(at)


async def test_no_key_is_needed(tmp_path: Path) -> None:
    """Without a key none is sent."""
    story = answering([local(1, "One.")], opens=OPENS, updates=UPDATES)
    async with talking(story, tmp_path, "localai", model=PIPELINE, api_key=None) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert at.seen.header("Authorization") is None
    assert_quiet(at)


def test_loading_models_takes_its_time() -> None:
    """The session opens when the models are loaded, which is given minutes; elsewhere `connect_timeout` is enough."""
    assert ClientConfig(provider="localai", model=PIPELINE).opening_timeout == 300.0
    assert ClientConfig(provider="localai", model=PIPELINE, connect_timeout=500.0).opening_timeout == 500.0
    assert ClientConfig(provider="openai", connect_timeout=7.0).opening_timeout == 7.0


async def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    """`model_load_error` and an end without a Close frame are a refusal: said once, and not tried again."""

    async def story(peer: Peer) -> None:
        await peer.send({**error("Failed to load pipeline models: no such file", "", code="model_load_error")})
        await peer.drop()

    said = await refusal(story, tmp_path, "localai", model=PIPELINE)
    assert "no such file (model_load_error)" in said
    assert "--model" in said


async def test_refused_settings_without_an_id(tmp_path: Path) -> None:
    """`session_update_error` names neither event nor parameter; the update was dropped all the same."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(error("Failed to update session: unknown voice x", "", code="session_update_error"))
        await peer.client_left()

    with pytest.raises(ServerRefused, match=r"unknown voice x.*Change that setting"):
        async with talking(story, tmp_path, "localai", model=PIPELINE, voice="x") as at:
            await at.chat.ask("Hello?")


async def test_a_cancel_that_comes_too_late_is_answered_by_nothing(tmp_path: Path) -> None:
    """The answer was over already: nobody waits for a word on the cancel, and the next question is asked."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        whole = local(1, "Once upon a time.")
        await peer.send(*whole[:6])
        await peer.expect("response.cancel")
        await peer.send(*whole[6:])
        await peer.expect("response.create")
        await peer.send(*local(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "localai", model=PIPELINE) as at:
        words = at.chat.stream("Tell me a story.")
        await anext(words)
        at.chat.cancel()
        assert "".join([piece async for piece in words]).endswith("a time.")
        assert_answer(await at.chat.ask("And?"), "Two.")
    assert_quiet(at)


@pytest.mark.parametrize("code", ["inference_failed", "prediction_failed", "tts_error"])
async def test_a_failed_response_has_no_end(tmp_path: Path, code: str) -> None:
    """LocalAI says why and no more: the question has failed with that, and the next one is asked."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("response.create")
        await peer.send(*local(1, "Hm.")[:4], error("backend error: out of memory", "", code=code))
        await peer.expect("response.create")
        await peer.send(*local(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "localai", model=PIPELINE) as at:
        failed = await at.chat.ask("a?")
        assert (failed.status, failed.reason) == ("failed", f"backend error: out of memory ({code})")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.seen.created_while_active == 0


async def test_a_commit_is_answered(tmp_path: Path) -> None:
    """What is committed is transcribed and answered: a `response.create` behind it would stop that."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("input_audio_buffer.commit")
        committed, asked, *answer = spoken(turn(1, "Long."))
        # The item is told by other ids than the commit's, each of which is made up where it is needed.
        heard = {**transcribed(1, "How long is it?"), "item_id": "item_other"}
        await peer.send({**committed, "item_id": "item_another"}, heard, asked, *without(answer, *SILENT))
        await peer.expect("response.create")
        await peer.send(*local(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "localai", model=PIPELINE) as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "Long.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.seen.types.count("response.create") == 1
    assert at.screen.heard == ["How long is it?"]
    assert_documented(at.seen)
    assert_quiet(at)


async def test_a_spoken_question_that_cannot_be_transcribed(tmp_path: Path) -> None:
    """An error with a placeholder for an id is all that comes: the question has failed, and the next one is asked."""

    async def story(peer: Peer) -> None:
        await peer.send(*OPENS)
        await peer.expect("session.update")
        await peer.send(*UPDATES)
        await peer.expect("input_audio_buffer.commit")
        committed = spoken(turn(1, "Long."))[0]
        await peer.send(committed, error("no such model", "event_TODO", code="transcription_failed"))
        await peer.expect("response.create")
        await peer.send(*local(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "localai", model=PIPELINE) as at:
        failed = await at.chat.ask("question.wav", audio=PCM)
        assert (failed.status, failed.reason) == ("failed", "no such model (transcription_failed)")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.screen.notices == []
