"""Scripted runs as processes: every kind of pipe at both ends, limits, and Ctrl+C."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
import trio

from geppetto.status import ExitStatus
from tests.fakes.asked import Desk, echo, said_of, sound_of
from tests.fakes.program import files_below, open_program, run_program, wavs
from tests.fakes.scripted_server import answer, audio, created, scripted_server, words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.asked import Asked
    from tests.fakes.program import Ran
    from tests.fakes.scripted_server import Peer

PRICES = '[prices."gpt-realtime"]\ninput_text = 1.0\ncached_text = 1.0\noutput_text = 1.0\n'
TOKENS = 100_000
"""Of each answer: ten cents."""


def results(ran: Ran) -> list[dict[str, Any]]:
    """Return the objects on stdout, on which nothing else may stand."""
    return [json.loads(line) for line in ran.stdout.splitlines()]


async def ask_lines(tmp_path: Path, content: bytes, *args: str) -> tuple[Ran, Desk]:
    """Pipe *content* through the program."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_program(["--url", server.url, *args], cwd=tmp_path, stdin=content)
    return ran, desk


# --- what comes in


@pytest.mark.parametrize(
    ("content", "questions"),
    [
        pytest.param(b"a?\nb?", ["a?", "b?"], id="no newline at the end"),
        pytest.param(b"a?\r\nb?\r\n", ["a?", "b?"], id="CRLF"),
        pytest.param(b"\xef\xbb\xbfa?\nb?\n", ["a?", "b?"], id="BOM"),
        pytest.param(b"\n  \na?\n\t\n\nb?\n\n", ["a?", "b?"], id="blank lines"),
        pytest.param(b"\xff\xfe?\nb?\n", ["\ufffd\ufffd?", "b?"], id="invalid UTF-8"),
        pytest.param(b"a?\n.quit\nb?\n", ["a?"], id=".quit"),
        pytest.param(b"", [], id="empty"),
    ],
)
async def test_every_kind_of_line_is_read(tmp_path: Path, content: bytes, questions: list[str]) -> None:
    """Each question is asked, and is a result."""
    ran, desk = await ask_lines(tmp_path, content, "--json")
    assert ran.status == 0, ran.stderr
    assert [result["question"] for result in results(ran)] == questions
    assert [asked.question for asked in desk.asked] == questions


async def test_a_nul_is_one_result_and_stops_nothing(tmp_path: Path) -> None:
    """Asked or refused, it is told of, and the question behind it is asked."""
    ran, desk = await ask_lines(tmp_path, b"a\0b?\nc?\n", "--json")
    assert ran.status in {0, ExitStatus.UNANSWERED}, ran.stderr
    assert len(results(ran)) == 2
    assert desk.asked[-1].question == "c?"


async def test_a_line_of_a_million_bytes_is_a_question(tmp_path: Path) -> None:
    """It goes to the server whole."""
    ran, desk = await ask_lines(tmp_path, b"x" * 1_000_000 + b"\nb?\n", "--json")
    assert ran.status == 0, ran.stderr
    assert [len(asked.question) for asked in desk.asked] == [1_000_000, 2]
    assert [len(result["question"]) for result in results(ran)] == [1_000_000, 2]


async def test_ask_takes_all_of_stdin_as_one_question(tmp_path: Path) -> None:
    """`geppetto ask -`: its lines stay lines, and no manifest is made."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_program(["ask", "-", "--url", server.url], cwd=tmp_path, stdin="One,\ntwo?\n")
    assert ran.status == 0, ran.stderr
    assert [asked.question for asked in desk.asked] == ["One,\ntwo?"]
    assert not [path for path in files_below(tmp_path) if path.suffix == ".jsonl"]


@pytest.mark.parametrize("content", ["", "\n \n"])
async def test_ask_without_a_question_is_a_mistake(tmp_path: Path, content: str) -> None:
    """The server is not even called."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_program(["ask", "-", "--url", server.url], cwd=tmp_path, stdin=content)
    assert ran.status == ExitStatus.USAGE
    assert "no question" in ran.stderr
    assert desk.asked == []


# --- what goes out


async def test_quiet_answers_are_lines(tmp_path: Path) -> None:
    """`--quiet`: one line for each question, nothing on stderr."""
    ran, _desk = await ask_lines(tmp_path, b"a?\nb?\n", "--quiet")
    assert (ran.status, ran.stdout, ran.stderr) == (0, "<a?>\n<b?>\n", "")


