"""The program as its users run it: every kind of stdin, the terminal, the pipe, `kill -9`, and where the key goes."""

from __future__ import annotations

import json
import signal
from typing import IO, TYPE_CHECKING

import pytest
import trio

from geppetto.status import ExitStatus
from tests.fakes.program import (
    files_below,
    frames,
    open_program,
    run_program,
    transcripts,
    unfinished_wav,
    wavs,
)
from tests.fakes.scripted_server import (
    answer,
    answers,
    audio,
    created,
    done,
    error,
    scripted_server,
    silent,
    tone,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

KEY = "sk-test-do-not-show-0123456789"


def to(url: str, *more: str) -> list[str]:
    """Return the arguments of a chat with *url* that does not try twice."""
    return ["--url", url, "--max-retries", "0", *more]


async def echo(peer: Peer) -> None:
    """Answer each question with its own text."""
    await peer.greet()
    while True:
        await peer.expect("response.create")
        number = len(peer.seen.questions)
        await peer.send(*answer(f"resp_{number}", f"<{peer.seen.questions[-1]}>", tone(10)))


# --- stdin


async def test_a_regular_file_is_read_to_its_end(tmp_path: Path) -> None:
    """`geppetto < questions.txt`, with the last line left open, asks every line."""
    async with scripted_server(echo) as server:
        with questions_file(tmp_path, b"\xef\xbb\xbfa?\r\n\n   \nb?\n  c?  ") as file:
            ran = await run_program(to(server.url), cwd=tmp_path, stdin=file)
    assert ran.status == 0, ran.stderr
    assert ran.stdout == "<a?>\n<b?>\n<c?>\n"
    assert server.seen.close_code == 1000


def questions_file(tmp_path: Path, content: bytes) -> IO[bytes]:
    """Return a regular file with *content*, open for reading."""
    path = tmp_path / "questions.txt"
    path.write_bytes(content)
    return path.open("rb")


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
async def test_no_stdin_is_the_end_of_the_input(tmp_path: Path, redirection: str) -> None:
    """An empty or closed stdin is a session without questions, and a good ending."""
    async with scripted_server(silent) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, shell=f'exec "$@" {redirection}')
    assert ran.status == 0, ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr


async def test_all_three_streams_may_be_closed(tmp_path: Path) -> None:
    """No socket or log takes the number of a closed stream."""
    async with scripted_server(answers(["One."])) as server:
        shell = 'printf "a?\\n" | { exec "$@" >&- 2>&-; }'
        ran = await run_program(to(server.url), cwd=tmp_path, shell=shell)
    assert ran.status == 0
    assert transcripts(tmp_path) == ["One."]
    assert server.seen.close_code == 1000


async def test_characters_may_be_split_over_writes(tmp_path: Path) -> None:
    """A pipe may deliver half a character; lines that are not UTF-8 are asked with replacement characters."""
    async with scripted_server(echo) as server, open_program(to(server.url), cwd=tmp_path) as program:
        assert program.stdin is not None
        for byte in "Grüße 🐙?\n".encode():
            await program.stdin.send_all(bytes([byte]))
            await trio.lowlevel.checkpoint()
        await program.wrote("<Grüße 🐙?>")
        await program.stdin.send_all(b"bad \xff byte\n")
        await program.end_input()
        ran = await program.left()
    assert ran.status == 0
    assert ran.stdout == "<Grüße 🐙?>\n<bad � byte>\n"


