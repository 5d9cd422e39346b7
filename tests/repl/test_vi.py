"""Whoever edits lines as in vi everywhere edits so here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.scripted_server import answers, scripted_server
from tests.repl.stage import open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

ESC = "\x1b"


async def test_vi_keys(tmp_path: Path) -> None:
    """With `set editing-mode vi` Esc leaves insertion; words and lines are changed, and the history is searched."""
    inputrc = tmp_path / "inputrc"
    inputrc.write_text("# mine\nset editing-mode vi\n")
    env = {"INPUTRC": str(inputrc)}
    async with (
        scripted_server(answers(["One.", "Two.", "Three."])) as server,
        open_stage(to(server.url), cwd=tmp_path, env=env) as stage,
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


async def test_the_usual_keys(tmp_path: Path) -> None:
    """Without it the keys are those of emacs, where `dd` is two letters."""
    async with scripted_server(answers(["Fine."])) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("one two\x01dd \x05!\x17")
        await stage.shows("You: dd one\nconnected")