async def test_head_ends_the_run_quietly(tmp_path: Path) -> None:
    """`| head -n 1`: the first result, status 141, no complaint and no traceback."""
    (tmp_path / "q.txt").write_text("".join(f"{n}?\n" for n in range(2000)))
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_program(
            ["batch", "q.txt", "--url", server.url, "--json", "--jobs", "2"],
            cwd=tmp_path,
            shell='{ "$@"; echo "status $?" >&2; } | head -n 1',
        )
    assert [result["index"] for result in results(ran)] == [1]
    assert "status 141" in ran.stderr
    for complaint in ("geppetto:", "Traceback", "the answer is partial", "the manifest is"):
        assert complaint not in ran.stderr
    assert len(desk.asked) < 1900


async def test_a_closed_stdout_is_no_reason_to_fail(tmp_path: Path) -> None:
    """`>&-`: the answers are in the files."""
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        ran = await run_program(
            ["--url", server.url, "--json"], cwd=tmp_path, stdin="a?\nb?\n", shell='exec "$@" >&-'
        )
    assert ran.status == 0, ran.stderr
    assert len(wavs(tmp_path)) == 2


async def test_a_slow_reader_slows_the_run(tmp_path: Path) -> None:
    """Nothing is asked far ahead of a reader that takes nothing; it gets every result when it goes on."""
    count = 3000
    (tmp_path / "q.txt").write_text("".join(f"{n} {'x' * 800}?\n" for n in range(count)))
    desk = Desk(echo_without_sound)
    async with (
        scripted_server(desk.story) as server,
        open_program(
            ["batch", "q.txt", "--url", server.url, "--json", "--jobs", "2", "--no-manifest", "--quiet"],
            cwd=tmp_path,
            read_stdout=False,
        ) as program,
    ):
        assert program.process.stdout is not None
        before = -1
        while before != len(desk.asked) or before == 0:  # until it stands still
            before = len(desk.asked)
            with trio.move_on_after(0.4):
                await desk.wait_for(before + 1)
        assert 10 < len(desk.asked) < 300
        first = bytearray()
        while first.count(b"\n") < before - 4:
            first += await program.process.stdout.receive_some()
        program.signal(signal.SIGTERM)
    assert [json.loads(line)["index"] for line in first.splitlines()[:10]] == list(range(1, 11))


async def echo_without_sound(peer: Peer, asked: Asked) -> None:
    """Answer with words."""
    await peer.send(*answer(asked.response_id, said_of(asked)))


# --- limits


