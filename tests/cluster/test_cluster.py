"""A batch on a cluster of real processes, against a scripted server in this one."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.batch.result import Result
from tests.cluster.local_cluster import local_cluster
from tests.fakes.asked import Desk, echo, said_of, sound_of
from tests.fakes.program import files_below, frames, open_program, run_program
from tests.fakes.scripted_server import scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.cluster.local_cluster import LocalCluster
    from tests.fakes.asked import Asked
    from tests.fakes.scripted_server import Peer

BOUND_S = 60
KEY = "sk-only-workers-have-it"
KEY_ENV = {"THEIR_KEY": KEY}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One worker, for tests that leave it alive."""
    with local_cluster(tmp_path_factory.mktemp("cluster"), 1) as cluster:
        yield cluster


def questions_at(path: Path, count: int) -> list[str]:
    """Write a file of questions, and return them."""
    questions = [f"question {number}" for number in range(1, count + 1)]
    path.write_text("".join(json.dumps({"question": question}) + "\n" for question in questions))
    return questions


def results_in(lines: str) -> list[Result]:
    """Return the results that stand in *lines*."""
    return [Result.from_line(line) for line in lines.splitlines()]


def path_of(name: str) -> Path:
    """Return the path that a result names, as such or as a URL."""
    return Path(name.removeprefix("file://"))


def assert_answered(results: Sequence[Result], questions: Sequence[str], desk: Desk) -> None:
    """Check that each question has one answer, and that its WAV holds exactly what the server sent for it."""
    assert sorted(result.question for result in results) == sorted(questions)
    for result in results:
        asked = desk.asked[int(result.response_id.removeprefix("resp_")) - 1]
        assert asked.question == result.question
        assert (result.status, result.answer) == ("completed", said_of(asked))
        assert result.audio_file is not None
        assert frames(path_of(result.audio_file)) == sound_of(asked)


async def test_the_shard_of_a_killed_worker_is_taken_up_from_its_manifest(tmp_path: Path) -> None:
    """SIGKILL of a worker costs no answer and doubles none; what it had finished is not asked again."""
    questions = questions_at(tmp_path / "questions.jsonl", 40)
    killed = trio.Event()

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number > 12:
            await killed.wait()
        await echo(peer, asked)

    desk = Desk(reply)
    with trio.fail_after(BOUND_S), local_cluster(tmp_path, 2, KEY_ENV) as cluster:
        async with scripted_server(desk.story) as server:
            args = ["batch", "questions.jsonl", "--cluster", cluster.address, "--shard-size", "10", "--jobs", "1"]
            args += ["--url", server.url, "--key-env", "THEIR_KEY", "--json", "--manifest", "run.jsonl"]
            async with open_program(args, cwd=tmp_path) as program:
                await desk.wait_for(14)  # both workers wait for the server, in the middle of their shards
                os.kill(cluster.pids[0], signal.SIGKILL)
                killed.set()
                ran = await program.left()
    assert ran.status == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    shown = results_in(ran.stdout)
    assert [result.index for result in shown] == list(range(1, 41))
    kept = results_in((tmp_path / "run.jsonl").read_text())
    assert_answered(kept, questions, desk)
    assert {result.id: result for result in shown} == {result.id: result for result in kept}
    again = len(desk.asked) - len(questions)
    assert 1 <= again <= 2  # what was on its way when the worker died
    wavs = {result.audio_file for result in kept}
    assert {str(path) for path in files_below(tmp_path) if path.suffix == ".wav"} == wavs
    assert {seen.header("authorization") for seen in server.connections} == {f"Bearer {KEY}"}
    assert not [path for path in files_below(tmp_path) if KEY.encode() in path.read_bytes()]


async def test_ctrl_c_calls_workers_back_and_resume_takes_up_what_they_have(
    tmp_path: Path, shared: LocalCluster
) -> None:
    """After Ctrl+C no worker goes on asking; a resumed run asks for nothing that has an answer in any manifest."""
    questions = questions_at(tmp_path / "questions.jsonl", 12)
    stopped = trio.Event()

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number > 4 and not stopped.is_set():
            await peer.client_left()
        else:
            await echo(peer, asked)

    desk = Desk(reply)
    with trio.fail_after(BOUND_S):
        async with scripted_server(desk.story) as server:
            args = ["batch", "questions.jsonl", "--cluster", shared.address, "--shard-size", "4", "--jobs", "1"]
            args += ["--url", server.url, "--manifest", "run.jsonl"]
            async with open_program(args, cwd=tmp_path) as program:
                await desk.wait_for(5)
                os.kill(program.process.pid, signal.SIGINT)
                ran = await program.left()
                assert ran.status == 130, ran.stderr
                assert "--resume --manifest run.jsonl" in ran.stderr
                for seen in server.connections:
                    await seen.over.wait()
                stopped.set()
            before = len(desk.asked)
            (tmp_path / "run.jsonl").write_text("")  # as if it had been killed before it heard of an answer
            ran = await run_program([*args, "--resume"], cwd=tmp_path)
    assert ran.status == 0, ran.stderr
    assert_answered(results_in((tmp_path / "run.jsonl").read_text()), questions, desk)
    assert len(desk.asked) - before == len(questions) - 4
    assert server.connections[0].close_code == 1000


