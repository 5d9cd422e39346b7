"""The chat in plain lines: everything by command, nothing ever drawn over, and every way out."""

from __future__ import annotations

import signal
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from tests.fakes.program import frames, open_program, transcripts, wavs
from tests.fakes.scripted_server import (
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
from tests.repl.stage import cancellable, open_stage, to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.fakes.scripted_server import Peer
    from tests.repl.stage import Stage

DUMB = {"TERM": "dumb"}
HINT = "Ctrl+C again or Ctrl+D leaves"


@asynccontextmanager
async def open_plain(
    url: str, cwd: Path, *args: str, env: Mapping[str, str] = DUMB, rows: int = 60
) -> AsyncIterator[Stage]:
    """Start a plain chat with *url* on a terminal of many rows; check that it never sends an escape."""
    async with open_stage(to(url, *args), cwd=cwd, columns=120, rows=rows, env=env) as stage:
        yield stage
        assert b"\x1b" not in stage.raw


class Slow:
    """Says one piece when the test wants it, and ends an answer that is cancelled."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[str](100)
        self.peer: Peer | None = None

    async def __call__(self, peer: Peer) -> None:
        await peer.greet()
        self.peer = peer
        number = 0
        while True:
            await peer.expect("response.create")
            number += 1
            await peer.send(created(f"resp_{number}"), audio(f"resp_{number}", tone()))
            while text := await self._receive.receive():
                await peer.send(words(f"resp_{number}", text))
            await peer.send(done(f"resp_{number}"))

    async def say(self, text: str) -> None:
        """Say *text*; nothing ends the answer."""
        await self._send.send(text)


async def stubborn(peer: Peer) -> None:
    """Begin an answer, and do nothing more, whatever is wanted."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.send(created("resp_1"), words("resp_1", "Once upon"), audio("resp_1", tone()))
    await peer.client_left()


# --- what is seen


async def test_an_exchange_line_by_line(tmp_path: Path) -> None:
    """A welcome, the question as the terminal shows it, the words, the figures with the file, the prompt again."""
    async with scripted_server(answers(["Fine."], tone())) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        assert not stage.is_raw
        await stage.type("How are you?\r")
        await stage.repeats("You:", 2)
        hello, asked, said, figures, prompt = stage.rows
        assert hello.startswith("Geppetto ")
        assert hello.endswith("/help helps, Ctrl+D leaves")
        assert (asked, said, prompt) == ("You: How are you?", "Geppetto: Fine.", "You:")
        assert figures.startswith("  0.1 s of audio · first audio after ")
        assert figures.endswith(f" · audio_output/{wavs(tmp_path)[0].name}")
        await stage.type("\x04")
        assert await stage.left() == 0
        assert stage.restored
    assert server.seen.close_code == 1000


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (["--plain"], {}),
        (["--plain", "--quiet"], {}),
        ([], {"TERM": ""}),
        ([], {"ACCESSIBLE": "1"}),
        ([], {"NO_COLOR": "1"}),
    ],
)
async def test_who_gets_plain_lines(tmp_path: Path, args: list[str], env: dict[str, str]) -> None:
    """By flag, for terminals that cannot draw, for screen readers, and where colour is not wanted."""
    async with (
        scripted_server(answers(["Fine."])) as server,
        open_plain(server.url, tmp_path, *args, env=env) as stage,
    ):
        await stage.shows("You:")
        await stage.type("Hi\r")
        await stage.repeats("You:", 2)
        assert stage.rows[-1] == "You:"
        assert ("0.1 s of audio" in "\n".join(stage.rows)) == ("--quiet" not in args)
        assert ("Geppetto 0" in stage.rows[0]) == ("--quiet" not in args)


async def test_words_appear_as_they_come(tmp_path: Path) -> None:
    """Each piece of an answer stands there before the next is said, and a notice gets a line of its own."""
    story = Slow()
    async with scripted_server(story) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("Count\r")
        await story.say("One, ")
        await stage.shows("Geppetto: One,")
        await story.say("two, ")
        await stage.shows("Geppetto: One, two,")
        assert story.peer is not None
        await story.peer.send(error("odd", "A notice"))
        await stage.shows("  the server reported an error: A notice (odd)")
        await story.say("three.")
        await stage.shows("three.")
        await story.say("")
        await stage.repeats("You:", 2)
        assert stage.rows[2:5] == ["Geppetto: One, two,", "  the server reported an error: A notice (odd)", "three."]


