"""`geppetto config` as a process, and what files of settings do to runs."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.config import SETTINGS
from tests.fakes.program import run_program
from tests.fakes.scripted_server import answers, scripted_server

if TYPE_CHECKING:
    from pathlib import Path

BOUND_S = 30.0
KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """Return where the user's file is, in a directory that exists."""
    path = tmp_path / ".config" / "geppetto" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def write(path: Path, text: str) -> None:
    """Write *text* to *path*, for the user alone."""
    path.write_text(text)
    path.chmod(0o600)


async def test_a_file_is_written_once_and_for_the_user_alone(tmp_path: Path) -> None:
    """`init` makes the directory and the file, 0600, and never touches one that is there."""
    ran = await run_program(["config", "init"], cwd=tmp_path)
    path = tmp_path / ".config" / "geppetto" / "config.toml"
    assert (ran.status, ran.stdout) == (0, "")
    assert f"{path} is written." in ran.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("speed = 1.0\n")
    ran = await run_program(["config", "init"], cwd=tmp_path)
    assert ran.status == 2
    assert "exists already, and is left as it is" in ran.stderr
    assert path.read_text() == "speed = 1.0\n"


async def test_paths(tmp_path: Path, user_file: Path) -> None:
    """Both are printed, one a line, and whether they are there."""
    write(user_file, "")
    ran = await run_program(["config", "path"], cwd=tmp_path)
    assert ran.stdout == f"{user_file}\n{tmp_path / 'geppetto.toml'}  (not there)\n"
    env = {"GEPPETTO_CONFIG_DIR": str(tmp_path / "own")}
    ran = await run_program(["config", "path"], cwd=tmp_path, env=env)
    assert ran.stdout.startswith(f"{tmp_path / 'own' / 'config.toml'}  (not there)\n")


async def test_the_editor_opens_the_file_and_what_it_leaves_is_checked(tmp_path: Path, user_file: Path) -> None:
    """VISUAL before EDITOR, with arguments; a mistake is told with its line, and the file stays as it was left."""
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\nprintf "\\n$1 = 1.0\\n" > "$2"\n')
    editor.chmod(0o700)
    env = {"VISUAL": f"'{editor}' speed", "EDITOR": "false"}
    ran = await run_program(["config", "edit"], cwd=tmp_path, env=env)
    assert (ran.status, ran.stderr) == (0, f"{user_file} is in order.\n")
    ran = await run_program(["config", "edit"], cwd=tmp_path, env={"EDITOR": f"'{editor}' sped"})
    assert ran.status == 2
    assert ran.stderr == f"geppetto: {user_file}:2: there is no setting sped. Perhaps speed is meant.\n"
    assert await trio.Path(user_file).read_text() == "\nsped = 1.0\n"


@pytest.mark.parametrize(
    ("editor", "sentence"),
    [
        ("/not/there", "/not/there cannot be started (No such file or directory). Set EDITOR to your editor."),
        ("false", "false ended with status 1."),
        ("'", "EDITOR is not a command (No closing quotation). Set it to your editor."),
    ],
)
async def test_an_editor_that_fails(tmp_path: Path, editor: str, sentence: str) -> None:
    """It is told in a sentence, with status 2."""
    ran = await run_program(["config", "edit"], cwd=tmp_path, env={"EDITOR": editor})
    assert ran.status == 2
    assert f"geppetto: {sentence}" in ran.stderr


async def test_show_has_every_setting_with_its_source_and_no_key(tmp_path: Path, user_file: Path) -> None:
    """Flags before the command, variables, both files, the provider: as a table for people, and as JSON."""
    write(user_file, "# mine\nlog_audio = true\n[profile.xai]\nvoice = 'rex'\n")
    write(tmp_path / "geppetto.toml", "speed = 1.25\n")
    env = {"GEPPETTO_MAX_RETRIES": "7", "XAI_API_KEY": KEY}
    args = ["--read-timeout", "5", "config", "show", "--profile", "xai"]
    ran = await run_program([*args, "--json"], cwd=tmp_path, env=env)
    assert (ran.status, ran.stderr) == (0, "")
    shown = json.loads(ran.stdout)
    assert list(shown) == [*(setting.name for setting in SETTINGS), "endpoint", "api_key"]
    expected = {
        "read_timeout": (5.0, "flag --read-timeout"),
        "max_retries": (7, "variable GEPPETTO_MAX_RETRIES"),
        "speed": (1.25, "geppetto.toml:1"),
        "log_audio": (True, f"{user_file}:2"),
        "voice": ("rex", f"{user_file}:4"),
        "provider": ("xai", "profile xai"),
        "url": ("wss://api.x.ai/v1/realtime", "provider xai"),
        "buffer_size": (100, "default"),
        "api_key": ("(not shown)", "variable XAI_API_KEY"),
    }
    assert {name: (shown[name]["value"], shown[name]["source"]) for name in expected} == expected
    ran = await run_program(args, cwd=tmp_path, env=env)
    assert re.search(r"^log_audio +true ", ran.stdout, re.MULTILINE)
    assert f"  {user_file}:4\n" in ran.stdout
    assert KEY not in ran.stdout