async def test_output_at_a_url_needs_no_shared_directory(tmp_path: Path) -> None:
    """With --output the files, the logs and the manifests of the shards go there, and results name them there."""
    questions = questions_at(tmp_path / "questions.jsonl", 6)
    there = tmp_path / "there"
    killed = trio.Event()

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number == 3:
            await killed.wait()
        await echo(peer, asked)

    desk = Desk(reply)
    with trio.fail_after(BOUND_S), local_cluster(tmp_path, 1) as cluster:
        async with scripted_server(desk.story) as server:
            args = ["batch", "questions.jsonl", "--cluster", cluster.address, "--shard-size", "3", "--jobs", "1"]
            args += ["--url", server.url, "--manifest", "run.jsonl", "--output", there.as_uri()]
            args += ["--output-template", "same", "--json"]
            async with open_program(args, cwd=tmp_path) as program:
                await desk.wait_for(3)
                await program.wrote('"index":2')
                os.kill(cluster.pids[0], signal.SIGKILL)
                killed.set()
                ran = await program.left()
    assert ran.status == 0, ran.stderr
    kept = results_in((tmp_path / "run.jsonl").read_text())
    assert_answered(kept, questions, desk)
    assert len(desk.asked) <= len(questions) + 2
    for result in kept:
        assert result.audio_file is not None
        assert result.transcript_file is not None
        assert result.audio_file.startswith(there.as_uri())
        assert f"Audio File: {result.audio_file}\n" in path_of(result.transcript_file).read_text()
    assert len({result.audio_file for result in kept}) == len(questions)
    assert list(there.rglob("Chat:*.log"))
    assert not (tmp_path / "audio_output").exists() or not list((tmp_path / "audio_output").rglob("*.wav"))


async def test_a_scheduler_that_goes_away_is_a_lost_connection(tmp_path: Path) -> None:
    """The run ends with 6 and says how to go on; what had been told is in the manifest."""
    questions_at(tmp_path / "questions.jsonl", 4)

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number > 2:
            await peer.client_left()
        else:
            await echo(peer, asked)

    desk = Desk(reply)
    with trio.fail_after(BOUND_S), local_cluster(tmp_path, 1) as cluster:
        async with scripted_server(desk.story) as server:
            args = ["batch", "questions.jsonl", "--cluster", cluster.address, "--url", server.url]
            args += ["--manifest", "run.jsonl", "--json", "--jobs", "1"]
            async with open_program(args, cwd=tmp_path) as program:
                await program.wrote('"index":2')
                os.kill(cluster.scheduler_pid, signal.SIGKILL)
                ran = await program.left()
            for seen in server.connections:
                await seen.over.wait()  # its worker is not wanted any more
    assert ran.status == 6, ran.stderr
    assert f"The scheduler at {cluster.address} went away." in ran.stderr
    assert "--resume" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(results_in((tmp_path / "run.jsonl").read_text())) == 2


async def test_a_worker_needs_the_key_and_the_submitter_does_not(tmp_path: Path, shared: LocalCluster) -> None:
    """The variable of --key-env is read on the worker, whose sentence says that it is not set there."""
    questions_at(tmp_path / "questions.jsonl", 2)
    desk = Desk(echo)
    with trio.fail_after(BOUND_S):
        async with scripted_server(desk.story) as server:
            args = ["batch", "questions.jsonl", "--cluster", shared.address, "--url", server.url]
            ran = await run_program([*args, "--key-env", "THEIR_KEY"], cwd=tmp_path, env=KEY_ENV)
    assert ran.status == 2, ran.stderr
    assert "geppetto: Worker 127.0.0.1:" in ran.stderr
    assert "The variable THEIR_KEY, which --key-env names, is not set." in ran.stderr
    assert server.connections == []
