"""`geppetto history` lists, searches, shows, exports, names and deletes kept conversations."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from geppetto.cli.history import history_command
from geppetto.status import ExitStatus
from tests.fakes.program import open_program, run_program
from tests.memory.remembered import ABOUT, COST, answer, opened

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

KEPT = [("What is 12 times 7?", "84."), ("Wo liegt Zürich?", "In der Schweiz.\x1b[2J"), ("Thanks?", "Any time.")]


@pytest.fixture
def kept(tmp_path: Path) -> list[str]:
    """Keep three conversations in *tmp_path*, and return their IDs, the oldest first."""
    ids = []
    with opened(tmp_path / "conversations.sqlite3") as memory:
        for question, text in KEPT:
            ids.append(memory.begin(ABOUT))
            memory.note(ids[-1], answer(question, text, cost=COST))
        memory.name(ids[1], "travels")
    return ids


def run(directory: Path, *args: str) -> Result:
    """Run the command on what is kept in *directory*."""
    return CliRunner(env={"GEPPETTO_DATA_DIR": str(directory), "TZ": "UTC"}).invoke(history_command, args)


def names_in(directory: Path) -> set[str]:
    """Return what is in *directory*."""
    return {path.name for path in directory.iterdir()}


def test_the_list_has_the_newest_first(tmp_path: Path, kept: list[str]) -> None:
    """Without a subcommand, too; each with its ID and its name or first question."""
    for args in ((), ("list",)):
        result = run(tmp_path, *args)
        assert (result.exit_code, result.stderr) == (0, "")
        assert [line.split()[0] for line in result.stdout.splitlines()] == kept[::-1]
        assert result.stdout.splitlines()[1].endswith("1 answer   travels")
        assert result.stdout.splitlines()[2].endswith("1 answer   What is 12 times 7?")


async def test_a_list_of_pages_says_that_there_is_more(tmp_path: Path, kept: list[str]) -> None:
    """As a process: the list is on stdout, the hint on stderr."""
    env = {"GEPPETTO_DATA_DIR": str(tmp_path)}
    ran = await run_program(["history", "list", "--limit", "2"], cwd=tmp_path, env=env)
    assert ran.status == 0
    assert len(ran.stdout.splitlines()) == 2
    assert ran.stderr == "There are more: `geppetto history list --page 2`.\n"
    ran = await run_program(["history", "list", "--limit", "2", "--page", "2"], cwd=tmp_path, env=env)
    assert (ran.stdout.split()[0], ran.stderr) == (kept[0], "")


def test_programs_get_the_list_as_json(tmp_path: Path, kept: list[str]) -> None:
    """One object a line."""
    listed = [json.loads(line) for line in run(tmp_path, "list", "--json").stdout.splitlines()]
    assert [each["id"] for each in listed] == kept[::-1]
    assert listed[0]["usd"] == 0.0312


async def test_nothing_is_kept_yet(tmp_path: Path) -> None:
    """Looking makes no file, wherever the user's data is."""
    ran = await run_program(["history"], cwd=tmp_path)
    assert (ran.status, ran.stdout, ran.stderr) == (0, "", "No conversation is kept yet.\n")
    assert names_in(tmp_path) == set()
    ran = await run_program(["history", "path"], cwd=tmp_path)
    assert ran.stdout == f"{tmp_path}/.local/share/geppetto/conversations.sqlite3\n"
    ran = await run_program(["history", "show", "x"], cwd=tmp_path)
    assert (ran.status, ran.stderr) == (ExitStatus.USAGE, "geppetto: No conversation is kept yet.\n")


def test_words_are_found(tmp_path: Path, kept: list[str]) -> None:
    """A hit is one line with its conversation, who said it, and an excerpt that steers no terminal."""
    result = run(tmp_path, "search", "schweiz")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{kept[1]} (travels)  2026-11-21 ")
    assert result.stdout.endswith("  geppetto: In der Schweiz.\\x1b[2J\n")
    assert run(tmp_path, "search", "nowhere").output.strip() in {"", "Nothing was found."}


def test_a_conversation_is_shown_safely(tmp_path: Path, kept: list[str]) -> None:
    """By its name; what could steer the terminal is visible."""
    result = run(tmp_path, "show", "TRAVELS")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "travels"
    assert lines[1].startswith(f"{kept[1]} · 2026-11-21 ")
    assert lines[3:5] == ["You: Wo liegt Zürich?", "Geppetto: In der Schweiz.\\x1b[2J"]
    assert lines[5] == "  1.9 s of audio · $0.0312 · /recordings/audio_20261121_101502.wav"


