"""Ctrl+C, SIGINT and SIGTERM at random moments, from the first millisecond of the process to its last."""

from __future__ import annotations

import os
import random
import signal
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import pytest
import trio

from tests.fakes.program import files_below, frames, open_program, run_program, transcripts, wavs
from tests.fakes.scripted_server import answers, audio, created, done, scripted_server, tone, words
from tests.fakes.scripted_server import error as error_event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.program import Program, Ran
    from tests.fakes.scripted_server import Peer, ScriptedServer

SEED = int(os.environ.get("GEPPETTO_SEED") or random.SystemRandom().randrange(1 << 32))
POINTS = int(os.environ.get("GEPPETTO_SIGNALS", "12"))
KEY = "sk-test-do-not-show-9876543210"
QUESTIONS = ("One?", "Two?")
PIECES = 20
PIECE_S = 0.02
PCM = tone(2400 * PIECES)
SAID = "".join(f"{piece}, " for piece in range(PIECES)).rstrip()
BEGUN = "begun"
SHUTDOWN_TIMEOUT_S = 2.0
SLACK_S = 0.5
HINT = "Ctrl+C again or Ctrl+D leaves"
HINT_S = 1.0
"""After so long without a hint, Ctrl+C has done something else: it has cancelled an answer."""
STARTUP_S = 0.5
"""What Python and the imports take, more or less."""
SESSION_S = 1.5
"""Two answers, and the end."""
SCRIPT = f"from geppetto.__main__ import main; open({BEGUN!r}, 'x').close(); main()"
"""As the `geppetto` command, and leaves a file as soon as the first line of Geppetto runs: Python is not ours."""
WAYS: Final = {"Ctrl+C": signal.SIGINT, "kill -INT": signal.SIGINT, "kill -TERM": signal.SIGTERM}


@attrs.frozen(kw_only=True)
class Point:
    """One run of the program, and what happens to it."""

    number: int
    way: str
    on_terminal: bool
    starting: bool
    """Whether the time counts from the start of the process; from that of the connection otherwise."""
    after_s: float

    @classmethod
    def draw(cls, number: int, rng: random.Random) -> Point:
        """Take turns with the ways, and draw the moment: every other one is in the start."""
        way = list(WAYS)[number % len(WAYS)]
        starting = number % 2 == 1
        return cls(
            number=number,
            way=way,
            on_terminal=way == "Ctrl+C" or rng.random() < 0.5,
            starting=starting,
            after_s=rng.uniform(0, STARTUP_S if starting else SESSION_S),
        )


async def speaking(peer: Peer) -> None:
    """Answer each question at the pace of speech, more or less; say the key now and then."""
    await peer.greet()
    await peer.send(error_event("odd", f"Your key is {KEY}."))
    for response in ("r1", "r2"):
        await peer.expect("response.create")
        await peer.send(created(response))
        for piece in range(PIECES):
            size = len(PCM) // PIECES
            await peer.send(words(response, f"{piece}, "), audio(response, PCM[piece * size : (piece + 1) * size]))
            await trio.sleep(PIECE_S)
        await peer.send(done(response))
    await peer.client_left()


async def executed(program: Program) -> None:
    """Wait until the process runs what it is for: on a terminal, something else claims that first."""
    command = trio.Path(f"/proc/{program.process.pid}/cmdline")
    ours = [b"-c", SCRIPT.encode()]
    while (await command.read_bytes()).split(b"\0")[1:3] != ours:  # noqa: ASYNC110  # no event tells it
        await trio.sleep(0.001)


async def interrupt(program: Program, point: Point) -> None:
    """Do to *program* what *point* says; it may have ended by itself."""
    if point.way == "Ctrl+C":
        await program.type("\x03")
    elif program.process.poll() is None:
        program.signal(WAYS[point.way])


async def run_to(point: Point, cwd: Path) -> str:
    """Run a session up to *point*, check how it ends, and return in which phase that was."""
    await trio.Path(cwd).mkdir()
    async with scripted_server(speaking) as server:
        args = ["--url", server.url, "--key-env", "THE_KEY", "--shutdown-timeout", str(SHUTDOWN_TIMEOUT_S)]
        async with open_program(
            args, cwd=cwd, env={"THE_KEY": KEY}, terminal=point.on_terminal, run=("-c", SCRIPT)
        ) as program:
            fd = program.stdin.fileno() if isinstance(program.stdin, trio.lowlevel.FdStream) else -1
            before = termios.tcgetattr(fd) if point.on_terminal else None
            await executed(program)
            await program.type("".join(f"{question}\n" for question in QUESTIONS))
            if not point.on_terminal:
                await program.end_input()
            while not point.starting and not server.connections:  # noqa: ASYNC110  # no event tells it
                await trio.sleep(0.001)
            await trio.sleep(point.after_s)
            phase = phase_of(server, program, cwd)
            ran, took_s = await end(program, point, phase)
            if before is not None:
                assert termios.tcgetattr(fd) == before
        for seen in server.connections:
            with trio.fail_after(2):
                await seen.over.wait()
            if seen.events:  # it stood: the client has said something
                assert seen.close_code == 1000
    check(ran, cwd, point, phase, took_s)
    return phase


async def asks_for_more(program: Program, point: Point) -> None:
    """At a terminal, Ctrl+C cancels an answer first, and then there is a hint; go on until that, or the end."""
    while program.process.poll() is None and HINT not in program.stdout:
        await interrupt(program, point)
        with trio.move_on_after(HINT_S):
            await program.wrote(HINT)


