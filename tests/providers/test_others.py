"""What servers without a name of their own here are documented to do: they are reached by their address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.scripted_server import tone
from tests.providers.saying import answering, each, error, in_turn, opening, spoken, turn, updated, without
from tests.providers.stage import assert_answer, assert_quiet, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

EXPIRED = "Your session hit the maximum duration of 8 minutes."


@pytest.mark.parametrize("said", ["an error and a close", "a close", "a close with its sentence", "an error"])
@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_session_that_expires(tmp_path: Path, said: str, code: int) -> None:
    """stdapi ends after 8 minutes with 1000, others with 1001, and either word may be missing: the chat goes on."""

    async def expiring(peer: Peer) -> None:
        await peer.send(opening())
        await peer.expect("session.update")
        await peer.send(updated())
        await peer.expect("response.create")
        await peer.send(*without(turn(1, "One."), "rate_limits.updated"))
        await peer.expect("response.create")
        if "error" in said:
            await peer.send(error(EXPIRED, code="session_expired"))
        if "close" in said:
            reason = "invalid_request_error.session_expired" if said == "a close" else ""
            await peer.close(code, EXPIRED if "sentence" in said else reason)
        await peer.client_left()

    story = in_turn(expiring, answering([turn(2, "Two.")]))
    async with talking(story, tmp_path, "openai", model="m", max_retries=1) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.server.connections[1].questions == ["a?", "One.", "b?"]
    (notice,) = at.screen.notices
    assert "reconnecting" in notice


async def test_an_answer_in_beta_names_and_parts_of_ga(tmp_path: Path) -> None:
    """Inworld sends voice activity where nobody detects it, and Qwen a session of other formats."""
    noise: list[Event] = [
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_x"},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1, "item_id": "item_x"},
    ]
    story = answering(
        [[*noise, *turn(1, "One."), *noise], turn(2, "Two.")],
        opens=[opening(input_audio_format="pcm16", output_audio_format="pcm24")],
    )
    async with talking(story, tmp_path, "openai", model="m") as at:
        assert_answer(await at.chat.ask("a?"), "One.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert_quiet(at)


async def test_heartbeats_with_a_time_of_their_own(tmp_path: Path) -> None:
    """Zhipu's server says that it is there, and puts a time on each event: both mean nothing."""

    def stamped(event: Event) -> None:
        event["client_timestamp"] = 1_795_000_000_000

    events = each([{"type": "heartbeat"}, *turn(1, "One."), {"type": "heartbeat"}], stamped)
    async with talking(answering([events]), tmp_path, "openai", model="m") as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert_quiet(at)


async def test_another_name_for_a_response_that_runs(tmp_path: Path) -> None:
    """Fish Audio calls it `response_already_active`: the question waits for its end, and is asked again."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        await peer.expect("session.update")
        await peer.send(updated())
        other = turn(9, "Not for you.")[2:-1]
        await peer.send(other[0])
        create = await peer.expect("response.create")
        await peer.send(error("Busy.", create["event_id"], code="response_already_active"), *other[1:])
        await peer.expect("response.create")
        await peer.send(*turn(1, "For you."))
        await peer.client_left()

    async with talking(story, tmp_path, "openai", model="m") as at:
        assert_answer(await at.chat.ask("a?"), "For you.")
    assert at.screen.notices == []


async def test_no_message_is_larger_than_a_gateway_lets_through(tmp_path: Path) -> None:
    """Vercel's gateway takes 256 KB a message: a long question, typed or spoken, is sent in less than that."""
    long = "word " * 4000
    story = answering([turn(1, "One."), [updated(), *spoken(turn(2, "Two."))]])
    async with talking(story, tmp_path, "openai", model="m") as at:
        assert_answer(await at.chat.ask(long), "One.")
        assert_answer(await at.chat.ask("question.wav", audio=tone(20 * 24_000)), "Two.")
    assert max(map(len, at.seen.texts)) < 256_000
    assert_quiet(at)
