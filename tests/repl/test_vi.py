"""Whoever edits lines as in vi everywhere edits so here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.keys import Keys

from geppetto.repl.prompt.devices import ALT_ENTER, Keyboard
from geppetto.repl.terminal import Terminal
from tests.fakes.scripted_server import answers, scripted_server
from tests.repl.stage import open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

ESC = "\x1b"


def vi(directory: Path) -> dict[str, str]:
    """Return the environment of somebody who edits so."""
    inputrc = directory / "inputrc"
    inputrc.write_text("# mine\nset editing-mode vi\n")
    return {"INPUTRC": str(inputrc)}


async def test_vi_keys(tmp_path: Path) -> None:
    """With `set editing-mode vi` Esc leaves insertion; words and lines are changed, and the history is searched."""
    async with (
        scripted_server(answers(["One.", "Two.", "Three."])) as server,
        open_stage(to(server.url), cwd=tmp_path, env=vi(tmp_path)) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("an old needle\ra needle\r")
        await stage.shows("Geppetto: One.", "Geppetto: Two.")
        await stage.type("one two three")
        await stage.type(f"{ESC}0cw")
        await stage.shows("You:  two three")
        await stage.type(f"uno{ESC}")
        await stage.shows("You: uno two three")
        await stage.type("$xxx")
        await stage.shows("You: uno two th")
        await stage.type("dd")
        await stage.hides("uno two")
        await stage.type("/needle\r")
        await stage.shows("connected", "You: a needle\nconnected")
        await stage.type("A?")
        await stage.shows("You: a needle?")
        await stage.type("\r")
        await stage.shows("Geppetto: Three.")
    assert server.seen.questions == ["an old needle", "a needle", "a needle?"]


async def test_enter_asks_in_each_mode(tmp_path: Path) -> None:
    """After it one inserts again, as in a shell; Alt+Enter breaks the line in each mode, too."""
    async with (
        scripted_server(answers(["One.", "Two.", "Three."])) as server,
        open_stage(to(server.url), cwd=tmp_path, env=vi(tmp_path)) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type(f"none{ESC}0x\r")
        await stage.shows("Geppetto: One.", "0.1 s of audio")
        await stage.hides("receiving")
        await stage.type(f"two{ESC}\rlines")
        await stage.shows("You: two\n     lines")
        await stage.type("\r")
        await stage.repeats("0.1 s of audio", 2)
        await stage.hides("receiving")
        await stage.type(f"three{ESC}0ll{ESC}\riX\r")
        await stage.shows("Geppetto: Three.")
    assert server.seen.questions == ["one", "two\nlines", "th\nXree"]


@pytest.mark.parametrize(
    ("reads", "keys"),
    [
        (["\x1b\r"], [ALT_ENTER]),
        (["\x1b", "\r"], [Keys.Escape, Keys.ControlM]),
        (["a\x1b\rb"], ["a", ALT_ENTER, "b"]),
        (["\x1b", "\r\x1b\r"], [Keys.Escape, Keys.ControlM, ALT_ENTER]),
        (["\x1b[200~\x1b\r\x1b[201~"], [Keys.BracketedPaste]),
    ],
)
def test_alt_enter_comes_in_one_piece(reads: list[str], keys: list[str]) -> None:
    """Which tells it from Esc and then Enter; in emacs mode the two are the same."""
    for vi_mode in (True, False):
        master, slave = os.openpty()
        try:
            terminal = Terminal(slave)
            with open(slave, closefd=False) as stdin, Keyboard(stdin, terminal, vi=vi_mode).raw_mode():
                keyboard = Keyboard(stdin, terminal, vi=vi_mode)
                got = []
                for data in reads:
                    os.write(master, data.encode())
                    got += [press.key for press in keyboard.read_keys()]
        finally:
            os.close(master)
            os.close(slave)
        apart = [one for key in keys for one in ((Keys.Escape, Keys.ControlM) if key is ALT_ENTER else (key,))]
        assert got == (keys if vi_mode else apart)


async def test_the_usual_keys(tmp_path: Path) -> None:
    """Without it the keys are those of emacs, where `dd` is two letters."""
    async with scripted_server(answers(["Fine."])) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("one two\x01dd \x05!\x17")
        await stage.shows("You: dd one\nconnected")
