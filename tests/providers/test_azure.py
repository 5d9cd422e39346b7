"""Azure OpenAI over GA: another address, another header, a deployment for a model, and events with more in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ServerRefused
from tests.fakes.chatting import audio_came
from tests.fakes.scripted_server import silent, tone
from tests.providers.saying import PCM, answering, cut_off, each, error, opening, spoken, turn, updated, without
from tests.providers.stage import assert_answer, assert_documented, assert_key, assert_quiet, refusal, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

PATH = "/openai/v1/realtime"
DEPLOYMENT = "my-deployment"


def doubled(event: Event) -> None:
    """Give a content part its contents twice, as Azure does."""
    if event["type"].startswith("response.content_part."):
        event["content"] = event["part"]


async def test_a_chat_with_azure(tmp_path: Path) -> None:
    """The deployment is the model, the key has a header of its own, and no version of the API is named."""
    turns = [without(each(turn(number, "Hello there."), doubled), "rate_limits.updated") for number in (1, 2)]
    async with talking(answering(turns), tmp_path, "azure", target=PATH, model=DEPLOYMENT) as at:
        assert_answer(await at.chat.ask("Say hello."), "Hello there.")
        assert_answer(await at.chat.ask("Again."), "Hello there.")
    assert at.seen.target.partition("?")[0] == PATH
    assert at.query == {"model": DEPLOYMENT}
    assert_key(at.seen, "api-key")
    assert at.seen.header("Authorization") is None
    assert at.seen.header("OpenAI-Beta") is None
    assert at.session["type"] == "realtime"
    assert_documented(at.seen)
    assert_quiet(at)


async def test_commentary_and_final_answer(tmp_path: Path) -> None:
    """A response of a 2.x model has several items, each of a phase: all of it is said, and in one file."""
    first = turn(1, "Let me see.", tone(600))
    second = each(turn(1, "It is noon.", tone(600, start=600)), _as_second)
    _phase(first, "commentary")
    _phase(second, "final_answer")
    done, limits = second[-2], second[-1]
    done["response"]["output"] = [first[-2]["response"]["output"][0], done["response"]["output"][0]]
    events = [*first[:-2], *second[3:-2], done, limits]
    async with talking(answering([events]), tmp_path, "azure", target=PATH, model=DEPLOYMENT) as at:
        assert_answer(await at.chat.ask("What time is it?"), "Let me see.\nIt is noon.", pcm=tone(1200))
    assert_quiet(at)


def _as_second(event: Event) -> None:
    if "output_index" in event:
        event["output_index"] = 1
    if "item_id" in event:
        event["item_id"] = "item_b1"
    for item in (event.get("item"), *(event["response"]["output"] if "response" in event else ())):
        if item is not None and item["id"] == "item_a1":
            item["id"] = "item_b1"


def _phase(events: list[Event], phase: str) -> None:
    for event in events:
        for item in (event.get("item"), *(event["response"]["output"] if "response" in event else ())):
            if item is not None and item.get("role") == "assistant":
                item["phase"] = phase


async def test_an_api_version_is_refused_with_401(tmp_path: Path) -> None:
    """Whoever names one in the address is told of the refusal, whatever the body says; nothing is tried again."""
    body = b'{"error":{"code":"401","message":"Access denied"}}'
    target = f"{PATH}?api-version=2025-04-01-preview"
    said = await refusal(silent, tmp_path, "azure", reject=(401, body), target=target, model=DEPLOYMENT)
    assert "answered HTTP 401" in said


async def test_refused_settings_are_named(tmp_path: Path) -> None:
    """A deployment that does not know a parameter refuses the update; the sentence names the parameter."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        update = await peer.expect("session.update")
        message = "Unknown parameter: 'session.output_modalities'."
        await peer.send(
            error(message, update["event_id"], code="unknown_parameter", param="session.output_modalities")
        )
        await peer.client_left()

    with pytest.raises(ServerRefused, match=r"session\.output_modalities"):
        async with talking(story, tmp_path, "azure", target=PATH, model=DEPLOYMENT) as at:
            await at.chat.ask("Hello?")


async def test_audio_is_whole_without_limits_and_ends(tmp_path: Path) -> None:
    """Neither `rate_limits.updated` nor any other end than that of the response is waited for."""
    missing = ("rate_limits.updated", "response.output_audio.done", "response.output_item.done")
    events = without(turn(1, "Yes."), *missing)
    async with talking(answering([events]), tmp_path, "azure", target=PATH, model=DEPLOYMENT) as at:
        assert_answer(await at.chat.ask("Yes?"), "Yes.", pcm=PCM)
    assert_quiet(at)


async def test_a_transcription_model_that_is_no_deployment(tmp_path: Path) -> None:
    """Only the transcript fails, and the user is told of it; the spoken question is answered all the same."""
    failed = {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "item_u1",
        "content_index": 0,
        "error": {"type": "invalid_request_error", "code": "DeploymentNotFound", "message": "There is no such one."},
    }
    story = answering([[updated(), *spoken(turn(1, "At noon."), failed)], turn(2, "Two.")])
    settings = {"model": DEPLOYMENT, "transcription_model": "whisper-1"}
    async with talking(story, tmp_path, "azure", target=PATH, **settings) as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "At noon.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert len(at.screen.notices) == 1
    assert "There is no such one (DeploymentNotFound)" in at.screen.notices[0]
    assert_documented(at.seen)


async def test_no_deployment_is_guessed(tmp_path: Path) -> None:
    """Nobody knows how a transcribing model is called there: without a name none is asked for."""
    async with talking(
        answering([spoken(turn(1, "At noon."))]), tmp_path, "azure", target=PATH, model=DEPLOYMENT
    ) as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "At noon.")
    assert at.seen.types.count("session.update") == 1
    assert at.session["audio"]["input"]["transcription"] is None
    assert_quiet(at)


async def test_a_truncation_that_tells_its_item(tmp_path: Path) -> None:
    """`conversation.item.truncated` has the item in it there; what did not arrive is forgotten, the chat goes on."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        await peer.expect("session.update")
        await peer.send(updated())
        await peer.expect("response.create")
        begun, end = cut_off(1, "Once upon a time.")
        await peer.send(*begun)
        await peer.expect("response.cancel")
        await peer.send(end)
        truncate = await peer.expect("conversation.item.truncate")
        del truncate["event_id"]
        item = {"id": "item_a1", "type": "message", "role": "assistant", "content": []}
        await peer.send({**truncate, "type": "conversation.item.truncated", "item": item})
        await peer.expect("response.create")
        await peer.send(*turn(2, "Two."))
        await peer.client_left()

    async with talking(story, tmp_path, "azure", target=PATH, model=DEPLOYMENT) as at:
        words = at.chat.stream("Tell me a story.")
        await anext(words)
        await audio_came(at.chat)
        assert at.chat.cancel(truncate=True)
        assert [piece async for piece in words] == []
        assert_answer(await at.chat.ask("And?"), "Two.")
    (truncate,) = (event for event in at.seen.events if event["type"] == "conversation.item.truncate")
    assert (truncate["item_id"], truncate["audio_end_ms"]) == ("item_a1", 1000 * 1000 // 48_000)
    assert_documented(at.seen)
    assert_quiet(at)
