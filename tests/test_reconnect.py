"""A session outlives its connections: what is lost, what is told again, and when it is enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from geppetto.errors import ConnectionLost, ServerRefused
from geppetto.realtime.history import CUT_OFF_MARK
from tests.fakes.chatting import chatting
from tests.fakes.program import frames, transcripts
from tests.fakes.scripted_server import (
    answer,
    answers,
    audio,
    created,
    done,
    error,
    silent,
    tone,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer, Story


def in_turn(*stories: Story) -> Story:
    """Return a story that is another one for each connection; the last one goes on."""
    left = list(stories)

    async def story(peer: Peer) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(peer)

    return story


async def half_then_drop(peer: Peer) -> None:
    """Answer the first question, and drop TCP in the middle of the second answer."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.send(*answer("resp_1", "Paris.", tone()))
    await peer.expect("response.create")
    await peer.send(created("resp_2"), words("resp_2", "Half of"), audio("resp_2", tone(1200)))
    await peer.drop()


async def drop_at_the_question(peer: Peer) -> None:
    """Drop TCP as soon as something is asked."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.drop()


async def test_a_dropped_connection_is_replaced_and_told_everything(tmp_path: Path) -> None:
    """The new session gets the history and the open question, once; the partial answer stays as a file of its own."""
    async with chatting(in_turn(half_then_drop, answers(["Berlin."])), tmp_path, max_retries=3) as at:
        first = await at.chat.ask("France?")
        second = await at.chat.ask("Germany?")
        assert (first.text, second.text, second.status) == ("Paris.", "Berlin.", "completed")
        assert second.audio_file is not None
        assert frames(second.audio_file) == tone()
    dropped, restored = at.server.connections
    assert dropped.questions == ["France?", "Germany?"]
    assert restored.types[0] == "session.update"
    assert restored.questions == ["France?", "Paris.", "Germany?"]
    kinds = [event["item"]["content"][0]["type"] for event in restored.events if "item" in event]
    assert kinds == ["input_text", "output_text", "input_text"]
    assert restored.types.count("response.create") == 1
    assert restored.close_code == 1000
    assert sorted(transcripts(tmp_path)) == ["Berlin.", "Half of", "Paris."]
    (partial,) = (tmp_path / "audio_output").glob("*_partial.wav")
    assert frames(partial) == tone(1200)


async def test_what_is_asked_during_an_outage_is_answered_in_order(tmp_path: Path) -> None:
    """Questions that come while there is no connection wait, and keep their order."""
    got: list[str] = []
    story = in_turn(drop_at_the_question, answers(["one", "two", "three"]))
    async with chatting(story, tmp_path, max_retries=3) as at, trio.open_nursery() as nursery:

        async def ask(question: str) -> None:
            got.append((await at.chat.ask(question)).text)

        nursery.start_soon(ask, "1?")
        await at.server.seen.over.wait()
        nursery.start_soon(ask, "2?")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, "3?")
    assert got == ["one", "two", "three"]
    assert at.server.connections[-1].questions == ["1?", "2?", "3?"]


async def test_tries_in_a_row_are_counted(tmp_path: Path) -> None:
    """A question that every connection dies of ends the session when the tries are used up."""
    with pytest.raises(ConnectionLost, match="Tried 3 times"):
        async with chatting(drop_at_the_question, tmp_path, max_retries=2) as at:
            await at.chat.ask("Again?")
    assert len(at.server.connections) == 3


@pytest.mark.parametrize(
    ("code", "failure"),
    [(1008, ServerRefused), (3000, ServerRefused), (4000, ServerRefused), (1000, ConnectionLost)],
)
async def test_what_cannot_pass_is_not_tried_again(tmp_path: Path, code: int, failure: type[Exception]) -> None:
    """A close that another connection would meet as well ends the session at once."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.close(code, "no")

    with pytest.raises(failure):
        async with chatting(story, tmp_path, max_retries=3) as at:
            await at.chat.ask("Hello?")
    assert len(at.server.connections) == 1


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 1013])
async def test_what_may_pass_is_tried_again(tmp_path: Path, code: int) -> None:
    """A server that goes away, restarts or fails gets another connection."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        if code == 1006:
            await peer.drop()
        else:
            await peer.close(code, "for now")

    async with chatting(in_turn(story, answers(["Here."])), tmp_path, max_retries=1) as at:
        assert (await at.chat.ask("Hello?")).text == "Here."


async def test_an_expired_session_goes_on(tmp_path: Path) -> None:
    """`session_expired` and its close lead to a new session, even when the close code is 1000."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(error("session_expired", "Your session hit the maximum duration of 60 minutes."))
        await peer.close(1000)

    async with chatting(in_turn(story, answers(["Still here."])), tmp_path, max_retries=1) as at:
        assert (await at.chat.ask("Hello?")).text == "Still here."


