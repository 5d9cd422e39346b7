"""`/open` and the player of the system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import trio

from tests.fakes.program import wavs
from tests.fakes.scripted_server import answers, scripted_server
from tests.repl.stage import open_stage, to

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_player_gets_the_last_answer(tmp_path: Path) -> None:
    """The file of the last answer is opened, and what the player writes does not reach the screen."""
    told = tmp_path / "told"
    os.mkfifo(told)
    player = tmp_path / "bin" / "xdg-open"
    player.parent.mkdir()
    player.write_text(f'#!/bin/sh\necho playing; echo playing >&2\necho "$#:$1" >"{told}"\n')
    player.chmod(0o755)
    env = {"PATH": f"{player.parent}:{os.environ['PATH']}"}
    async with (
        scripted_server(answers(["One.", "Two."])) as server,
        open_stage(to(server.url), cwd=tmp_path, env=env) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/open\r")
        await stage.shows("there is no audio yet.")
        await stage.type("Hi\r")
        await stage.shows("Geppetto: One.", "0.1 s of audio")
        first = wavs(tmp_path)
        await stage.type("Again\r")
        await stage.repeats("0.1 s of audio", 2)
        await stage.type("/open\r")
        opened = await trio.to_thread.run_sync(told.read_text, abandon_on_cancel=True)
        assert not any(row.startswith("playing") for row in stage.rows)
    (last,) = set(wavs(tmp_path)) - set(first)
    count, _, name = opened.strip().partition(":")
    assert count == "1"
    assert (tmp_path / name).samefile(last)


async def test_no_player(tmp_path: Path) -> None:
    """A machine without a player is told where the file is."""
    env = {"PATH": str(tmp_path)}
    async with (
        scripted_server(answers(["One."])) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=200, env=env) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("Hi\r")
        await stage.shows("0.1 s of audio")
        await stage.type("/open\r")
        (file,) = wavs(tmp_path)
        await stage.shows(
            f"there is neither xdg-open nor open on this machine. The file is audio_output/{file.name}."
        )