async def test_a_very_long_line_is_a_question_or_skipped(tmp_path: Path) -> None:
    """A line of a megabyte is asked; one beyond the limit is no answer, which is told, and the rest goes on."""
    fits = "x" * 1_000_000
    async with scripted_server(answers(["One.", "Two."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin=f"{fits}\n{'y' * 9_000_000}\nb?\n")
    assert ran.status == ExitStatus.UNANSWERED, ran.stderr
    assert server.seen.questions == [fits, "b?"]
    assert "line 2 has more than 8,388,608 characters" in ran.stderr
    assert "1 question was not answered." in ran.stderr


@pytest.mark.parametrize("word", [".quit", ".exit"])
async def test_a_leave_word_in_a_pipe_is_its_end(tmp_path: Path, word: str) -> None:
    """`.quit` in a script waits for the answers before it, and ignores what follows."""
    async with scripted_server(echo) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin=f"a?\n\n{word}\nnever asked\n")
    assert ran.status == 0
    assert ran.stdout == "<a?>\n"
    assert server.seen.questions == ["a?"]


async def test_a_pipe_that_stays_open_gets_its_answers_meanwhile(tmp_path: Path) -> None:
    """Another program can ask, read the answer, and ask again."""
    async with scripted_server(echo) as server, open_program(to(server.url), cwd=tmp_path) as program:
        for question in ("a?", "b?"):
            await program.type(f"{question}\n")
            await program.wrote(f"<{question}>")
        await program.end_input()
        ran = await program.left()
    assert ran.status == 0


async def test_more_questions_than_the_buffer_holds(tmp_path: Path) -> None:
    """Questions wait in the pipe, not in memory, and all are answered in order."""
    async with scripted_server(echo) as server:
        stdin = "".join(f"{number}\n" for number in range(40))
        ran = await run_program(to(server.url, "--buffer-size", "1"), cwd=tmp_path, stdin=stdin)
    assert ran.status == 0, ran.stderr
    assert ran.stdout == "".join(f"<{number}>\n" for number in range(40))
    assert server.seen.created_while_active == 0
    assert len(wavs(tmp_path)) == 40


# --- what is seen


async def test_a_terminal_shows_prompts_and_names(tmp_path: Path) -> None:
    """At a terminal the prompt comes back after each answer, and the facts stand below it."""
    async with scripted_server(echo) as server, open_program(to(server.url), cwd=tmp_path, terminal=True) as program:
        await program.wrote("You: ")
        await program.type("a?\n")
        await program.wrote("You: ", times=2)
        await program.type(".exit\n")
        ran = await program.left()
    assert ran.status == 0
    shown = ran.stdout.replace("\r\n", "\n")
    assert "Geppetto: <a?>\n  0.0 s of audio · first audio after" in shown
    assert "\x1b" not in shown


async def test_a_pipe_shows_answers_alone(tmp_path: Path) -> None:
    """stdout of a pipe has the answers; notices and facts are on stderr; nothing steers a terminal."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(
            created("resp_1"),
            words("resp_1", "red \x1b[31malert"),
            error("odd", "an \x1b]0;title\x07 error"),
            words("resp_1", " \u202eright to left\n"),
            audio("resp_1", tone()),
            done("resp_1"),
        )
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="a?\n")
    assert ran.status == 0
    assert ran.stdout.replace("alert\n ", "alert ") == "red \\x1b[31malert \\u202eright to left\n"
    assert "an \\x1b]0;title\\x07 error (odd)" in ran.stderr
    assert "1 answer" in ran.stderr
    for stray in ("You:", "Geppetto:", "\x1b", "\x07"):
        assert stray not in ran.stdout + ran.stderr


async def test_the_next_answer_is_not_cut_by_the_files_of_the_one_before(tmp_path: Path) -> None:
    """A slow disk closes the files of one answer in the middle of the words of the next one: stdout stays whole."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "One.", tone(500_000)))
        await peer.expect("response.create")
        await peer.send(created("resp_2"))
        for letter in "in one line and in one piece":
            await peer.send(words("resp_2", letter))
        await peer.send(done("resp_2"))
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="a?\nb?\n")
    assert ran.stdout == "One.\nin one line and in one piece\n"


async def test_quiet_leaves_stderr_empty(tmp_path: Path) -> None:
    """`--quiet` says nothing when there is nothing wrong."""
    async with scripted_server(echo) as server:
        ran = await run_program(to(server.url, "--quiet"), cwd=tmp_path, stdin="a?\n")
    assert (ran.status, ran.stdout, ran.stderr) == (0, "<a?>\n", "")


