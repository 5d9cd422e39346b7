"""Terminals that wrap what they show when they become narrower."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.screen import Char, Screen

from geppetto.cli.terminals import reflows
from geppetto.repl.cells import wrap
from geppetto.repl.prompt.reflow import rows_above
from tests.fakes.scripted_server import scripted_server
from tests.repl.reflowing import ReflowingScreen
from tests.repl.stage import open_stage, to
from tests.repl.test_on_screen import STORY, Slow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repl.stage import Stage

TEXTS = st.text(st.sampled_from("abcdefgh  漢字"), max_size=90)


@pytest.mark.parametrize(
    ("environ", "wraps"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "tmux-256color"}, True),
        ({"TERM": "screen", "STY": "1.pts", "VTE_VERSION": "7600"}, False),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(390)", "VTE_VERSION": "7600"}, False),
        ({}, False),
    ],
)
def test_which_terminals_wrap(environ: dict[str, str], wraps: bool) -> None:
    """Terminals tell who they are; one that does not, or is in doubt, is taken for one that cuts."""
    assert reflows(environ) is wraps


@given(
    rows=st.lists(TEXTS, min_size=1, max_size=4), before=st.integers(8, 90), after=st.integers(4, 90), data=st.data()
)
def test_where_a_drawing_begins(rows: list[str], before: int, after: int, data: st.DataObject) -> None:
    """What is counted is where the terminal has put it, wherever the cursor was in the text."""
    columns = min(before, after)
    rows = [wrap(row, before)[0] for row in rows]
    terminal = ReflowingScreen(before, 60)
    terminal.reset_mode(7, private=True)  # as the prompt draws
    drawn = Screen()
    terminal.draw("above")
    for y, row in enumerate(rows):
        terminal.carriage_return()
        terminal.linefeed()
        terminal.draw(row)
        x = 0
        for character in row:
            drawn.data_buffer[y][x] = cell = Char(character)
            x += cell.width
    starts = [x for x, cell in sorted(drawn.data_buffer[len(rows) - 1].items()) if cell.char.strip()]
    cursor = Point(x=data.draw(st.sampled_from(starts or [0])), y=len(rows) - 1)
    terminal.cursor.x = cursor.x
    terminal.resize(60, columns)
    assert terminal.cursor.y - rows_above(drawn, cursor, columns) == -(-len("above") // columns)


def said(stage: Stage) -> str:
    """Return all that stands there without its spaces and rows."""
    return "".join(stage.all_rows).replace(" ", "")


@pytest.mark.parametrize("sizes", [(200, 40, 120), (120, 40, 200, 60), (80, 79, 41, 40, 39, 200)])
async def test_an_answer_while_the_width_changes(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """While words come and a long line is typed, nothing is lost, and the prompt and the status are there once."""
    story = Slow()
    typed = "a question that takes more than a row of a narrow terminal, 漢字 too; "
    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=sizes[0], reflows=True) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.shows("You: Tell me a story.")
        await stage.type(typed)
        told = ""
        for number, columns in enumerate(sizes):
            stage.resize(columns)
            for at in range(0, len(STORY), 60):
                told += STORY[at : at + 60]
                await story.say(STORY[at : at + 60])
            await stage.type(str(number))
            typed += str(number)
            await stage.says(f"You:{typed}".replace(" ", ""), f"Geppetto:{told}".replace(" ", ""))
            whole = said(stage)
            assert whole.count("You:") == 2
            assert whole.count(typed.replace(" ", "")) == 1
            assert whole.count("connected") == 1
            assert whole.count("Onceuponatime") == number + 1


async def test_a_prompt_while_the_width_changes(tmp_path: Path) -> None:
    """With nothing said and a cursor in the middle of a long line, the line and the status are there once."""
    async with (
        scripted_server(Slow()) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=200, reflows=True) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("typing " * 25 + "\x1bb" * 12)
        await stage.says("typing" * 25)
        for times, columns in enumerate((60, 59, 41, 200, 30, 100), 1):
            stage.resize(columns)
            await stage.type("x")
            await stage.says("typing" * 13 + "x" * times + "typing" * 12)
            assert said(stage).count("You:") == said(stage).count("connected") == 1
