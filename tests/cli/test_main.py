"""The command line: what may be said, and what becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner

import geppetto
from geppetto.cli.flags import ScriptFlags
from geppetto.cli.main import cli, run
from geppetto.config import SETTINGS
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from geppetto.cli.servers import Target

Run = tuple[dict[str, Any], dict[str, Any]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """What a run was started with, instead of a run: what was said of the server, and of the script."""
    started: list[Run] = []

    def piped(target: Target, flags: ScriptFlags) -> ExitStatus:
        server = msgspec.structs.asdict(target)
        server |= {name: value for name, value in server.pop("settings").items() if value is not None}
        started.append(
            (server, {name: value for name, value in msgspec.structs.asdict(flags).items() if value is not None})
        )
        return ExitStatus.UNANSWERED

    monkeypatch.setattr("geppetto.cli.scripted.piped", piped)
    monkeypatch.delenv("GEPPETTO_OFFLINE", raising=False)
    monkeypatch.delenv("GEPPETTO_KEY_ENV", raising=False)
    return started


PLAIN: dict[str, Any] = {
    "offline": False,
    "offline_lead_s": 2.0,
    "key_env": None,
    "metrics_file": None,
    "quiet": False,
    "profile": None,
    "plain": False,
    "goes_on_with": None,
}


def test_without_a_command_it_asks_what_comes_through_stdin(
    runs: list[Run],
) -> None:
    """The run gets what was said and nothing more, and its status is the command's."""
    result = CliRunner().invoke(cli, [])
    assert runs == [(PLAIN, {})]
    assert result.exit_code == ExitStatus.UNANSWERED
    assert result.output == ""


def test_every_flag_reaches_the_run(runs: list[Run]) -> None:
    """Each row of the table of settings is a flag whose value arrives in its own type."""
    values = {"dialect": "beta", "modality": "text", "provider": "xai"}
    args: list[str] = []
    expected: dict[str, object] = {}
    for setting in SETTINGS:
        text = values.get(setting.name, "17")
        args += [setting.flag] if setting.kind is bool else [setting.flag, text]
        expected[setting.name] = True if setting.kind is bool else setting.kind(text)
    more = ["--offline", "--offline-lead", "0", "--key-env", "K", "--metrics", "m.json", "-q", "--profile", "p"]
    more += ["--plain", "--continue"]
    assert CliRunner().invoke(cli, [*args, *more]).exit_code == ExitStatus.UNANSWERED
    assert runs[0][0] == {
        **expected,
        "offline": True,
        "offline_lead_s": 0.0,
        "key_env": "K",
        "metrics_file": Path("m.json"),
        "quiet": True,
        "profile": "p",
        "plain": True,
        "goes_on_with": "",
    }
    assert {type(value) for value in expected.values()} == {str, int, float, bool, type(Path())}


SCRIPT = [
    "--json", "--input", "jsonl", "--jobs", "8", "--independent", "--context", "session", "--unordered",
    "--output-template", "{index}", "--audio-out", "-", "--audio-format", "wav", "--manifest", "m.jsonl",
    "--no-manifest", "--resume", "--progress", "--dry-run", "--max-cost", "0.5", "--max-minutes", "3",
    "--expect", "x", "--max-first-audio-ms", "900", "--junit", "j.xml",
]  # fmt: skip


@pytest.mark.parametrize("place", ["before", "behind"])
def test_every_flag_of_a_script_reaches_it(monkeypatch: pytest.MonkeyPatch, runs: list[Run], place: str) -> None:
    """They may stand before a command or behind it."""
    CliRunner().invoke(cli, SCRIPT)
    assert set(runs[0][1]) == set(ScriptFlags.__struct_fields__)

    def scripted(target: Target, flags: ScriptFlags, source: object, *, single: bool) -> ExitStatus:
        assert single
        return piped(target, flags)

    from geppetto.cli.scripted import piped

    monkeypatch.setattr("geppetto.cli.ask.scripted", scripted)
    flags = [*SCRIPT, "--voice", "cedar"]
    CliRunner().invoke(cli, [*flags, "ask", "a?"] if place == "before" else ["ask", "a?", *flags])
    assert runs[1] == ({**PLAIN, "voice": "cedar"}, runs[0][1])


def test_variables_reach_the_run(runs: list[Run]) -> None:
    """What is no setting of the session has its variable, too; a setting's own is read with the configuration."""
    environ = {"GEPPETTO_OFFLINE": "1", "GEPPETTO_KEY_ENV": "K", "GEPPETTO_MODEL": "m"}
    CliRunner().invoke(cli, [], env=environ)
    assert runs == [({**PLAIN, "offline": True, "key_env": "K"}, {})]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
        (["--dialect", "gamma"], "is not one of 'ga', 'beta'"),
        (["--read-timeout", "soon"], "is not a valid float"),
        (["--max-retries", "1.5"], "is not a valid integer"),
        (["--offline-lead", "-1"], "is not in the range"),
        (["--jobs", "many"], "is not a valid integer"),
        (["--audio-out", "file"], "is not '-'"),
        (["--url"], "requires an argument"),
    ],
)
def test_wrong_usage_is_2(runs: list[Run], args: list[str], words: str) -> None:
    """It is told before anything is started."""
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == ExitStatus.USAGE
    assert words in result.output
    assert runs == []


def test_help_names_everything() -> None:
    """Every flag with its help, and every command."""
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for setting in SETTINGS:
        assert setting.flag in result.output
        assert setting.help.split()[0] in result.output
    for command in ("ask", "batch", "keys", "log", "repair", "serve"):
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


def test_the_exit_status_is_that_of_the_chat(monkeypatch: pytest.MonkeyPatch, runs: list[Run]) -> None:
    """The process ends with the number, whatever command it was."""
    monkeypatch.setattr(sys, "argv", ["geppetto", "--quiet"])
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == ExitStatus.UNANSWERED
    assert runs == [({**PLAIN, "quiet": True}, {})]


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
