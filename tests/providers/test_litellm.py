"""LiteLLM's proxy: one address before many servers, whose names of events it translates or lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.errors import ServerRefused
from tests.fakes.scripted_server import silent
from tests.providers.saying import answering, error, in_beta, only, opening, turn, updated, without
from tests.providers.stage import KEY, assert_answer, assert_documented, assert_key, assert_quiet, refusal, talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer

MODEL = "azure-gpt-realtime"


def mixed(number: int, text: str) -> list[Event]:
    """Return an answer by the names of the beta, with the items of both."""
    whole = turn(number, text)
    return [*only(whole[:2], "conversation.item.added", "conversation.item.done"), *in_beta(whole[2:])]


async def test_a_chat_with_litellm(tmp_path: Path) -> None:
    """GA without a beta header, by which the proxy chooses what to dial; the key is the proxy's, a bearer token."""
    async with talking(answering([turn(1, "One."), turn(2, "Two.")]), tmp_path, "litellm", model=MODEL) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert at.query == {"model": MODEL}
    assert_key(at.seen, "Authorization", f"Bearer {KEY}")
    assert at.seen.header("OpenAI-Beta") is None
    assert_documented(at.seen)
    assert_quiet(at)


async def test_names_of_both_generations(tmp_path: Path) -> None:
    """What is not translated is understood: beta names behind a GA session, and one answer of each kind."""
    opens = [
        opening(modalities=["audio", "text"]),
        opening(modalities=["audio", "text"]),
    ]  # its own, and what it dials
    story = answering([mixed(1, "One."), turn(2, "Two.")], opens=opens)
    async with talking(story, tmp_path, "litellm", model=MODEL) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
        assert_answer(await at.chat.ask("b?"), "Two.")
    assert_quiet(at)


async def test_the_beta_by_request(tmp_path: Path) -> None:
    """Before a server that speaks the beta alone, the header of the beta makes the proxy dial that."""
    story = answering([in_beta(turn(1, "One."))])
    async with talking(story, tmp_path, "litellm", model=MODEL, dialect="beta") as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert at.seen.header("OpenAI-Beta") == "realtime=v1"
    assert at.session["modalities"] == ["text", "audio"]
    assert_documented(at.seen, "beta", but=["session.update"])
    assert_quiet(at)


async def test_a_session_that_is_not_confirmed(tmp_path: Path) -> None:
    """Servers behind it that have no `session.updated` answer all the same, with no usage."""
    events = without(turn(1, "One.", usage={}), "rate_limits.updated")
    async with talking(answering([events], updates=[]), tmp_path, "litellm", model=MODEL) as at:
        assert_answer(await at.chat.ask("a?"), "One.", tokens=0, usd=None)
    assert_quiet(at)


@pytest.mark.parametrize("echoed", [True, False])
async def test_a_parameter_that_the_server_behind_it_does_not_have(tmp_path: Path, echoed: bool) -> None:
    """The GA settings reached a server of the beta: the sentence names the parameter, with our id or without one."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        update = await peer.expect("session.update")
        message, name = "Unknown parameter: 'output_modalities'.", "output_modalities"
        await peer.send(error(message, update["event_id"] if echoed else None, code="unknown_parameter", param=name))
        await peer.client_left()

    with pytest.raises(ServerRefused, match=r"'output_modalities'.*Change that setting"):
        async with talking(story, tmp_path, "litellm", model=MODEL) as at:
            await at.chat.ask("a?")


async def test_a_virtual_key_that_is_not_known(tmp_path: Path) -> None:
    """403 at the handshake is a refusal, and its body is quoted without the key."""
    body = f"Authentication Error, Invalid proxy server token passed: {KEY}".encode()
    said = await refusal(silent, tmp_path, "litellm", reject=(403, body), model=MODEL)
    assert "answered HTTP 403 (Authentication Error" in said
    assert KEY not in said


async def test_updated_before_it_was_asked_for(tmp_path: Path) -> None:
    """A proxy may configure what it dials first, and tell of it."""
    story = answering([turn(1, "One.")], opens=[opening(), updated()])
    async with talking(story, tmp_path, "litellm", model=MODEL) as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert_quiet(at)
