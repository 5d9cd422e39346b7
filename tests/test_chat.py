"""The Python API against real sockets: asking, streaming, cancelling, failing and leaving."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.chat import open_chat
from geppetto.errors import ConnectFailed, ConnectionLost, Ending, OutputFailed, ServerRefused, Stopped
from geppetto.offline.server import open_offline_server
from geppetto.offline.voice import ToneVoice
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from tests.fakes.chatting import BOUND_S, audio_came, chatting, configure
from tests.fakes.program import frames, transcripts, wavs
from tests.fakes.scripted_server import (
    answer,
    answers,
    audio,
    created,
    done,
    error,
    listening,
    scripted_server,
    silent,
    tone,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.answer import Answer
    from tests.fakes.chatting import Chatting
    from tests.fakes.scripted_server import Peer


async def half_an_answer(peer: Peer) -> None:
    """Open the session, begin an answer, and listen on."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.send(created("resp_1"), words("resp_1", "Half of"), audio("resp_1", tone()))
    await peer.client_left()


# --- asking


async def test_ask_returns_the_answer_when_its_files_are_closed(tmp_path: Path) -> None:
    """The answer has its words, its status and the paths of files that are complete by then."""
    async with chatting(answers(["Paris."]), tmp_path) as at:
        got = await at.chat.ask("What is the capital of France?")
        assert got.audio_file is not None
        assert frames(got.audio_file) == tone()
        assert transcripts(tmp_path) == ["Paris."]
    assert (got.index, got.question, got.text, got.status, got.reason) == (
        1,
        "What is the capital of France?",
        "Paris.",
        "completed",
        "",
    )
    assert (got.audio_ms, got.response_id, got.session_id) == (100, "resp_1", "sess_1")
    assert got.latency.first_text_ms is not None
    assert got.latency.first_audio_ms is not None
    assert at.server.seen.questions == ["What is the capital of France?"]
    assert at.server.seen.close_code == 1000


async def test_stream_yields_the_words_as_they_arrive(tmp_path: Path) -> None:
    """Words come before the answer is over."""
    more = trio.Event()

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Once "))
        await more.wait()
        await peer.send(words("resp_1", "upon a time."), done("resp_1"))
        await peer.client_left()

    heard = []
    async with chatting(story, tmp_path) as at:
        async for piece in at.chat.stream("Tell me a story."):
            heard.append(piece)
            more.set()
    assert heard == ["Once ", "upon a time."]