async def test_typing_ahead(tmp_path: Path) -> None:
    """What is typed during an answer is queued, and told again above its own answer."""
    story = Slow()
    async with scripted_server(story) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("One?\r")
        await story.say("First")
        await stage.shows("Geppetto: First")
        await stage.type("Two?\r")
        await stage.shows("  queued: Two?")
        await stage.type("/status\r")
        await stage.shows("1 queued")
        await story.say(".")
        await story.say("")
        await stage.shows("You: Two?")
        await story.say("Second.")
        await story.say("")
        await stage.shows("Geppetto: Second.")
        await stage.repeats("You:", 3)
    assert server.seen.questions == ["One?", "Two?"]


async def test_a_paste_is_a_question_a_line(tmp_path: Path) -> None:
    """A hundred lines are a hundred questions, in their order: the terminal does not tell a paste from typing."""
    lines = [f"line {number}" for number in range(100)]
    async with (
        scripted_server(answers(f"{number}." for number in range(200))) as server,
        open_plain(server.url, tmp_path, "--no-memory") as stage,
    ):
        await stage.shows("You:")
        await stage.type("".join(f"{line}\r" for line in lines))
        await stage.shows("Geppetto: 99.")
        assert stage.all_rows.count("Geppetto: 50.") == 1
    assert server.seen.questions == lines


async def test_hostile_words_and_the_key(tmp_path: Path) -> None:
    """What steers terminals is shown and does nothing; the key of the session is never shown, whoever says it."""
    key = "sk-secret-0123456789"
    said = "\x1b[2J\x1b]0;title\x07\u202e gone "
    async with (
        scripted_server(answers([said + key])) as server,
        open_plain(server.url, tmp_path, "--insecure-key", "--key-env", "K", env=DUMB | {"K": key}) as stage,
    ):
        await stage.shows("You:")
        await stage.type("Hi\r")
        await stage.shows(r"Geppetto: \x1b[2J\x1b]0;title\x07\u202e gone ")
        await stage.repeats("You:", 2)
        assert key.encode() not in stage.raw


# --- commands


async def test_commands_that_show(tmp_path: Path) -> None:
    """Each answers in lines, known or not, and none of them reaches the server; each is followed by the prompt."""
    async with (
        scripted_server(answers(["Fine."], tone())) as server,
        open_plain(server.url, tmp_path, rows=200) as stage,
    ):
        await stage.shows("You:")
        await stage.type("How are you?\r")
        await stage.repeats("You:", 2)
        prompts = 2
        for command, shown in {
            "/help": "each line is a question, also of a paste",
            "/status": "  connected · ",
            "/hlep": "there is no /hlep. /help is near.",
            "/now": "/now QUESTION: Interrupt the answer",
            "/cancel": "no answer is coming that could be cancelled.",
            "/search ARE how": "  How are you?",
            "/search nowhere": "none of your questions has these words.",
            "/info": "history_budget",
            "/stats": "first audio after",
            "/cost": "0 tokens in",
            "/save talk.md": "talk.md has the conversation: 1 answer",
            "/modality smell": "modality",
        }.items():
            await stage.type(f"{command}\r")
            prompts += 1
            await stage.shows(shown)
            await stage.repeats("You:", prompts)
        await stage.type("/history\r")
        await stage.repeats("You: How are you?", 2)
        for extra, nothing in enumerate(("\r", " \r"), 3):
            await stage.repeats("You:", prompts + extra - 1)
            await stage.type(nothing)
            await stage.repeats("You:", prompts + extra)
        await stage.type("/quit\r")
        assert await stage.left() == 0
    assert server.seen.questions == ["How are you?"]
    assert "How are you?" in (tmp_path / "talk.md").read_text()