async def priced(peer: Peer, asked: Asked) -> None:
    """Answer with figures."""
    *first, last = answer(asked.response_id, said_of(asked))
    usage = {
        "total_tokens": TOKENS,
        "input_tokens": TOKENS // 2,
        "output_tokens": TOKENS // 2,
        "input_token_details": {"text_tokens": TOKENS // 2, "cached_tokens": 0},
        "output_token_details": {"text_tokens": TOKENS // 2},
    }
    last["response"]["usage"] = usage
    await peer.send(*first, last)


async def test_a_limit_of_cost_ends_the_asking(tmp_path: Path) -> None:
    """It warns at four fifths, finishes what runs, exits with 3, and says how to go on."""
    (tmp_path / "prices.toml").write_text(PRICES)
    desk = Desk(priced)
    args = [
        "--json",
        "--prices-file",
        "prices.toml",
        "--model",
        "gpt-realtime",
        "--independent",
        "--manifest",
        "run.jsonl",
    ]
    text = "".join(f"{n}?\n" for n in range(100))
    async with scripted_server(desk.story) as server:
        ran = await run_program(["--url", server.url, *args, "--max-cost", "1.0"], cwd=tmp_path, stdin=text)
        assert ran.status == ExitStatus.UNANSWERED, ran.stderr
        # Two answers may be written down together.
        assert re.search(r"\$0\.[89]000 of \$1\.00 are spent", ran.stderr)
        assert "The limit of $1.00 is reached" in ran.stderr
        assert "--resume" in ran.stderr
        told = results(ran)
        assert 10 <= len(told) == len(desk.asked) <= 12
        assert {result["status"] for result in told} == {"completed"}
        ran = await run_program(["--url", server.url, *args, "--resume"], cwd=tmp_path, stdin=text)
    assert ran.status == 0, ran.stderr
    assert len(told) + len(results(ran)) == 100
    assert set(desk.questions.values()) == {1}


async def test_a_limit_of_cost_without_a_price_is_refused(tmp_path: Path) -> None:
    """Nobody may believe that it holds."""
    desk = Desk(priced)
    async with scripted_server(desk.story) as server:
        ran = await run_program(["--url", server.url, "--max-cost", "0.01"], cwd=tmp_path, stdin="a?\nb?\n")
    assert ran.status == ExitStatus.USAGE
    assert "--prices-file" in ran.stderr
    assert desk.asked == []


async def test_a_limit_of_time_ends_the_asking(tmp_path: Path) -> None:
    """What runs is finished."""

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number == 3:
            await trio.sleep(0.7)
        await echo(peer, asked)

    desk = Desk(reply)
    async with scripted_server(desk.story) as server:
        ran = await run_program(
            ["--url", server.url, "--max-minutes", "0.01", "--json"],
            cwd=tmp_path,
            stdin="".join(f"{n}?\n" for n in range(5000)),
        )
    assert ran.status == ExitStatus.UNANSWERED, ran.stderr
    assert "The limit of 0.01 minutes is reached." in ran.stderr
    assert len(results(ran)) == len(desk.asked) < 5000


@pytest.mark.parametrize(
    "args",
    [
        ["--max-cost", "nan"],
        ["--max-minutes", "nan"],
        ["--max-cost", "-1"],
        ["--max-minutes", "0"],
        ["--offline", "--offline-lead", "nan"],
        ["--max-first-audio-ms", "nan"],
        ["--jobs", "0"],
    ],
)
async def test_a_limit_that_is_none_is_refused(tmp_path: Path, args: list[str]) -> None:
    """With a sentence that names the flag, before anything is asked or made."""
    more = [] if "--offline" in args else ["--url", "ws://127.0.0.1:9/"]
    ran = await run_program([*args, *more], cwd=tmp_path, stdin="a?\n")
    assert ran.status == ExitStatus.USAGE, ran.stdout
    assert args[-2] in ran.stderr
    assert "Traceback" not in ran.stderr
    assert files_below(tmp_path) == []


# --- Ctrl+C


async def test_ctrl_c_ends_a_batch_and_says_how_to_go_on(tmp_path: Path) -> None:
    """Status 130; what came of the answers is kept as partial; `--resume` asks what has no answer."""
    held = True

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.number > 6 and held:
            await peer.send(created(asked.response_id), words(asked.response_id, "Well"))
            await peer.send(audio(asked.response_id, sound_of(asked)))
            await peer.ping()  # it has read all that
            waiting.set()
            await peer.client_left()
        await echo(peer, asked)

    waiting = trio.Event()
    desk = Desk(reply)
    (tmp_path / "q.txt").write_text("".join(f"{n}?\n" for n in range(20)))
    async with scripted_server(desk.story) as server:
        args = ["batch", "q.txt", "--url", server.url, "--json", "--jobs", "2", "--manifest", "run.jsonl"]
        async with open_program(args, cwd=tmp_path) as program:
            await waiting.wait()
            await program.wrote('"index":4,')
            program.signal(signal.SIGINT)
            ran = await program.left()
        assert ran.status == 130, ran.stderr
        assert "--resume --manifest run.jsonl" in ran.stderr
        assert "Traceback" not in ran.stderr
        done = [json.loads(line)["id"] for line in (tmp_path / "run.jsonl").read_text().splitlines()]
        assert sorted(done) == sorted(result["id"] for result in results(ran))
        assert list((tmp_path / "audio_output").glob("*_partial.wav"))
        assert not list((tmp_path / "audio_output").glob("*.part"))
        held = False
        again = await run_program([*args, "--resume"], cwd=tmp_path)
    assert again.status == 0, again.stderr
    assert sorted([*done, *(result["id"] for result in results(again))], key=int) == [str(n) for n in range(1, 21)]


async def test_a_manifest_can_be_taken_up_while_nobody_has_it(tmp_path: Path) -> None:
    """A second run of the same manifest is refused as long as the first one goes on."""
    entered = trio.Event()

    async def reply(peer: Peer, _asked: Asked) -> None:
        entered.set()
        await peer.client_left()

    (tmp_path / "q.txt").write_text("a?\nb?\n")
    async with scripted_server(Desk(reply).story) as server:
        args = ["batch", "q.txt", "--url", server.url, "--manifest", "run.jsonl"]
        async with open_program(args, cwd=tmp_path) as program:
            await entered.wait()
            ran = await run_program([*args, "--resume"], cwd=tmp_path)
            assert ran.status == ExitStatus.USAGE
            assert "still going on" in ran.stderr
            program.signal(signal.SIGINT)
            await program.left()
