"""What keys do at the prompt can be done by command there, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.repl.earlier import Earlier
from geppetto.repl.prompt.past import open_history
from tests.fakes.scripted_server import answer, answers, audio, created, done, scripted_server, tone, words
from tests.repl.stage import open_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer


async def cancelled_twice(peer: Peer) -> None:
    """Begin two answers, each of which is cancelled, and give a third."""
    await peer.greet()
    for response in ("resp_1", "resp_2"):
        await peer.expect("response.create")
        await peer.send(created(response), words(response, f"Words of {response}"), audio(response, tone()))
        await peer.expect("response.cancel")
        await peer.send(done(response, "cancelled"))
    await peer.expect("response.create")
    await peer.send(*answer("resp_3", "Fine.", tone()))
    await peer.client_left()


async def test_cancelling_and_interrupting(tmp_path: Path) -> None:
    """/cancel is Ctrl+C, /now is Alt+Enter, and /status is the line below."""
    args = ["--max-retries", "0", "--url"]
    async with scripted_server(cancelled_twice) as server, open_stage([*args, server.url], cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("One?\r")
        await stage.shows("Words of resp_1")
        await stage.type("/cancel\r")
        await stage.shows("the answer is partial: it was cancelled")
        await stage.type("/cancel\r")
        await stage.shows("no answer is coming that could be cancelled.")
        await stage.type("Two?\r")
        await stage.shows("Words of resp_2")
        await stage.type("/now Three?\r")
        await stage.shows("You: Three?", "Geppetto: Fine.")
        await stage.type("/status\r")
        await stage.shows("\n  connected · ")
    assert server.seen.questions == ["One?", "Two?", "Three?"]


async def test_writing_and_finding(tmp_path: Path) -> None:
    """/multi gathers what is sent, /search finds what was asked, and what /edit brings is sent with Enter."""
    script = tmp_path / "edit.sh"
    script.write_text('#!/bin/sh\nprintf "from the editor" > "$1"\n')
    script.chmod(0o755)
    async with (
        scripted_server(answers(["One.", "Two."])) as server,
        open_stage(["--url", server.url], cwd=tmp_path, rows=40, env={"EDITOR": str(script)}) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/multi\r")
        await stage.shows("a line with a single . ends it")
        await stage.type("a needle\rin a hay stack\r.\r")
        await stage.shows("You: a needle\nin a hay stack\nGeppetto: One.")
        await stage.type("/search NEEDLE\r")
        await stage.shows("\n  a needle\n")
        await stage.type("/edit\r")
        await stage.shows("You: from the editor")
        await stage.type("\r")
        await stage.shows("Geppetto: Two.")
    assert server.seen.questions == ["a needle\nin a hay stack", "from the editor"]


def test_both_keep_what_was_typed_in_one_file(tmp_path: Path) -> None:
    """What plain lines have kept is found at the prompt, and the other way round, with all its line breaks."""
    path = tmp_path / "state" / "history"
    earlier = Earlier(path=path, clean=str)
    assert earlier.find("one", 10) == []
    earlier.keep("one\n\n+two")
    history = open_history(path, str)
    assert list(history.load_history_strings()) == ["one\n\n+two"]
    history.store_string("# ONE\n")
    history.store_string("/search one")
    assert earlier.find("one", 10) == ["one\n\n+two", "# ONE\n"]
    assert earlier.find("one", 1) == ["# ONE\n"]