async def test_commands_that_ask(tmp_path: Path) -> None:
    """A file goes with a question, /retry asks it again and repeats it, and a slash behind a space is a question."""
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    async with (
        scripted_server(answers(["One.", "Two.", "Three."])) as server,
        open_plain(server.url, tmp_path) as stage,
    ):
        await stage.shows("You:")
        await stage.type("/file notes.txt\r")
        await stage.shows("notes.txt goes with the next question: 17 characters")
        await stage.type("What is it?\r")
        await stage.shows("Geppetto: One.")
        await stage.type("/retry\r")
        await stage.shows("You: notes.txt:", "Geppetto: Two.")
        await stage.type(" /etc/passwd?\r")
        await stage.shows("Geppetto: Three.")
    asked = "notes.txt:\n\nremember the milk\n\nWhat is it?"
    assert server.seen.questions == [asked, asked, "/etc/passwd?"]


async def test_a_question_of_many_lines(tmp_path: Path) -> None:
    """/multi takes lines as they are, up to a dot or Ctrl+D; Ctrl+C drops them, and an empty one is none."""
    async with scripted_server(answers(["One.", "Two."])) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("/multi\r")
        await stage.shows("a line with a single . ends it")
        await stage.type("first\r\r/help\r.quit\r.\r")
        await stage.shows("Geppetto: One.")
        await stage.repeats("You:", 2)
        await stage.type("/multi\rsecond\r")
        await stage.shows("second")
        await stage.type("\x04")
        await stage.shows("Geppetto: Two.")
        await stage.type("/multi\rnever asked\r")
        await stage.shows("never asked")
        await stage.type("\x03")
        await stage.shows("what you began is dropped")
        await stage.type("/multi\r.\r")
        await stage.shows("nothing was asked")
        assert "Ctrl+D leaves\n" not in "\n".join(stage.rows[1:])
    assert server.seen.questions == ["first\n\n/help\n.quit", "second"]


async def test_interrupting_with_a_question(tmp_path: Path) -> None:
    """/now cancels the answer that comes, and asks."""
    async with scripted_server(cancellable) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon")
        await stage.type("/now Stop. How are you?\r")
        await stage.shows("the answer is partial: it was cancelled", "You: Stop. How are you?", "Geppetto: Fine.")
    assert server.seen.questions == ["Tell me a story.", "Stop. How are you?"]


async def test_another_voice(tmp_path: Path) -> None:
    """A new voice goes on in the same lines, and the prompt comes back when the session is open."""
    async with (
        scripted_server(answers(["One.", "Two."], tone())) as server,
        open_plain(server.url, tmp_path) as stage,
    ):
        await stage.shows("You:")
        await stage.type("a?\r")
        await stage.repeats("You:", 2)
        await stage.type("/voice cedar\r")
        await stage.shows("voice is now cedar")
        await stage.repeats("You:", 3)
        await stage.type("/status\r")
        await stage.shows(" cedar · ")


async def test_the_editor(tmp_path: Path) -> None:
    """/edit asks what was written; what is told meanwhile is shown when the editor has left the terminal alone."""
    gate = tmp_path / "gate"
    script = tmp_path / "edit.sh"
    script.write_text(
        f'#!/bin/sh\nstty -echo\necho editing\nwhile [ ! -e "{gate}" ]; do sleep 0.05; done\n'
        'printf "one\\ntwo\\n" > "$1"\n'
    )
    script.chmod(0o755)
    story = Slow()
    async with (
        scripted_server(story) as server,
        open_plain(server.url, tmp_path, env=DUMB | {"EDITOR": str(script)}) as stage,
    ):
        await stage.shows("You:")
        await stage.type("Hi\r")
        await story.say("Before. ")
        await stage.shows("Geppetto: Before.")
        await stage.type("/edit\r")
        await stage.shows("editing")
        await story.say("Behind the editor.")
        await story.say("")
        while len(wavs(tmp_path)) < 1:  # noqa: ASYNC110  # no event tells it
            await trio.sleep(0.01)
        assert "Behind" not in "\n".join(stage.rows)
        gate.touch()
        await stage.shows("Behind the editor.", "You: one")
        await story.say("Read.")
        await stage.shows("Geppetto: Read.")
        assert stage.restored
    assert server.seen.questions == ["Hi", "one\ntwo"]