async def test_failed_tries_are_told_and_repeated(tmp_path: Path) -> None:
    """A server that is busy is asked again, with a line for each try, and the last one says how often."""
    async with scripted_server(silent, reject=(503, b"busy")) as server:
        ran = await run_program(["--url", server.url, "--max-retries", "2"], cwd=tmp_path, stdin="a?\n")
    assert ran.status == 4
    assert "(try 2 of 2)" in ran.stderr
    assert "Tried 2 times." in ran.stderr
    assert len(server.connections) == 2


async def test_a_stalled_reader_of_stdout_does_not_stop_a_signal(tmp_path: Path) -> None:
    """A pipe that nobody reads fills up; SIGTERM ends the program all the same, within `shutdown_timeout`."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"))
        for _ in range(20):
            await peer.send(words("resp_1", "word " * 2000), audio("resp_1", tone(10)))
        await peer.client_left()

    async with scripted_server(story) as server:
        args = to(server.url, "--shutdown-timeout", "1")
        async with open_program(args, cwd=tmp_path, read_stdout=False) as program:
            await program.type("a?\n")
            while not list((tmp_path / "audio_output").glob("*")):  # noqa: ASYNC110  # no event tells it
                await trio.sleep(0.01)
            program.signal(signal.SIGTERM)
            ran = await program.left()
    assert ran.status == 143
    assert ran.elapsed_s < 4
    assert server.seen.close_code == 1000


async def test_a_stalled_terminal_does_not_stop_a_signal(tmp_path: Path) -> None:
    """Ctrl+S, or a terminal that hangs: SIGTERM ends the program all the same, within `shutdown_timeout`."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"))
        for _ in range(20):
            await peer.send(words("resp_1", "word " * 2000), audio("resp_1", tone(10)))
        await peer.client_left()

    async with scripted_server(story) as server:
        args = to(server.url, "--shutdown-timeout", "1")
        async with open_program(args, cwd=tmp_path, terminal=True, read_stdout=False) as program:
            await program.type("a?\n")
            while not list((tmp_path / "audio_output").glob("*")):  # noqa: ASYNC110  # no event tells it
                await trio.sleep(0.01)
            program.signal(signal.SIGTERM)
            ran = await program.left()
    assert ran.status == 143
    assert ran.elapsed_s < 6
    assert server.seen.close_code == 1000


async def test_a_terminal_that_goes_away_is_129(tmp_path: Path) -> None:
    """Closing the window of the terminal keeps what had come, and says goodbye to the server."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Half of"), audio("resp_1", tone()))
        await peer.client_left()

    async with scripted_server(story) as server, open_program(to(server.url), cwd=tmp_path, terminal=True) as program:
        await program.wrote("You: ")
        await program.type("a?\n")
        await program.wrote("Half of")
        await program.end_input()  # closes the terminal's other side
        ran = await program.left()
    assert ran.status == 129
    assert server.seen.close_code == 1000
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]


# --- kill -9


async def test_kill_9_leaves_a_playable_file(tmp_path: Path) -> None:
    """After `kill -9` in the middle of an answer, what had arrived is a valid WAV under its temporary name."""
    acted = trio.Event()

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", "Half of"), audio("resp_1", tone()))
        await acted.wait()

    async with scripted_server(story) as server, open_program(to(server.url), cwd=tmp_path) as program:
        await program.type("a?\n")
        with trio.fail_after(5):
            while not written(tmp_path):  # noqa: ASYNC110  # no event tells it
                await trio.sleep(0.01)
        program.signal(signal.SIGKILL)
        ran = await program.left()
        acted.set()
    assert ran.status == 137
    assert frames(unfinished_wav(tmp_path)) == tone()
    assert server.seen.close_code == 1006


def written(cwd: Path) -> bool:
    """Return whether the audio of the first answer is in its file."""
    return any(path.stat().st_size > 44 for path in (cwd / "audio_output").glob("*.wav.part"))


# --- the key


async def test_the_key_goes_to_the_server_and_nowhere_else(tmp_path: Path) -> None:
    """No file, no output, no argument of the process holds the key, even when the server repeats it."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.send(error("odd", f"Your key is {KEY}."))
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "One.", tone(10)))
        await peer.client_left()

    async with scripted_server(story) as server:
        args = to(server.url, "--key-env", "THE_KEY", "--metrics", "metrics.json")
        async with open_program(args, cwd=tmp_path, env={"THE_KEY": KEY}) as program:
            await program.type("a?\n")
            await program.wrote("One.")
            command = await trio.Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
            await program.end_input()
            ran = await program.left()
    assert ran.status == 0
    assert server.seen.header("Authorization") == f"Bearer {KEY}"
    assert KEY.encode() not in command
    for path in files_below(tmp_path):
        assert KEY not in await trio.Path(path).read_text(errors="replace"), path
        assert KEY not in path.name
    assert KEY not in ran.stdout
    assert KEY not in ran.stderr
    log = await trio.Path(next(iter(files_below(tmp_path / "logs")))).read_text()
    assert "[key]" in log