async def test_tasks_that_ask_at_once_take_turns(tmp_path: Path) -> None:
    """Several tasks may ask at once; the server never sees `response.create` while one is active."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        for number in range(1, 9):
            await peer.expect("response.create")
            await peer.send(*answer(f"resp_{number}", f"To {peer.seen.questions[-1]}", tone()))
        await peer.client_left()

    heard: dict[str, str] = {}
    async with chatting(story, tmp_path, buffer_size=1) as at:

        async def ask(question: str) -> None:
            heard[question] = (await at.chat.ask(question)).text

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(ask, f"question {number}")
    assert heard == {f"question {number}": f"To question {number}" for number in range(8)}
    assert at.server.seen.created_while_active == 0
    assert len(wavs(tmp_path)) == 8


async def test_the_offline_server_answers_with_its_voice(tmp_path: Path) -> None:
    """The embedded server and the client understand each other, in both dialects."""
    for dialect in ("ga", "beta"):
        with trio.fail_after(BOUND_S):
            async with open_offline_server(voice=ToneVoice(5), lead_s=0, dialect=dialect) as server:
                config = configure(server.url, tmp_path / dialect, api_key=server.key, dialect=dialect)
                async with open_chat(config) as chat:
                    got = await chat.ask("What is 12 times 7?")
                    again = await chat.ask("And plus one?")
        assert "84" in got.text
        assert got.status == again.status == "completed"
        assert [frames(wav) != b"" for wav in wavs(tmp_path / dialect)] == [True, True]


# --- cancelling and leaving


async def test_cancelling_an_ask_cancels_the_answer_at_the_server(tmp_path: Path) -> None:
    """Cancelling sends `response.cancel`, what has come is kept as partial, and the chat goes on."""
    under_way = trio.Event()

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Half of"), audio("resp_1", tone()))
        under_way.set()
        cancel = await peer.expect("response.cancel")
        assert cancel["response_id"] == "resp_1"
        await peer.send(done("resp_1", "cancelled", reason="client_cancelled"))
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Two.", tone()))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(at.chat.ask, "a?")
            await under_way.wait()
            await audio_came(at.chat)
            nursery.cancel_scope.cancel()
        got = await at.chat.ask("b?")
    assert got.text == "Two."
    partial, whole = sorted(wavs(tmp_path), key=lambda path: "_partial" not in path.name)
    assert partial.name.endswith("_partial.wav")
    assert frames(partial) == frames(whole) == tone()
    assert at.server.seen.created_while_active == 0


async def test_leaving_the_block_closes_with_1000_and_keeps_the_partial_answer(tmp_path: Path) -> None:
    """Leaving the block in the middle of an answer is an orderly shutdown."""
    async with chatting(half_an_answer, tmp_path) as at:
        async for _ in at.chat.stream("a?"):
            break
        await audio_came(at.chat)
    (wav,) = wavs(tmp_path)
    assert wav.name.endswith("_partial.wav")
    assert frames(wav) == tone()
    assert transcripts(tmp_path) == ["Half of"]
    assert at.server.seen.close_code == 1000


async def test_an_exception_of_the_block_leaves_as_it_is(tmp_path: Path) -> None:
    """An exception of the caller's comes out bare, not in a group, after the same orderly shutdown."""

    async def leave(at: Chatting) -> None:
        await at.chat.ask("a?")
        raise ZeroDivisionError("of the caller")

    with pytest.raises(ZeroDivisionError, match="of the caller"):
        async with chatting(answers(["One."]), tmp_path) as at:
            await leave(at)
    assert at.server.seen.close_code == 1000


