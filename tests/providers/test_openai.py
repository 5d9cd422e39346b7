"""OpenAI: GA as it is recorded, and the refusals that come behind a handshake that went well."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ServerRefused
from geppetto.status import ExitStatus
from tests.fakes.program import run_program
from tests.fakes.scripted_server import scripted_server
from tests.providers.saying import PCM, answering, each, error, opening, spoken, transcribed, turn, updated, without
from tests.providers.stage import KEY, assert_answer, assert_documented, assert_key, assert_quiet, refusal, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer, Story

MODEL = "gpt-realtime-2.1"


async def test_a_chat_with_openai(tmp_path: Path) -> None:
    """GA is spoken, the model is in the query, the key is a bearer token; words, audio and cost are complete."""
    story = answering([turn(1, "The Danube."), turn(2, "The Rhine.")])
    async with talking(story, tmp_path, "openai", model=MODEL) as at:
        assert_answer(await at.chat.ask("Name a river."), "The Danube.")
        assert_answer(await at.chat.ask("Another one."), "The Rhine.")
    assert at.query == {"model": MODEL}
    assert_key(at.seen, "Authorization", f"Bearer {KEY}")
    assert at.seen.header("OpenAI-Beta") is None
    assert at.session["type"] == "realtime"
    assert at.session["output_modalities"] == ["audio"]
    assert at.session["audio"]["input"]["turn_detection"] is None
    assert at.session["audio"]["output"]["voice"] == "marin"
    assert "temperature" not in at.session
    assert_documented(at.seen)
    assert_quiet(at)


def refusing(code: str, close: int) -> Story:
    """Return the story of a server that upgrades, says what is wrong, and closes, as api.openai.com does."""

    async def story(peer: Peer) -> None:
        await peer.send(error("Something is wrong.", code=code))
        await peer.close(close, f"invalid_request_error.{code}")
        await peer.client_left()

    return story


REFUSALS = {
    "invalid_api_key": (3000, "Check the key."),
    "missing_model": (4000, "Name one with `--model`."),
    "invalid_model": (4000, "Name another one with `--model`."),
    "beta_api_shape_disabled": (4000, "leave out `--dialect beta`"),
    "model_not_found": (4004, "Name another one with `--model`."),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_behind_the_handshake_is_5(tmp_path: Path, code: str) -> None:
    """An error and a close after 101 end the program with 5 and what to do, without a second try."""
    close, step = REFUSALS[code]
    async with scripted_server(refusing(code, close)) as server:
        ran = await run_program(
            ["--provider", "openai", "--url", server.url], cwd=tmp_path, stdin="Hello?\n", env={"OPENAI_API_KEY": KEY}
        )
    assert ran.status == ExitStatus.REFUSED, ran.stderr
    assert code in ran.stderr
    assert step in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(server.connections) == 1


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_close_without_an_error_is_understood(tmp_path: Path, code: str) -> None:
    """The reason of the close names the code as well, where the error event is missing."""
    close, step = REFUSALS[code]

    async def story(peer: Peer) -> None:
        await peer.close(close, f"invalid_request_error.{code}")
        await peer.client_left()

    assert step in await refusal(story, tmp_path, "openai", model=MODEL)


async def test_refused_settings_are_named(tmp_path: Path) -> None:
    """An update is dropped as a whole: the sentence names the parameter, and the session ends."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        update = await peer.expect("session.update")
        refusal = error(
            "Unknown parameter: 'session.audio.output.speed'.",
            update["event_id"],
            code="unknown_parameter",
            param="session.audio.output.speed",
        )
        await peer.send(refusal)
        await peer.client_left()

    with pytest.raises(ServerRefused, match=r"session\.audio\.output\.speed.*Change that setting"):
        async with talking(story, tmp_path, "openai", model=MODEL, speed=1.2) as at:
            await at.chat.ask("Hello?")


@pytest.mark.parametrize(
    "left_out",
    [
        "rate_limits.updated",
        "conversation.item.done",
        "response.content_part.done",
        "response.output_audio_transcript.done",
        "response.output_audio_transcript.delta",
        "response.output_item.done",
    ],
)
async def test_what_may_be_missing_is_not_missed(tmp_path: Path, left_out: str) -> None:
    """A turn is over at `response.done`, whatever else came of it."""
    async with talking(answering([without(turn(1, "Fine."), left_out)]), tmp_path, "openai", model=MODEL) as at:
        assert_answer(await at.chat.ask("How are you?"), "Fine.")
    assert_quiet(at)


async def test_several_audio_items_in_a_response(tmp_path: Path) -> None:
    """The 2.x models send several messages in a response, and the end of the first behind the second's beginning."""

    def second(event: Event) -> None:
        if event.get("item_id") == "item_a1":
            event["item_id"] = "item_a1b"

    whole = turn(1, "First.")
    parts = [event for event in whole if event["type"].endswith("delta")]
    later = each(parts, second)
    cut = whole.index(parts[-1]) + 1
    events = [*whole[:cut], *later, *whole[cut:]]
    async with talking(answering([events]), tmp_path, "openai", model=MODEL) as at:
        answer = await at.chat.ask("Twice?")
    assert answer.text == "First.\nFirst."
    assert answer.audio_ms == 2 * 1500 * 1000 // 24_000
    assert_quiet(at)


@pytest.mark.parametrize("late", [False, True])
async def test_a_spoken_question_is_written_down(tmp_path: Path, late: bool) -> None:
    """Its transcript comes in pieces and as a whole, before the answer or behind its end; both are taken."""
    delta = {"type": "conversation.item.input_audio_transcription.delta", "item_id": "item_u1", "delta": "How"}
    said = [delta, transcribed(1, "How long is it?", usage={"type": "duration", "seconds": 2})]
    first = [updated(), *spoken(turn(1, "Long."), *([] if late else said))]
    story = answering([first, [*(said if late else []), *turn(2, "Two.")]])
    async with talking(story, tmp_path, "openai", model=MODEL) as at:
        assert_answer(await at.chat.ask("question.wav", audio=PCM), "Long.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.screen.heard == ["How long is it?"]
    pieces = [base64.b64decode(event["audio"]) for event in at.seen.events if event["type"].endswith(".append")]
    assert b"".join(pieces) == PCM
    assert_documented(at.seen)
    assert_quiet(at)
