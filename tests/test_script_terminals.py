"""What a scripted run leaves on a terminal, on which answers, notices and the progress bar share the lines."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import trio

from tests.fakes.asked import Desk, echo
from tests.fakes.program import open_program, run_program
from tests.fakes.scripted_server import scripted_server
from tests.repl.stage import open_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.asked import Asked
    from tests.fakes.scripted_server import Peer

pyte = pytest.importorskip("pyte")
COLUMNS = 80
"""What a bar takes a terminal for that does not tell its size."""


def screen_of(written: str) -> list[str]:
    """Return the lines that a terminal shows of *written*, without those that are empty."""
    screen = pyte.Screen(COLUMNS, 60)
    pyte.Stream(screen).feed(written)
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize("style", ["--json", "--quiet", "--unordered"])
async def test_answers_stand_above_the_bar(tmp_path: Path, style: str) -> None:
    """Where stdout and stderr are one terminal, no line has both an answer and the bar."""
    drawn = trio.Event()

    async def reply(peer: Peer, asked: Asked) -> None:
        await drawn.wait()
        await echo(peer, asked)

    (tmp_path / "q.txt").write_text("a?\nb?\nc?\n")
    async with scripted_server(Desk(reply).story) as server:
        args = ["--url", server.url, "batch", "q.txt", "--jobs", "2", "--progress", style]
        async with open_program(args, cwd=tmp_path, terminal=True) as program:
            await program.wrote("0 of 3 done")
            drawn.set()
            ran = await program.left()
    assert ran.status == 0
    begun = '{"schema"' if style == "--json" else "<"
    assert len([line for line in screen_of(ran.stdout) if line.startswith(begun)]) == 3


async def test_how_to_go_on_stands_where_the_bar_was(tmp_path: Path) -> None:
    """The bar is gone when the run has ended, and the command can be typed as it is."""

    async def reply(peer: Peer, _asked: Asked) -> None:
        await peer.client_left()

    (tmp_path / "q.txt").write_text("a?\nb?\nc?\n")
    async with scripted_server(Desk(reply).story) as server:
        args = ["--url", server.url, "batch", "q.txt", "--jobs", "2", "--manifest", "my run.jsonl"]
        async with open_program(args, cwd=tmp_path, terminal=True) as program:
            await program.wrote("0 of 3 done")
            program.signal(signal.SIGINT)
            ran = await program.left()
    shown = screen_of(ran.stdout)
    assert ran.status == 130
    assert [line for line in shown if "of 3 done" in line] == []
    assert "  the manifest is my run.jsonl; --resume --manifest 'my run.jsonl' goes on with" in shown


async def test_the_echo_of_control_c(tmp_path: Path) -> None:
    """Whatever the terminal echoes goes with the bar: nothing of either stays above what the run says last."""

    async def reply(peer: Peer, _asked: Asked) -> None:
        await peer.client_left()

    (tmp_path / "q.txt").write_text("a?\nb?\nc?\n")
    async with scripted_server(Desk(reply).story) as server:
        args = ["--url", server.url, "batch", "q.txt", "--jobs", "2", "--manifest", "run.jsonl"]
        async with open_stage(args, cwd=tmp_path) as stage:
            await stage.shows("0 of 3 done")
            await stage.type("\x03")
            assert await stage.left() == 130
            shown = stage.all_rows
    assert b"^C" in stage.raw
    assert not any("of 3 done" in row or "^C" in row for row in shown)


async def test_a_script_has_no_prompt(tmp_path: Path) -> None:
    """Nobody types there: at a terminal, too, stdout has the answer and nothing else."""
    async with scripted_server(Desk(echo).story) as server:
        args = ["--url", server.url, "ask", "a?", "--quiet"]
        async with open_program(args, cwd=tmp_path, terminal=True) as program:
            ran = await program.left()
    assert ran.status == 0
    assert ran.stdout == "<a?>\r\n"


async def test_a_run_with_nothing_left_says_so(tmp_path: Path) -> None:
    """Without that, nobody would know whether it had done anything."""
    args = ["--manifest", "run.jsonl", "--jobs", "2"]
    async with scripted_server(Desk(echo).story) as server:
        await run_program(["--url", server.url, *args], cwd=tmp_path, stdin="a?\nb?\n")
        ran = await run_program(["--url", server.url, *args, "--resume"], cwd=tmp_path, stdin="a?\nb?\n")
    assert ran.status == 0
    assert ran.stderr == "  2 answers are in run.jsonl; asking for the rest\n  nothing was left to ask\n"


async def test_the_embedded_server_is_within_every_limit_of_cost(tmp_path: Path) -> None:
    """It costs nothing, so nothing is said about prices."""
    args = ["--offline", "--modality", "text", "--max-cost", "0.5", "--quiet", "ask", "What is 12 times 7?"]
    ran = await run_program(args, cwd=tmp_path)
    assert (ran.status, ran.stdout, ran.stderr) == (0, "12 times 7 is 84.\n", "")