async def test_an_answer_can_be_cancelled_by_somebody_else(tmp_path: Path) -> None:
    """Whoever waits for it gets what has come of it, and the chat goes on."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Half of"), audio("resp_1", tone()))
        await peer.expect("response.cancel")
        await peer.send(done("resp_1", "cancelled", reason="client_cancelled"))
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Whole."))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        assert not at.chat.cancel()
        assert at.chat.status.connected
        got: list[Answer] = []

        async def ask() -> None:
            got.append(await at.chat.ask("One?"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await audio_came(at.chat)
            assert at.chat.status.answering == 1
            assert at.chat.cancel()
        whole = await at.chat.ask("Two?")
        assert (got[0].status, got[0].text) == ("cancelled", "Half of")
        assert got[0].audio_file is not None
        assert got[0].audio_file.name.endswith("_partial.wav")
        assert whole.text == "Whole."
        assert at.chat.status.answering == 0


async def test_a_question_whose_answer_never_began_can_be_taken_back(tmp_path: Path) -> None:
    """Whoever waits for it is told so, when the server has nothing to cancel."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        cancel = await peer.expect("response.cancel")
        await peer.send(error("response_cancel_not_active", event_id=cancel["event_id"]))
        await peer.client_left()

    async with chatting(story, tmp_path) as at:
        got: list[Answer] = []

        async def ask() -> None:
            got.append(await at.chat.ask("One?"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            while not at.chat.status.answering:
                await trio.lowlevel.checkpoint()
            assert at.chat.cancel()
        assert (got[0].status, got[0].transcript_file) == ("cancelled", None)


async def test_a_cancelled_block_is_an_orderly_shutdown(tmp_path: Path) -> None:
    """Cancelling around the block still sends Close 1000, and keeps the partial answer."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(half_an_answer) as server:
            with trio.CancelScope() as scope:
                async with open_chat(configure(server.url, tmp_path)) as chat:
                    async for _ in chat.stream("a?"):
                        scope.cancel()
            assert scope.cancelled_caught
            await server.seen.over.wait()
    assert server.seen.close_code == 1000
    assert transcripts(tmp_path) == ["Half of"]


async def test_a_question_that_was_never_sent_can_be_taken_back(tmp_path: Path) -> None:
    """Cancelling an `ask` whose turn has not come sends nothing."""
    async with chatting(half_an_answer, tmp_path) as at:
        async for _ in at.chat.stream("a?"):
            break
        with trio.CancelScope() as scope:
            scope.cancel()
            await at.chat.ask("b?")
    assert at.server.seen.questions == ["a?"]
    assert "response.cancel" not in at.server.seen.types


async def test_asking_after_the_end_is_an_error(tmp_path: Path) -> None:
    """A chat that is closed says so, and keeps nobody waiting."""
    async with chatting(answers(["One."]), tmp_path) as at:
        await at.chat.ask("a?")
    with trio.fail_after(1), pytest.raises(ConnectionLost, match="closed"):
        await at.chat.ask("b?")
    with pytest.raises(ConnectionLost, match="closed"):
        at.chat.stream("c?")


# --- failing


async def test_a_lost_connection_is_raised_where_one_waits_and_where_one_leaves(tmp_path: Path) -> None:
    """A session that ends by itself raises its reason from the block, bare."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.drop()

    with pytest.raises(ConnectionLost, match="1006") as caught:
        async with chatting(story, tmp_path) as at:
            await at.chat.ask("a?")
    assert caught.value.status is ExitStatus.CONNECTION_LOST
    assert caught.value.__cause__ is not None


async def test_a_refusal_is_raised_bare(tmp_path: Path) -> None:
    """An error that ends the session is a `ServerRefused`."""

    async def story(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", "Incorrect API key provided."))
        await peer.close(3000, "invalid_request_error.invalid_api_key")

    with pytest.raises(ServerRefused, match="Incorrect API key"):
        async with chatting(story, tmp_path) as at:
            await at.chat.ask("a?")


async def test_an_http_refusal_is_raised_bare(tmp_path: Path) -> None:
    """HTTP 401 is a `ServerRefused`, and the log is closed."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(silent, reject=(401, b"no")) as server:
            with pytest.raises(ServerRefused, match="401"):
                async with open_chat(configure(server.url, tmp_path)) as chat:
                    await chat.ask("a?")


async def test_no_connection_is_raised_bare(tmp_path: Path) -> None:
    """A port where nobody listens is a `ConnectFailed`."""
    with trio.fail_after(BOUND_S):
        async with listening(lambda stream: stream.aclose()) as port:
            pass
        with pytest.raises(ConnectFailed, match="connection refused"):
            async with open_chat(configure(f"ws://127.0.0.1:{port}", tmp_path)) as chat:
                await chat.ask("a?")


async def test_a_disk_that_cannot_be_written_is_raised_bare(tmp_path: Path) -> None:
    """A file in place of the output directory is an `OutputFailed`."""
    (tmp_path / "audio_output").write_text("in the way")
    with pytest.raises(OutputFailed, match="not a directory"):
        async with chatting(answers(["One."]), tmp_path) as at:
            await at.chat.ask("a?")


async def test_a_stopper_ends_the_session(tmp_path: Path) -> None:
    """Whoever holds the stopper can end the session with a reason."""
    stopper = Stopper()
    with trio.fail_after(BOUND_S):
        async with scripted_server(answers(["One."])) as server:

            async def chat() -> None:
                async with open_chat(configure(server.url, tmp_path), stopper=stopper) as chat:
                    await chat.ask("a?")
                    stopper.stop(Ending(ExitStatus.TERMINATED, "Enough."))
                    await trio.sleep_forever()

            with pytest.raises(Stopped, match="Enough") as caught:
                await chat()
    assert caught.value.status is ExitStatus.TERMINATED
    assert server.seen.close_code == 1000


async def test_complaints_of_the_server_go_to_the_logger(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a terminal, an error that the session survives is a warning of the `geppetto` logger."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.send(error("some_code", "Something small."))
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "One."))
        await peer.client_left()

    with caplog.at_level(logging.WARNING, "geppetto"):
        async with chatting(story, tmp_path) as at:
            assert (await at.chat.ask("a?")).text == "One."
    assert caplog.messages == ["the server reported an error: Something small (some_code)"]
    assert at.chat.metrics.errors == {"some_code": 1}