async def test_an_editor_that_fails(tmp_path: Path) -> None:
    """One that is not there, or that ends badly, asks nothing."""
    for editor, why in (("/no/such/editor", "cannot be started"), ("false", "ended with status 1")):
        async with (
            scripted_server(answers(["Fine."])) as server,
            open_plain(server.url, tmp_path, env=DUMB | {"EDITOR": editor}) as stage,
        ):
            await stage.shows("You:")
            await stage.type("/edit\r")
            await stage.shows(why)
            await stage.repeats("You:", 2)
            await stage.type("Hi\r")
            await stage.shows("Geppetto: Fine.")
        assert server.seen.questions == ["Hi"]


async def test_what_was_asked_is_found_another_day(tmp_path: Path) -> None:
    """Questions are kept for the user alone, and the next run finds them; commands and the key are not among them."""
    key = "sk-secret-0123456789"
    args, env = ["--insecure-key", "--key-env", "K"], DUMB | {"K": key}
    async with (
        scripted_server(answers(["Fine.", "Yes.", "No."])) as server,
        open_plain(server.url, tmp_path, *args, env=env) as stage,
    ):
        await stage.shows("You:")
        await stage.type(f"a needle\r/multi\rin a\rhay stack\r.\ris {key} a needle?\r")
        await stage.shows("Geppetto: No.")
        await stage.type("\x04")
        assert await stage.left() == 0
    file = tmp_path / ".local/state/geppetto/history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text()
    async with (
        scripted_server(silent) as server,
        open_plain(server.url, tmp_path, *args, env=env) as stage,
    ):
        await stage.shows("You:")
        await stage.type("/search needle\r/search HAY\r")
        await stage.shows("  a needle\n", r"  in a\nhay stack")
        assert sum("a needle?" in row for row in stage.rows) == 1


# --- Ctrl+C, and every way out


async def test_control_c_during_an_answer(tmp_path: Path) -> None:
    """The answer is cancelled, what came is kept and marked, and the prompt is there for the next question."""
    async with scripted_server(cancellable) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon")
        await stage.type("\x03")
        await stage.shows("the answer is partial: it was cancelled", "_partial.wav")
        await stage.repeats("You:", 2)
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.", "0.1 s of audio")
        await stage.type("\x04")
        assert await stage.left() == 0
        assert stage.restored
    assert sorted(wav.stem.endswith("_partial") for wav in wavs(tmp_path)) == [False, True]
    assert all(frames(wav) == tone() for wav in wavs(tmp_path))
    assert server.seen.close_code == 1000


async def test_control_c_twice_leaves(tmp_path: Path) -> None:
    """With no answer coming the first one says how to leave, and the second leaves; what is typed begins anew."""
    async with scripted_server(answers(["Fine."])) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("\x03")
        await stage.repeats(HINT, 1)
        await stage.type("Hi\r")
        await stage.shows("Geppetto: Fine.", "0.1 s of audio")
        await stage.type("\x03")
        await stage.repeats(HINT, 2)
        await stage.type("\x03")
        assert await stage.left() == 130
        assert stage.restored
        assert not any("Traceback" in row for row in stage.rows)
    assert server.seen.close_code == 1000


async def test_control_c_where_the_server_does_not_listen(tmp_path: Path) -> None:
    """An answer that cannot be cancelled keeps nobody: after the hint, Ctrl+C leaves, and the part is kept."""
    async with scripted_server(stubborn) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon")
        await stage.type("\x03")
        while "response.cancel" not in server.seen.types:  # noqa: ASYNC110  # no event tells it
            await trio.sleep(0.01)
        await stage.type("\x03")
        await stage.shows(HINT)
        await stage.type("\x03")
        assert await stage.left() == 130
        assert any("the answer is partial" in row for row in stage.rows)
    assert server.seen.close_code == 1000
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]


