"""A chat at a terminal is kept, and another one goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.memory.place import FILE_NAME
from geppetto.memory.store import Memory
from tests.fakes.program import open_program
from tests.fakes.scripted_server import answers, scripted_server
from tests.repl.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fakes.program import Ran
    from tests.fakes.scripted_server import ScriptedServer

PLAIN = {"TERM": "dumb"}


async def talk(server: ScriptedServer, cwd: Path, args: Sequence[str], question: str) -> Ran:
    """Ask one question in plain lines, wait for its answer, and leave."""
    async with open_program(
        ["--url", server.url, "--max-retries", "0", *args], cwd=cwd, terminal=True, env=PLAIN | data_of(cwd)
    ) as program:
        await program.wrote("You: ")
        await program.type(f"{question}\n")
        await program.wrote("first audio after")
        await program.type("\x04")
        return await program.left()


async def talk_at_prompt(server: ScriptedServer, cwd: Path, args: Sequence[str], question: str) -> int:
    """Do the same at the prompt, and return the status."""
    arguments = ["--url", server.url, "--max-retries", "0", *args]
    async with open_stage(arguments, cwd=cwd, env=data_of(cwd)) as stage:
        await stage.shows("You:", "connected")
        await stage.type(f"{question}\r")
        await stage.shows("s of audio")
        await stage.type("\x04")
        return await stage.left()


def data_of(cwd: Path) -> dict[str, str]:
    """Return where the memory is."""
    return {"GEPPETTO_DATA_DIR": str(cwd / "data")}


def said(server: ScriptedServer) -> list[str]:
    """Return the texts that the last connection was told, in order."""
    items = [event["item"] for event in server.connections[-1].events if event["type"] == "conversation.item.create"]
    return [item["content"][0]["text"] for item in items]


async def test_a_chat_goes_on_where_it_ended(tmp_path: Path) -> None:
    """`-c` tells the server what was said in the last one, and what comes is kept behind it."""
    async with scripted_server(answers(["Paris."])) as server:
        assert (await talk(server, tmp_path, [], "Capital?")).status == 0
    async with scripted_server(answers(["Berlin."])) as server:
        assert await talk_at_prompt(server, tmp_path, ["-c"], "And of Germany?") == 0
        assert said(server) == ["Capital?", "Paris.", "And of Germany?"]
    with Memory.open(tmp_path / "data" / FILE_NAME) as memory:
        kept = memory.last()
        assert kept is not None
        assert [item.text for item in memory.items(kept.id)] == ["Capital?", "Paris.", "And of Germany?", "Berlin."]
    async with scripted_server(answers(["Rome."])) as server:
        await talk(server, tmp_path, ["--resume", kept.id], "Italy?")
        assert len(said(server)) == 5


async def test_it_is_told_below_the_greeting(tmp_path: Path) -> None:
    """With what the chat goes on, in both faces, and to whoever wants no greeting, too."""
    async with scripted_server(answers(["Paris."])) as server:
        await talk(server, tmp_path, [], "Capital?")
    async with scripted_server(answers(["Berlin."])) as server:
        ran = await talk(server, tmp_path, ["-c"], "And of Germany?")
        greeting, goes_on, *_ = ran.stdout.splitlines()
        assert "/help helps" in greeting
        assert goes_on.startswith("  going on with ")
        assert goes_on.endswith(": Capital?")
        async with open_stage(["--url", server.url, "-c"], cwd=tmp_path, env=data_of(tmp_path)) as stage:
            await stage.shows("going on with", "connected")
            assert ["helps" in row for row in stage.rows[:2]] == [True, False]
        args, env = ["--url", server.url, "-c", "--quiet"], PLAIN | data_of(tmp_path)
        async with open_program(args, cwd=tmp_path, terminal=True, env=env) as program:
            await program.wrote("You: ")
            assert program.stdout.startswith("  going on with ")
            await program.type("\x04")
            await program.left()


async def test_a_chat_with_the_embedded_server_goes_on_there(tmp_path: Path) -> None:
    """Without a key there is nowhere else to go; who names a server, or never chatted, is told of the key."""
    pytest.importorskip("hibari", reason="needs the extra geppetto[offline]")
    env = PLAIN | data_of(tmp_path)

    async def chat(*args: str, question: str) -> Ran:
        async with open_program(["--modality", "text", *args], cwd=tmp_path, terminal=True, env=env) as program:
            if question:
                await program.wrote("You: ")
                await program.type(f"{question}\n")
                await program.wrote("tokens in")
                await program.type("\x04")
            return await program.left()

    key = "OPENAI_API_KEY is not set."
    assert key in (await chat("-c", question="")).stdout
    assert (await chat("--offline", question="What is 12 times 7?")).status == 0
    ran = await chat("-c", question="What did I say first?")
    assert ran.status == 0
    assert "12 times 7" in ran.stdout.partition("You: ")[2]
    with Memory.open(tmp_path / "data" / FILE_NAME) as memory:
        kept = memory.last()
        assert kept is not None
        assert kept.n_answers == 2
    assert (await chat("--resume", kept.id, question="and plus 2")).status == 0
    for args in (["-c", "--provider", "openai"], ["--resume", "nothing"], []):
        ran = await chat(*args, question="")
        assert (ran.status, key in ran.stdout) == (2, True)
    async with scripted_server(answers(["Paris."])) as server:
        await talk(server, tmp_path, [], "Capital?")
    assert key in (await chat("-c", question="")).stdout


async def test_nothing_is_kept_without_memory(tmp_path: Path) -> None:
    """Nor is there anything to go on with."""
    async with scripted_server(answers(["Paris."])) as server:
        await talk(server, tmp_path, ["--no-memory"], "Capital?")
        assert not (tmp_path / "data").exists()
        args = ["--url", server.url, "--no-memory", "-c"]
        async with open_program(args, cwd=tmp_path, terminal=True, env=PLAIN) as program:
            ran = await program.left()
    assert ran.status == 2
    assert "Nothing is kept with --no-memory" in ran.stdout + ran.stderr


async def test_a_conversation_that_is_not_there(tmp_path: Path) -> None:
    """It is a sentence with the next step, before anything is connected."""
    async with scripted_server(answers(["Paris."])) as server:
        for args in (["-c"], ["--resume", "nothing"]):
            environment = {**PLAIN, "GEPPETTO_DATA_DIR": str(tmp_path / "data")}
            async with open_program(
                ["--url", server.url, *args], cwd=tmp_path, terminal=True, env=environment
            ) as program:
                ran = await program.left()
            assert ran.status == 2
            assert "`geppetto history` lists" in ran.stdout + ran.stderr
        assert server.connections == []


async def test_a_damaged_database_costs_no_answer(tmp_path: Path) -> None:
    """It is moved aside, and that is told; the chat goes on."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAME).write_bytes(b"not a database, " * 500)
    async with scripted_server(answers(["Paris."])) as server:
        ran = await talk(server, tmp_path, [], "Capital?")
    assert ran.status == 0
    assert "Paris." in ran.stdout
    assert "The kept conversations were damaged. A new file is begun" in ran.stdout + ran.stderr