async def test_a_stalled_answer_is_asked_for_again(tmp_path: Path) -> None:
    """A server that begins an answer and then says nothing is left for another connection."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Well"))
        await peer.client_left()

    async with chatting(in_turn(story, answers(["Done."])), tmp_path, max_retries=1, read_timeout=0.3) as at:
        assert (await at.chat.ask("Hello?")).text == "Done."


async def test_a_lost_pong_leads_to_another_connection(tmp_path: Path) -> None:
    """Without pongs the connection is dead, and replaced as often as allowed."""

    async def wait_for_the_end() -> None:
        async with chatting(deaf, tmp_path, max_retries=1, ping_interval=0.05, pong_timeout=0.1) as at:
            at.server.pongs = False
            await trio.sleep_forever()

    connections: list[Peer] = []

    async def deaf(peer: Peer) -> None:
        connections.append(peer)
        await silent(peer)

    with pytest.raises(ConnectionLost, match="ping"):
        await wait_for_the_end()
    assert len(connections) == 2


async def test_the_connection_rolls_over_before_the_limit(tmp_path: Path) -> None:
    """Shortly before `expires_at`, between two answers, the session goes on over a new connection; both get 1000."""

    async def short(peer: Peer) -> None:
        await peer.send(
            {"type": "session.created", "session": {"id": "sess_1", "expires_at": time.time() + 0.6}},
        )
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "First."))
        await peer.client_left()

    async with chatting(in_turn(short, answers(["Second."])), tmp_path) as at:
        assert (await at.chat.ask("1?")).text == "First."
        await at.server.connections[0].over.wait()
        assert (await at.chat.ask("2?")).text == "Second."
    first, second = at.server.connections
    assert (first.close_code, second.close_code) == (1000, 1000)
    assert second.questions == ["1?", "First.", "2?"]


async def test_a_rate_limit_is_waited_out(tmp_path: Path) -> None:
    """A failed answer for the rate limit is asked for again when the server says, over the same connection."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        limit = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Please try again in 120ms."}
        await peer.send(created("resp_1"), done("resp_1", "failed", error=limit))
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "At last."))

    async with chatting(story, tmp_path, max_retries=3) as at:
        started = trio.current_time()
        got = await at.chat.ask("Hello?")
        assert trio.current_time() - started >= 0.12
    assert (got.text, got.status) == ("At last.", "completed")
    assert at.server.seen.questions == ["Hello?"]


async def test_a_long_history_is_cut_from_the_front(tmp_path: Path) -> None:
    """Only the newest of what was said, within the budget, is told to the new session."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        for number in range(3):
            await peer.expect("response.create")
            await peer.send(*answer(f"resp_{number}", "x" * 40))
        await peer.expect("response.create")
        await peer.drop()

    async with chatting(in_turn(story, answers(["End."])), tmp_path, max_retries=1, history_budget=100) as at:
        for number in range(4):
            await at.chat.ask(f"question {number}")
    assert at.server.connections[1].questions == ["question 1", "x" * 40, "question 2", "x" * 40, "question 3"]


async def test_a_cut_off_answer_is_marked_in_the_history(tmp_path: Path) -> None:
    """A new session is told of a partial answer as what it was: cut off."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(
            created("resp_1"),
            words("resp_1", "Half of"),
            done("resp_1", "incomplete", reason="max_output_tokens"),
        )
        await peer.expect("response.create")
        await peer.drop()

    async with chatting(in_turn(story, answers(["Whole."])), tmp_path, max_retries=1) as at:
        await at.chat.ask("1?")
        await at.chat.ask("2?")
    assert at.server.connections[1].questions == ["1?", "Half of" + CUT_OFF_MARK, "2?"]
