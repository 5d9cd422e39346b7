"""The command line: what may be said, and what becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import geppetto
from geppetto.cli.main import cli, run
from geppetto.config import SETTINGS
from geppetto.status import ExitStatus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the chat was started with, instead of a chat."""
    started: list[dict[str, Any]] = []

    def chat(settings: dict[str, object], **options: object) -> ExitStatus:
        started.append({**{name: value for name, value in settings.items() if value is not None}, **options})
        return ExitStatus.UNANSWERED

    monkeypatch.setattr("geppetto.cli.chat.chat", chat)
    monkeypatch.delenv("GEPPETTO_OFFLINE", raising=False)
    monkeypatch.delenv("GEPPETTO_KEY_ENV", raising=False)
    return started


PLAIN: dict[str, Any] = {
    "offline": False,
    "offline_lead_s": 2.0,
    "key_env": None,
    "metrics_file": None,
    "quiet": False,
}


def test_without_a_command_it_chats(chats: list[dict[str, Any]]) -> None:
    """The chat gets what was said and nothing more, and its status is the command's."""
    result = CliRunner().invoke(cli, [])
    assert chats == [PLAIN]
    assert result.exit_code == ExitStatus.UNANSWERED
    assert result.output == ""


def test_every_flag_reaches_the_chat(chats: list[dict[str, Any]]) -> None:
    """Each row of the table of settings is a flag whose value arrives in its own type."""
    values = {"dialect": "beta", "modality": "text"}
    args: list[str] = []
    expected: dict[str, object] = {}
    for setting in SETTINGS:
        text = values.get(setting.name, "17")
        args += [setting.flag] if setting.kind is bool else [setting.flag, text]
        expected[setting.name] = True if setting.kind is bool else setting.kind(text)
    more = ["--offline", "--offline-lead", "0", "--key-env", "K", "--metrics", "m.json", "-q"]
    assert CliRunner().invoke(cli, [*args, *more]).exit_code == ExitStatus.UNANSWERED
    assert chats == [
        {
            **expected,
            "offline": True,
            "offline_lead_s": 0.0,
            "key_env": "K",
            "metrics_file": Path("m.json"),
            "quiet": True,
        }
    ]
    assert {type(value) for value in expected.values()} == {str, int, float, bool, type(Path())}


def test_variables_reach_the_chat(chats: list[dict[str, Any]]) -> None:
    """What is no setting of the session has its variable, too; a setting's own is read with the configuration."""
    environ = {"GEPPETTO_OFFLINE": "1", "GEPPETTO_KEY_ENV": "K", "GEPPETTO_MODEL": "m"}
    CliRunner().invoke(cli, [], env=environ)
    assert chats == [{**PLAIN, "offline": True, "key_env": "K"}]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
        (["--dialect", "gamma"], "is not one of 'ga', 'beta'"),
        (["--read-timeout", "soon"], "is not a valid float"),
        (["--max-retries", "1.5"], "is not a valid integer"),
        (["--offline-lead", "-1"], "is not in the range"),
        (["--url"], "requires an argument"),
    ],
)
def test_wrong_usage_is_2(chats: list[dict[str, Any]], args: list[str], words: str) -> None:
    """It is told before anything is started."""
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == ExitStatus.USAGE
    assert words in result.output
    assert chats == []


def test_help_names_everything() -> None:
    """Every flag with its help, and every command."""
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for setting in SETTINGS:
        assert setting.flag in result.output
        assert setting.help.split()[0] in result.output
    for command in ("keys", "log", "serve"):
        assert f"\n  {command} " in result.output


def test_commands_are_those_of_the_list() -> None:
    """Each command that the help names can be imported and has a help of its own."""
    context = cli.make_context("geppetto", [], resilient_parsing=True)
    names = cli.list_commands(context)
    assert names == sorted(names)
    for name in names:
        result = CliRunner().invoke(cli, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert result.output.startswith("Usage: ")


def test_the_exit_status_is_that_of_the_chat(monkeypatch: pytest.MonkeyPatch, chats: list[dict[str, Any]]) -> None:
    """The process ends with the number, whatever command it was."""
    monkeypatch.setattr(sys, "argv", ["geppetto", "--quiet"])
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == ExitStatus.UNANSWERED
    assert chats == [{**PLAIN, "quiet": True}]


def program(*args: str, code: str = "from geppetto.cli.main import run; run()") -> subprocess.CompletedProcess[str]:
    """Run *code* as a program of its own, with none of our settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GEPPETTO_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_help_is_quick() -> None:
    """`--help` needs neither the event loop nor the embedded server."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sorted({'trio', 'hibari', 'geppetto.offline'} & sys.modules.keys())))\n"
        "from geppetto.cli.main import run; run()"
    )
    ran = program("--help", code=code)
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("args", [("--version",), ("-V",), ("--quiet", "--version")])
def test_the_version(args: tuple[str, ...]) -> None:
    """It is one line, also among other options."""
    ran = program(*args, code="from geppetto.__main__ import main; main()")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"geppetto {geppetto.__version__}\n", "")


def test_wrong_usage_of_the_program() -> None:
    """The sentence is on stderr, stdout stays empty."""
    ran = program("--nonsense")
    assert ran.returncode == ExitStatus.USAGE
    assert ran.stdout == ""
    assert "No such option" in ran.stderr