async def test_show_tells_what_is_missing(tmp_path: Path) -> None:
    """Without a key everything else is shown; a wrong setting is an error."""
    ran = await run_program(["config", "show"], cwd=tmp_path)
    assert ran.status == 0
    assert "OPENAI_API_KEY is not set." in ran.stdout
    ran = await run_program(["config", "show", "--profile", "no"], cwd=tmp_path)
    assert ran.status == 2
    assert "There is no profile no (flag --profile)." in ran.stderr


async def test_a_run_takes_its_server_from_a_file(tmp_path: Path, user_file: Path) -> None:
    """The profile's provider decides the header of the key; nobody but this server gets it."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(answers(["Fine."])) as server:
            write(
                user_file, f"[profile.work]\nprovider = 'azure'\nurl = '{server.url}'\nmodel = 'd'\nkey_env = 'K'\n"
            )
            ran = await run_program(
                ["--profile", "work"], cwd=tmp_path, stdin="How are you?\n", env={"K": KEY, "OPENAI_API_KEY": "other"}
            )
            assert (ran.status, ran.stdout) == (0, "Fine.\n"), ran.stderr
            assert server.seen.header("api-key") == KEY
            assert server.seen.header("authorization") is None
            assert "other" not in str(server.seen.headers)


async def test_the_settings_of_a_cloned_repository_get_no_key(tmp_path: Path) -> None:
    """A run in its directory talks to its server without a key; with --key-env it does not talk at all."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(answers(["Hello."])) as server:
            write(tmp_path / "geppetto.toml", f'url = "{server.url}"\n')
            env = {"OPENAI_API_KEY": KEY, "MY_KEY": KEY}
            ran = await run_program([], cwd=tmp_path, stdin="Hello?\n", env=env)
            assert (ran.status, ran.stdout) == (0, "Hello.\n"), ran.stderr
            assert KEY not in str(server.seen.headers)
            host = server.url.split("/")[2]
            assert f"The settings of this directory (geppetto.toml:1) lead to {host}.\n" in ran.stderr
            ran = await run_program(["--key-env", "MY_KEY"], cwd=tmp_path, stdin="Hello?\n", env=env)
            assert ran.status == 2
            assert "the settings of this directory that lead to" in ran.stderr
            assert len(server.connections) == 1


async def test_offline_by_profile(tmp_path: Path, user_file: Path) -> None:
    """The provider offline is the embedded server, from a file as by its flag, which goes before any profile."""
    write(user_file, "default_profile = 'offline'\n")
    ran = await run_program([], cwd=tmp_path, stdin="What is 12 times 7?\n")
    assert ran.status == 0, ran.stderr
    assert "84" in ran.stdout
    write(user_file, "default_profile = 'xai'\n[profile.xai]\nvoice = 'rex'\nmodel = 'grok'\n")
    ran = await run_program(["--offline"], cwd=tmp_path, stdin="What is 12 times 7?\n")
    assert ran.status == 0, ran.stderr
    assert "84" in ran.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("xai", "The key for api.x.ai is stored in"),
        ("localai", "The key for localhost:8080 is stored in"),
        ("azure", "Each account of azure has a host of its own"),
        ("offline", "The embedded server needs no key."),
    ],
)
async def test_keys_know_providers(tmp_path: Path, name: str, said: str) -> None:
    """A provider's name is its host, where it has one for all."""
    ran = await run_program(["keys", "set", name], cwd=tmp_path, stdin=f"{KEY}\n")
    assert said in ran.stderr
    assert KEY not in ran.stderr
