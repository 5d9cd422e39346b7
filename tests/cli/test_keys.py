"""`geppetto keys` as a process: the key comes by a prompt that does not show it, or by a pipe."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from tests.fakes.program import open_program, run_program

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"
ECHOING = """
import sys, termios
attributes = termios.tcgetattr(0)
attributes[3] |= termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, attributes)
from geppetto.cli.main import run
sys.argv[0] = "geppetto"
run()
"""
"""The terminal of the tests has no echo; that of people has."""


def keys_file(home: Path) -> Path:
    """Return where the keys of the user whose home is *home* are."""
    return home / ".config" / "geppetto" / "keys.json"


async def test_a_key_from_a_pipe_is_stored_and_listed(tmp_path: Path) -> None:
    """One line of stdin is the key of api.openai.com; the list shows its ends alone; delete forgets it."""
    ran = await run_program(["keys", "set"], cwd=tmp_path, stdin=f"  {KEY}\r\nmore\n")
    assert (ran.status, ran.stdout) == (0, "")
    assert "The key for api.openai.com is stored in" in ran.stderr
    assert KEY not in ran.stderr
    assert stat.S_IMODE(keys_file(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(keys_file(tmp_path).parent.stat().st_mode) == 0o700
    assert json.loads(keys_file(tmp_path).read_text()) == {"api.openai.com": KEY}

    ran = await run_program(["keys", "set", "127.0.0.1:8765"], cwd=tmp_path, stdin="short-key")
    assert ran.status == 0
    ran = await run_program(["keys", "list"], cwd=tmp_path)
    assert ran.stdout == "127.0.0.1:8765  ****\napi.openai.com  sk-…0123\n"
    assert (ran.status, ran.stderr) == (0, "")

    ran = await run_program(["keys", "delete", "127.0.0.1:8765"], cwd=tmp_path)
    assert (ran.status, ran.stderr) == (0, "The key for 127.0.0.1:8765 is deleted.\n")
    ran = await run_program(["keys", "delete", "127.0.0.1:8765"], cwd=tmp_path)
    assert ran.status == 2
    assert "No key is stored for 127.0.0.1:8765." in ran.stderr


async def test_the_prompt_does_not_show_the_key(tmp_path: Path) -> None:
    """On a terminal the key is asked for, and what is typed is not echoed."""
    async with open_program(["keys", "set"], cwd=tmp_path, terminal=True, run=("-c", ECHOING)) as program:
        await program.wrote("Key for api.openai.com (not shown): ")
        await program.type(f"{KEY}\n")
        ran = await program.left()
    assert ran.status == 0, ran.stdout
    assert KEY not in ran.stdout
    assert json.loads(keys_file(tmp_path).read_text()) == {"api.openai.com": KEY}


@pytest.mark.parametrize(("typed", "status"), [("\x04", 2), ("\n", 2), ("\x03", 130)], ids=["eof", "empty", "ctrl-c"])
async def test_a_prompt_that_is_left_stores_nothing(tmp_path: Path, typed: str, status: int) -> None:
    """Ctrl+D and an empty line are told in a sentence, Ctrl+C is 130, and no file is made."""
    async with open_program(["keys", "set"], cwd=tmp_path, terminal=True) as program:
        await program.wrote("(not shown): ")
        await program.type(typed)
        ran = await program.left()
    assert ran.status == status, ran.stdout
    assert "Traceback" not in ran.stdout
    assert not keys_file(tmp_path).exists()


@pytest.mark.parametrize("stdin", [b"", b"\n", b"two words\n", b"\xff\xfe\n", "schlüssel\n".encode(), b"a\x00b\n"])
async def test_what_is_no_key_is_not_stored(tmp_path: Path, stdin: bytes) -> None:
    """It is exit status 2 and one sentence that does not repeat it."""
    ran = await run_program(["keys", "set"], cwd=tmp_path, stdin=stdin)
    assert ran.status == 2
    assert ran.stderr == (
        "geppetto: The key is empty or holds spaces, line breaks or characters beyond ASCII. Copy it again.\n"
    )
    assert not keys_file(tmp_path).exists()


async def test_a_key_as_the_argument_is_refused_unseen(tmp_path: Path) -> None:
    """A key on the command line is not stored, and not repeated."""
    ran = await run_program(["keys", "set", KEY], cwd=tmp_path, stdin="")
    assert ran.status == 2
    assert "A key is never an argument" in ran.stderr
    assert KEY not in ran.stderr + ran.stdout


async def test_closed_stdin_is_told(tmp_path: Path) -> None:
    """Without stdin there is no key to read; that is a sentence and no traceback."""
    ran = await run_program(["keys", "set"], cwd=tmp_path, shell='exec "$@" <&-')
    assert ran.status == 2
    assert ran.stderr.startswith("geppetto: ")
    assert not keys_file(tmp_path).exists()


async def test_no_keys_are_no_error(tmp_path: Path) -> None:
    """An empty list says how to store one, on stderr."""
    ran = await run_program(["keys", "list"], cwd=tmp_path)
    assert (ran.status, ran.stdout) == (0, "")
    assert "`geppetto keys set` stores one" in ran.stderr


@pytest.mark.parametrize("command", [["set"], ["list"], ["delete", "a.test"]], ids=lambda command: command[0])
async def test_a_file_that_cannot_be_trusted_ends_every_command(tmp_path: Path, command: list[str]) -> None:
    """One that others can read names `chmod 600`, a damaged one is named; both are status 2 and stay as they are."""
    own = tmp_path / "own"
    own.mkdir()
    path = own / "keys.json"
    env = {"GEPPETTO_CONFIG_DIR": str(own)}
    path.write_text(json.dumps({"a.test": KEY}))
    path.chmod(0o644)
    ran = await run_program(["keys", *command], cwd=tmp_path, stdin=KEY, env=env)
    assert ran.status == 2
    assert f"Run `chmod 600 {path}`." in ran.stderr
    path.chmod(0o600)
    path.write_text("{" + KEY)
    ran = await run_program(["keys", *command], cwd=tmp_path, stdin=KEY, env=env)
    assert ran.status == 2
    assert "is damaged" in ran.stderr
    assert KEY not in ran.stdout + ran.stderr
    assert path.read_text() == "{" + KEY


async def test_a_full_disk_leaves_the_old_keys(tmp_path: Path) -> None:
    """A write that fails is status 7; the keys that were there stay, and no half-written file with a key is left."""
    ran = await run_program(["keys", "set", "a.test"], cwd=tmp_path, stdin=KEY)
    assert ran.status == 0
    before = keys_file(tmp_path).read_bytes()
    ran = await run_program(["keys", "set", "b.test"], cwd=tmp_path, stdin=KEY, shell='ulimit -f 0; exec "$@"')
    assert ran.status == 7
    assert "keys.json cannot be written" in ran.stderr
    assert [path.name for path in keys_file(tmp_path).parent.iterdir()] == ["keys.json"]
    assert keys_file(tmp_path).read_bytes() == before
