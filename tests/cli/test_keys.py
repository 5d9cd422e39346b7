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
    assert ran.stdout == (
        "127.0.0.1:8765  ****      file  huggingface\n"
        "api.openai.com  sk-…0123  file  openai\n"
    )  # fmt: skip
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


async def test_the_list_takes_whatever_is_in_the_file(tmp_path: Path) -> None:
    """A name that is no server, written by hand, is listed without a provider, and disturbs no terminal."""
    keys_file(tmp_path).parent.mkdir(parents=True, mode=0o700)
    keys_file(tmp_path).touch(0o600)
    keys_file(tmp_path).write_text(json.dumps({"[::1": "k", "a\x1b[31m": "k", "b:port": "k", "keyring/": "-"}))
    ran = await run_program(["keys", "list"], cwd=tmp_path)
    assert (ran.status, ran.stderr) == (0, "")
    assert "\x1b" not in ran.stdout
    assert len(ran.stdout.splitlines()) == 4


@pytest.mark.parametrize("provider", ["azure", "azure-preview"])
async def test_the_key_of_an_azure_account(tmp_path: Path, provider: str) -> None:
    """The host is that of the user's own settings, or of --resource; the key of another account is another one."""
    settings = keys_file(tmp_path).with_name("config.toml")
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.touch(0o600)
    settings.write_text("[profile.azure]\nresource = 'mine'\n")
    ran = await run_program(["keys", "set", provider], cwd=tmp_path, stdin=f"{KEY}\n")
    assert ran.stderr.startswith("The key for mine.openai.azure.com is stored in ")
    ran = await run_program(["keys", "set", provider, "--resource", "other"], cwd=tmp_path, stdin="other-key\n")
    assert ran.stderr.startswith("The key for other.openai.azure.com is stored in ")
    ran = await run_program(["keys", "list"], cwd=tmp_path)
    assert ran.stdout == (
        "mine.openai.azure.com   sk-…0123  file  azure, azure-preview\n"
        "other.openai.azure.com  ****      file  azure, azure-preview\n"
    )
    ran = await run_program(["keys", "delete", provider], cwd=tmp_path)
    assert ran.stderr == "The key for mine.openai.azure.com is deleted.\n"
    assert json.loads(keys_file(tmp_path).read_text()) == {"other.openai.azure.com": "other-key"}


async def test_a_directory_does_not_say_whose_key_is_stored(tmp_path: Path) -> None:
    """The resource of ./geppetto.toml, which may be anybody's, is not taken: the key would go to that account."""
    (tmp_path / "geppetto.toml").write_text("[profile.azure]\nresource = 'theirs'\n")
    ran = await run_program(["keys", "set", "azure"], cwd=tmp_path, stdin=f"{KEY}\n")
    assert ran.status == 2
    assert "your own settings name none" in ran.stderr
    assert "theirs" not in ran.stderr
    assert not keys_file(tmp_path).exists()


async def test_a_resource_belongs_to_a_provider(tmp_path: Path) -> None:
    """Beside a host, or a provider that is the same for everybody, it is wrong usage."""
    for host in ("voice.example", "xai", "localai"):
        for command in ("set", "delete"):
            ran = await run_program(["keys", command, host, "--resource", "r"], cwd=tmp_path, stdin=f"{KEY}\n")
            assert ran.status == 2
            assert "leave out --resource" in ran.stderr.lower()
    assert not keys_file(tmp_path).exists()


async def test_settings_that_are_out_of_order_hide_no_fixed_host(tmp_path: Path) -> None:
    """They are read only where they say the host, and what is wrong with them is told there."""
    settings = keys_file(tmp_path).with_name("config.toml")
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.touch(0o600)
    settings.write_text("no toml")
    assert (await run_program(["keys", "set", "xai"], cwd=tmp_path, stdin=f"{KEY}\n")).status == 0
    ran = await run_program(["keys", "set", "azure"], cwd=tmp_path, stdin=f"{KEY}\n")
    assert (ran.status, "config.toml:1: this is not TOML" in ran.stderr) == (2, True)