@pytest.mark.parametrize("way", ["HTTP body", "error", "close reason", "failed answer"])
async def test_a_server_that_says_the_key_back_is_not_quoted(tmp_path: Path, way: str) -> None:
    """Whatever way the server repeats the key, it is shown and kept as `[key]`."""

    async def story(peer: Peer) -> None:
        if way == "close reason":
            await peer.close(3000, f"no {KEY}")
        elif way == "error":
            await peer.send(error("invalid_api_key", f"Incorrect API key provided: {KEY}."))
        else:
            await peer.greet()
            await peer.expect("response.create")
            why = {"code": "server_error", "message": f"No {KEY}."}
            await peer.send(created("resp_1"), words("resp_1", f"{KEY} it is"), done("resp_1", "failed", error=why))
        await peer.client_left()

    reject = (401, f"no {KEY}".encode()) if way == "HTTP body" else None
    async with scripted_server(story, reject=reject) as server:
        args = to(server.url, "--key-env", "THE_KEY")
        ran = await run_program(args, cwd=tmp_path, stdin="a?\n", env={"THE_KEY": KEY})
    assert ran.status in {3, 5}, ran.stderr
    assert "[key]" in ran.stderr
    assert KEY not in ran.stdout + ran.stderr
    for path in files_below(tmp_path):
        assert KEY not in await trio.Path(path).read_text(errors="replace"), path


async def test_no_traceback_shows_the_key(tmp_path: Path) -> None:
    """A bug that drags the configuration into its message shows no key."""
    code = """
import sys
from geppetto.cli.main import run
from geppetto.session import Session

def broken(self, event):
    raise ZeroDivisionError(f"a bug with {self._config!r}")

Session.speak = broken
run()
"""
    async with scripted_server(silent) as server:
        args = to(server.url, "--key-env", "THE_KEY")
        ran = await run_program(args, cwd=tmp_path, stdin="a?\n", env={"THE_KEY": KEY}, run=("-c", code))
    assert ran.status == 1
    assert "a bug with ClientConfig(" in ran.stderr
    assert KEY not in ran.stderr
    assert server.seen.close_code == 1000


async def test_the_key_of_openai_goes_to_nobody_else(tmp_path: Path) -> None:
    """With `--url` and no `--key-env` no Authorization is sent, though OPENAI_API_KEY is set."""
    async with scripted_server(answers(["One."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="a?\n", env={"OPENAI_API_KEY": KEY})
    assert ran.status == 0
    assert server.seen.header("Authorization") is None
    assert KEY not in str(server.seen)


# --- the embedded server


async def test_the_offline_server_answers_a_pipe(tmp_path: Path) -> None:
    """`printf … | geppetto --offline` needs no key and no network."""
    pytest.importorskip("hibari", reason="the voice of the embedded server is not installed")
    ran = await run_program(["--offline", "--offline-lead", "0"], cwd=tmp_path, stdin="What is 12 times 7?\n")
    assert ran.status == 0, ran.stderr
    assert ran.stdout == "12 times 7 is 84.\n"
    (wav,) = wavs(tmp_path)
    assert len(frames(wav)) > 24_000
    (log,) = files_below(tmp_path / "logs")
    entries = [json.loads(line) for line in (await trio.Path(log).read_text()).splitlines()]
    assert {"session.created", "session.update", "response.done"} <= {entry["type"] for entry in entries}