async def test_control_c_while_the_shutdown_lasts_kills(tmp_path: Path) -> None:
    """Who has left with Ctrl+C and presses it once more does not wait for a server that says no goodbye."""
    async with (
        scripted_server(silent, answers_close=False) as server,
        open_plain(server.url, tmp_path, "--shutdown-timeout", "60") as stage,
    ):
        await stage.shows("You:")
        await stage.type("\x03")
        await stage.shows(HINT)
        await stage.type("\x03")
        while server.seen.close_code is None:  # noqa: ASYNC110  # no event tells it
            await trio.sleep(0.01)
        with trio.fail_after(8):  # the goodbye alone would take 12 s
            await stage.type("\x03")
            await stage.process.wait()
        assert stage.process.returncode == -signal.SIGINT
        assert stage.restored


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_signals(tmp_path: Path, number: signal.Signals) -> None:
    """A signal in the middle of an answer and of a line ends in order; what came of the answer is told."""
    async with scripted_server(stubborn) as server, open_plain(server.url, tmp_path) as stage:
        await stage.shows("You:")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon")
        await stage.type("and then")
        stage.process.send_signal(number)
        assert await stage.left() == 128 + number
        assert stage.restored
        assert any("the answer is partial" in row for row in stage.rows)
        assert any(row.startswith("1 answer") for row in stage.rows)
    assert server.seen.close_code == 1000
    assert transcripts(tmp_path)[0].startswith("Once upon")


async def test_a_signal_while_the_editor_is_open(tmp_path: Path) -> None:
    """SIGTERM ends the editor, too, and the terminal is as it was, whatever that had made of it."""
    script = tmp_path / "edit.sh"
    script.write_text("#!/bin/sh\nstty raw -echo\necho editing\nexec sleep 100\n")
    script.chmod(0o755)
    async with (
        scripted_server(silent) as server,
        open_plain(server.url, tmp_path, env=DUMB | {"EDITOR": str(script)}) as stage,
    ):
        await stage.shows("You:")
        await stage.type("/edit\r")
        await stage.shows("editing")
        stage.process.send_signal(signal.SIGTERM)
        assert await stage.left() == 143
        assert stage.restored
    assert server.seen.close_code == 1000


async def test_a_terminal_that_goes_away(tmp_path: Path) -> None:
    """Nobody there is 129, also where no signal tells it, with what had come on the disk."""
    for shell in ("", 'trap "" HUP; exec "$@"'):
        home = tmp_path / ("nohup" if shell else "hup")
        home.mkdir()
        async with scripted_server(stubborn) as server:
            async with open_program(["--url", server.url], cwd=home, terminal=True, env=DUMB, shell=shell) as program:
                await program.wrote("You: ")
                await program.type("Tell me a story.\n")
                await program.wrote("Once upon")
                await program.end_input()
                ran = await program.left()
            assert ran.status == 129
            assert server.seen.close_code == 1000
        assert [frames(wav) for wav in wavs(home)] == [tone()]


async def test_a_server_that_refuses(tmp_path: Path) -> None:
    """A refusal ends with its sentence, and no prompt was ever shown."""

    async def story(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", "Incorrect API key provided."))
        await peer.client_left()

    async with scripted_server(story) as server, open_plain(server.url, tmp_path) as stage:
        assert await stage.left() == 5, "\n".join(stage.all_rows)
        assert stage.restored
        assert any(row.startswith("geppetto: ") and "invalid_api_key" in row for row in stage.rows)
        assert not any(row.startswith("You:") for row in stage.rows)


async def test_a_bug(tmp_path: Path) -> None:
    """A bug in what is shown ends with 1 and its traceback."""
    bug = (
        "import sys; from geppetto.cli.main import run; from geppetto.repl.plain.scene import PlainScene\n"
        "PlainScene._begin_words = lambda self: 1 / 0\nsys.argv[0] = 'geppetto'\nrun()"
    )
    args = ["--url", "", "--max-retries", "0"]
    async with scripted_server(answers(["Fine."])) as server:
        args[1] = server.url
        async with open_stage(args, cwd=tmp_path, columns=120, rows=70, env=DUMB, run=("-c", bug)) as stage:
            await stage.shows("You:")
            await stage.type("Hi\r")
            assert await stage.left() == 1
            assert stage.restored
            assert any("ZeroDivisionError" in row for row in stage.all_rows)
