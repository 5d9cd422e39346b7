"""A whole run in one process: the order of results, sessions that break, contexts and voices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import pytest
import trio

from geppetto.batch.ask import Ask, BadLine
from geppetto.errors import ConfigError, ConnectionLost, Ending, OutputFailed, Stopped
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from tests.fakes.asked import Desk, echo, said_of, sound_of
from tests.fakes.batching import Kept, asks, keeper_at, run_batch
from tests.fakes.program import frames
from tests.fakes.scripted_server import answer, audio, created, scripted_server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geppetto.batch.result import Result
    from tests.fakes.asked import Asked
    from tests.fakes.scripted_server import Peer

QUESTIONS = [f"Question {n}?" for n in range(1, 13)]
ANSWERS = [f"<{question}>" for question in QUESTIONS]


def ask(index: int, question: str, **more: Any) -> Ask:  # noqa: ANN401  # each test knows what `Ask` takes
    """Return one question."""
    return msgspec.structs.replace(Ask(index=index, id=str(index), question=question, line=index), **more)


@attrs.define
class LateFirst:
    """Answers the first question only when all but those that wait behind it are asked."""

    enough: int
    held: trio.Event = attrs.field(factory=trio.Event)
    count: int = 0

    async def reply(self, peer: Peer, asked: Asked) -> None:
        """Answer."""
        self.count += 1
        if self.count == self.enough:
            self.held.set()
        if asked.question == QUESTIONS[0]:
            await self.held.wait()
        await echo(peer, asked)


@pytest.mark.parametrize("context", ["response", "session"])
async def test_results_come_in_the_order_of_the_input(tmp_path: Path, context: str) -> None:
    """However long the first answer takes, with several sessions nothing overtakes it."""
    desk = Desk(LateFirst(enough=len(QUESTIONS) - 1).reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), jobs=3, context=context)
    assert ran.error is None
    assert [result.index for result in ran.kept.results] == list(range(1, 13))
    assert ran.answers == ANSWERS
    assert desk.connections == (3 if context == "response" else 12)


async def test_unordered_results_come_as_they_are_ready(tmp_path: Path) -> None:
    """With `--unordered` an answer that takes long is told of when it comes."""
    desk = Desk(LateFirst(enough=len(QUESTIONS) - 1).reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), jobs=3, context="response", ordered=False)
    assert sorted(ran.answers) == sorted(ANSWERS)
    assert ran.answers.index(ANSWERS[0]) >= 6  # two of each session's questions may be on their way


async def test_one_bad_session_takes_no_other_down(tmp_path: Path) -> None:
    """A session that the server ends for good is replaced; its question is asked in another one, the rest go on."""

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.question == QUESTIONS[5] and desk.questions[asked.question] == 1:
            await peer.send(created(asked.response_id), audio(asked.response_id, b"\1\2"))
            await peer.close(1000)
            await peer.client_left()
        else:
            await echo(peer, asked)

    desk = Desk(reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), jobs=3, context="response")
    assert ran.error is None
    assert ran.answers == ANSWERS
    assert desk.connections == 4
    assert [count for question, count in desk.questions.items() if count > 1] == [2]
    assert any("Its questions get another session." in warning for warning in ran.kept.warnings)


async def test_a_question_that_ends_two_sessions_is_given_up(tmp_path: Path) -> None:
    """It becomes a failed result with the reason; the others are answered."""

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.question == QUESTIONS[2]:
            await peer.close(1000)
            await peer.client_left()
        else:
            await echo(peer, asked)

    desk = Desk(reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), jobs=2, context="response")
    assert ran.error is None
    assert [result.index for result in ran.kept.results] == list(range(1, 13))
    assert desk.questions[QUESTIONS[2]] == 2
    third = ran.kept.results[2]
    assert (third.status, third.answer) == ("failed", "")
    assert "1000" in third.reason
    assert [one for one in ran.answers if one] == ANSWERS[:2] + ANSWERS[3:]
    assert (ran.tally.done, ran.tally.failed, ran.tally.unasked) == (11, 1, 0)


async def test_independent_questions_know_nothing_of_each_other(tmp_path: Path) -> None:
    """Each answer is out of band: one session, nothing put into its conversation."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), context="response")
    assert ran.answers == ANSWERS
    assert all(asked.out_of_band for asked in desk.asked)
    assert all(not asked.context for asked in desk.asked)
    assert desk.connections == 1


async def test_each_question_has_a_session_of_its_own(tmp_path: Path) -> None:
    """`--context session`: as many sessions as questions, and none for nothing."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS[:4]), context="session")
    assert ran.answers == ANSWERS[:4]
    assert [asked.connection for asked in desk.asked] == [1, 2, 3, 4]
    assert desk.connections == 4
    assert not any(asked.out_of_band or asked.context for asked in desk.asked)


async def test_a_conversation_knows_what_was_said(tmp_path: Path) -> None:
    """One session, in which each question stands behind those before it."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        await run_batch(server.url, tmp_path, asks(*QUESTIONS[:3]))
    assert [asked.context for asked in desk.asked] == [(), ("Question 1?",), ("Question 1?", "Question 2?")]
    assert desk.connections == 1


async def test_another_voice_is_another_session_that_is_told_what_was_said(tmp_path: Path) -> None:
    """The conversation goes on in it; questions of one voice share a session."""
    desk = Desk(echo)
    things = [ask(1, "a?"), ask(2, "b?", voice="cedar"), ask(3, "c?", voice="cedar"), ask(4, "d?")]
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, things, settings={"voice": "marin"})
    assert ran.answers == ["<a?>", "<b?>", "<c?>", "<d?>"]
    assert [(asked.connection, asked.voice) for asked in desk.asked] == [
        (1, "marin"), (2, "cedar"), (2, "cedar"), (3, "marin"),
    ]  # fmt: skip
    assert desk.asked[1].context == ("a?", "<a?>")
    assert desk.asked[3].context == ("a?", "<a?>", "b?", "<b?>", "c?", "<c?>")