def test_a_terminal_without_the_letters_shows_what_it_can(tmp_path: Path, kept: list[str]) -> None:
    """What stdout cannot encode is escaped, in place of a traceback."""
    runner = CliRunner(env={"GEPPETTO_DATA_DIR": str(tmp_path)}, charset="ascii")
    result = runner.invoke(history_command, ["show", kept[1]])
    assert result.exit_code == 0
    assert "Wo liegt Z\\xfcrich?" in result.stdout


def test_an_export_is_a_file_for_the_user_alone(tmp_path: Path, kept: list[str]) -> None:
    """Its name says the format; an existing file is replaced only when that is asked for."""
    path = tmp_path / "talk.json"
    assert run(tmp_path, "export", kept[0], "-o", str(path)).exit_code == 0
    assert json.loads(path.read_text())["items"][0]["text"] == "What is 12 times 7?"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run(tmp_path, "export", kept[0], "-o", str(path)).exit_code == ExitStatus.USAGE
    assert run(tmp_path, "export", kept[0], "-o", str(path), "--force", "--format", "html").exit_code == 0
    assert path.read_text().startswith("<!doctype html>")
    assert run(tmp_path, "export", kept[0], "-o", str(tmp_path / "no" / "a")).exit_code == ExitStatus.OUTPUT_FAILED
    assert run(tmp_path, "export", kept[0]).stdout.startswith("# What is 12 times 7?\n")


def test_a_name_is_given_and_taken(tmp_path: Path, kept: list[str]) -> None:
    """Names are unique; an empty one is none."""
    assert run(tmp_path, "name", kept[0], "sums").exit_code == 0
    assert run(tmp_path, "show", "sums").exit_code == 0
    assert run(tmp_path, "name", kept[2], "Sums").exit_code == ExitStatus.USAGE
    assert run(tmp_path, "name", "sums", "").exit_code == 0
    assert run(tmp_path, "show", "sums").exit_code == ExitStatus.USAGE


def test_conversations_are_deleted(tmp_path: Path, kept: list[str]) -> None:
    """All that are named, or none; all of them only with --yes."""
    assert run(tmp_path, "delete", kept[0], "nothing").exit_code == ExitStatus.USAGE
    assert run(tmp_path, "delete").exit_code == ExitStatus.USAGE
    assert run(tmp_path, "delete", "--all", kept[0]).exit_code == ExitStatus.USAGE
    assert len(run(tmp_path, "list").stdout.splitlines()) == 3
    assert run(tmp_path, "delete", "--yes", kept[0], "travels", kept[0]).exit_code == 0
    assert run(tmp_path, "list").stdout.split()[0] == kept[2]
    assert run(tmp_path, "delete", "--all", "--yes").exit_code == 0
    assert run(tmp_path, "list").stdout == ""


async def test_all_are_not_deleted_unasked(tmp_path: Path, kept: list[str]) -> None:
    """Where nobody can be asked, --all needs --yes; a name or an ID is clear enough."""
    env = {"GEPPETTO_DATA_DIR": str(tmp_path)}
    ran = await run_program(["history", "delete", "--all"], cwd=tmp_path, env=env)
    assert (ran.status, "--yes" in ran.stderr) == (ExitStatus.USAGE, True)
    ran = await run_program(["history", "delete", kept[0]], cwd=tmp_path, env=env)
    assert (ran.status, ran.stderr) == (0, "1 conversation is deleted.\n")


async def test_a_person_is_asked(tmp_path: Path, kept: list[str]) -> None:
    """On a terminal, what is to go is shown, and only a yes deletes it."""
    env = {"GEPPETTO_DATA_DIR": str(tmp_path)}
    for typed, status in (("n\n", ExitStatus.USAGE), ("y\n", ExitStatus.OK)):
        async with open_program(["history", "delete", "travels"], cwd=tmp_path, env=env, terminal=True) as program:
            await program.wrote("Delete 1 conversation for good?")
            assert kept[1] in program.stdout
            await program.type(typed)
            assert (await program.left()).status == status


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """It is moved aside, and the list is empty."""
    (tmp_path / "conversations.sqlite3").write_bytes(b"no database " * 1000)
    result = run(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert len(list(tmp_path.glob("conversations.damaged-*.sqlite3"))) == 1


@pytest.mark.parametrize("args", [["list"], ["search", "x"], ["show", "x"]])
def test_a_place_that_cannot_be_used_is_a_sentence(tmp_path: Path, args: list[str]) -> None:
    """A file where the directory should be."""
    (tmp_path / "file").touch()
    assert run(tmp_path / "file", *args).exit_code == ExitStatus.OUTPUT_FAILED