async def end(program: Program, point: Point, phase: str) -> tuple[Ran, float]:
    """Interrupt *program*, and return how and how fast it ended; Python may swallow one Ctrl+C while it starts."""
    if point.on_terminal and WAYS[point.way] == signal.SIGINT and phase not in {"Python starts", "over"}:
        with suppress(AssertionError):  # it ended without
            await asks_for_more(program, point)
    while True:
        at = trio.current_time()
        await interrupt(program, point)
        with trio.move_on_after(SHUTDOWN_TIMEOUT_S + SLACK_S) as bound:
            return await program.left(), trio.current_time() - at
        assert bound.cancelled_caught
        assert phase == "Python starts", program.stdout + program.stderr
        phase = "second try"


def phase_of(server: ScriptedServer, program: Program, cwd: Path) -> str:
    """Return how far the session is."""
    if program.process.poll() is not None:
        return "over"
    if not (cwd / BEGUN).exists():
        return "Python starts"
    if not server.connections:
        return "Geppetto starts"
    if (cwd / "audio_output").exists() and len(wavs(cwd)) == len(QUESTIONS):
        return "answered"
    asked = server.connections[0].types.count("response.create")
    return ("connecting", "first answer", "second answer")[asked]


def check(ran: Ran, cwd: Path, point: Point, phase: str, took_s: float) -> None:
    """Check everything that does not depend on the moment."""
    shown = ran.stdout + ran.stderr
    complete = [frames(path) for path in wavs(cwd) if not path.stem.endswith("_partial")]
    if phase == "Python starts" and is_pythons_own(shown):
        return
    assert "Traceback" not in shown
    assert "Exception ignored" not in shown
    if ran.status == 0:  # it was leaving already
        assert not point.on_terminal
        assert complete == [PCM] * len(QUESTIONS)
    else:
        assert ran.status == 128 + WAYS[point.way]
    assert took_s < SHUTDOWN_TIMEOUT_S + SLACK_S
    assert KEY not in shown
    for path in files_below(cwd):
        assert KEY.encode() not in path.read_bytes(), path
    assert all(pcm == PCM for pcm in complete)
    for path in wavs(cwd):
        assert PCM.startswith(frames(path))
        assert path.with_suffix(".txt").exists()
    assert all(SAID.startswith(text.partition("\n")[0].rstrip()) for text in transcripts(cwd) if text)
    assert not list(cwd.rglob("*.part"))


def is_pythons_own(shown: str) -> bool:
    """Whether *shown* is of a Python that was interrupted before it got to our `main`, which cannot help it."""
    in_main = any("__main__.py" in line and line.endswith(", in main") for line in shown.splitlines())
    return ("KeyboardInterrupt" in shown or "Fatal Python error" in shown) and not in_main


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to see when the program has begun")
async def test_signals_at_random_moments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status says which signal, the server gets its 1000, the WAVs are whole, the terminal is as it was."""
    phases: list[str] = []
    for number in range(POINTS):
        point = Point.draw(number, random.Random(f"{SEED} {number}"))
        try:
            phases.append(await run_to(point, tmp_path / str(number)))
        except BaseException:
            sys.stdout.write(f"GEPPETTO_SEED={SEED}: {point}\n")
            raise
    if "GEPPETTO_SIGNALS" in os.environ:
        with capsys.disabled():
            counts = ", ".join(f"{phases.count(phase)} {phase}" for phase in dict.fromkeys(phases))
            sys.stdout.write(f"\n{POINTS} signals, seed {SEED}: {counts}\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
async def test_the_prompt_for_a_key_gives_the_terminal_back(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """Whatever ends the program while it hides what is typed, the terminal shows it again afterwards."""
    async with open_program(["keys", "set"], cwd=tmp_path, terminal=True) as program:
        assert isinstance(program.stdin, trio.lowlevel.FdStream)
        fd = program.stdin.fileno()
        before = termios.tcgetattr(fd)
        before[3] |= termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, before)
        await program.wrote("(not shown): ")
        assert not termios.tcgetattr(fd)[3] & termios.ECHO
        program.signal(number)
        ran = await program.left()
        assert termios.tcgetattr(fd) == before
    assert ran.status == status
    assert "Traceback" not in ran.stdout


async def test_a_control_c_at_the_very_end_says_nothing(tmp_path: Path) -> None:
    """While Python shuts down, Ctrl+C is 130 and no traceback, after a session just as after `--help`."""
    last = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT)"
    async with scripted_server(answers(["One."])) as server:
        for args in (["--help"], ["--url", server.url]):
            ran = await run_program(args, cwd=tmp_path, stdin="One?\n", run=("-c", f"{last}; {SCRIPT}"))
            (tmp_path / BEGUN).unlink()
            assert ran.status == 130
            assert "Traceback" not in ran.stderr
    assert transcripts(tmp_path) == ["One."]
    assert server.seen.close_code == 1000


async def test_nohup_is_respected(tmp_path: Path) -> None:
    """Under `nohup`, the terminal that goes away is nothing to a session."""
    async with (
        scripted_server(answers(["One.", "Two."])) as server,
        open_program(["--url", server.url], cwd=tmp_path, shell='trap "" HUP; exec "$@"') as program,
    ):
        await program.type("One?\n")
        await program.wrote("One.\n")
        program.signal(signal.SIGHUP)
        await program.type("Two?\n")
        await program.wrote("Two.\n")
        await program.end_input()
        ran = await program.left()
    assert ran.status == 0, ran.stderr
    assert server.seen.close_code == 1000