async def test_instructions_of_a_line_are_for_its_answer_alone(tmp_path: Path) -> None:
    """They go with that `response.create`."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        await run_batch(server.url, tmp_path, [ask(1, "a?", instructions="Be brief."), ask(2, "b?")])
    assert [asked.instructions for asked in desk.asked] == ["Be brief.", None]


async def test_a_line_that_is_no_question_is_a_failed_result_in_its_place(tmp_path: Path) -> None:
    """It is warned of, counted, kept, and does not stop the rest."""
    bad = BadLine(index=2, line=2, id="2", why="line 2 is not JSON; it was skipped")
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, [ask(1, "a?"), bad, ask(3, "c?")])
    assert ran.statuses == ["completed", "failed", "completed"]
    assert ran.kept.warnings == [bad.why]
    assert ran.kept.results[1].reason == bad.why
    assert len((tmp_path / "run.jsonl").read_text().splitlines()) == 3


async def test_a_spoken_question_that_cannot_be_read_is_a_failed_result(tmp_path: Path) -> None:
    """The file is named; the other questions of the session are asked."""
    desk = Desk(echo)
    things = [ask(1, "a?"), ask(2, "", audio_file=tmp_path / "none.wav"), ask(3, "c?")]
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, things)
    assert ran.statuses == ["completed", "failed", "completed"]
    assert "none.wav cannot be read" in ran.kept.results[1].reason
    assert list(desk.questions) == ["a?", "c?"]


async def test_files_have_their_names_when_a_result_is_told(tmp_path: Path) -> None:
    """Whoever reads a result can open what it names."""
    read: list[bytes] = []

    def look(result: Result) -> None:
        assert result.audio_file is not None
        read.append(frames(tmp_path / result.audio_file))

    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(
            server.url, tmp_path, asks(*QUESTIONS), kept=Kept(on_result=look), jobs=2, context="response"
        )
    assert ran.error is None
    by_id = {asked.response_id: sound_of(asked) for asked in desk.asked}
    assert read == [by_id[result.response_id] for result in ran.kept.results]


async def test_a_sink_that_fails_ends_the_run(tmp_path: Path) -> None:
    """What it raised is how the run ended; answers that were durable stay in the manifest."""
    desk = Desk(echo)
    gone = Stopped("", ExitStatus.BROKEN_PIPE)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS * 20), kept=Kept(fails=gone))
    assert isinstance(ran.error, Stopped)
    assert ran.error.status is ExitStatus.BROKEN_PIPE
    assert len(desk.asked) < 100


async def test_a_run_that_is_stopped_tells_what_is_durable(tmp_path: Path) -> None:
    """Each answer of the manifest is told; the one that was cut off is in neither, and its part is saved."""
    stopper = Stopper()

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number < 4:
            await echo(peer, asked)
            return
        await peer.send(*answer(asked.response_id, said_of(asked), sound_of(asked))[:-1])
        stopper.stop(Ending(ExitStatus.INTERRUPTED, ""))
        await peer.client_left()

    desk = Desk(reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), stopper=stopper)
    assert isinstance(ran.error, Stopped)
    assert ran.answers == ANSWERS[:3]
    assert _kept(tmp_path) == ANSWERS[:3]
    assert len(list((tmp_path / "audio_output").glob("*_partial.wav"))) == 1


def _kept(tmp_path: Path) -> Sequence[str]:
    lines = (tmp_path / "run.jsonl").read_text().splitlines()
    return [line.partition('"answer":"')[2].partition('"')[0] for line in lines]


async def test_a_changed_question_under_a_known_id_ends_the_run(tmp_path: Path) -> None:
    """Nothing is asked for it, and the sentence names the id."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        await run_batch(server.url, tmp_path, asks("a?", "b?"))
        keeper = keeper_at(tmp_path / "run.jsonl", tmp_path)
        keeper.take_up(1000)
        ran = await run_batch(server.url, tmp_path, asks("a?", "c?"), keeper=keeper, resume=True)
    assert isinstance(ran.error, ConfigError)
    assert "'2'" in str(ran.error)
    assert list(desk.questions) == ["a?", "b?"]


async def test_a_run_that_is_done_opens_no_session(tmp_path: Path) -> None:
    """Taking up what has all its answers asks for nothing."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        await run_batch(server.url, tmp_path, asks("a?", "b?"))
        keeper = keeper_at(tmp_path / "run.jsonl", tmp_path)
        keeper.take_up(1000)
        ran = await run_batch(server.url, tmp_path, asks("a?", "b?"), keeper=keeper, resume=True)
    assert ran.error is None
    assert (ran.tally.skipped, ran.kept.results) == (2, [])
    assert desk.connections == 1


async def test_a_manifest_that_takes_nothing_ends_the_run(tmp_path: Path) -> None:
    """Without a durable line no answer is told."""
    keeper = keeper_at(tmp_path / "run.jsonl", tmp_path)
    keeper.begin()
    (tmp_path / "run.jsonl").unlink()
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), keeper=keeper)
    assert isinstance(ran.error, OutputFailed)
    assert ran.kept.results == []


async def test_a_conversation_ends_with_its_session(tmp_path: Path) -> None:
    """There is no other one that would know what was said."""

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number == 2:
            await peer.close(1000)
            await peer.client_left()
        await echo(peer, asked)

    desk = Desk(reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS))
    assert isinstance(ran.error, ConnectionLost)
    assert ran.answers == ANSWERS[:1]
    assert desk.connections == 1
