"""What README says is true: its example runs, its flags exist, its table of settings is the table of settings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from geppetto.cli.flags import ScriptFlags
from geppetto.cli.headings import HEADINGS
from geppetto.cli.main import cli
from geppetto.config import SETTINGS
from geppetto.status import ExitStatus

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    """The Python example answers, streams, and leaves its files where it says."""
    pytest.importorskip("hibari", reason="needs the extra geppetto[offline]")
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    done = subprocess.run(
        [sys.executable, "-c", example[1]], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    text, wav = first.split(" completed ")
    assert text == "12 times 7 is 84."
    assert (tmp_path / wav).is_file()
    assert second
    assert len(list((tmp_path / "audio_output").glob("*.txt"))) == 2


def test_every_flag_exists() -> None:
    """Each `--flag` of a geppetto command in README is one that the command line knows."""
    known = {"--help", "--fix"}
    commands: list[click.Command] = [cli]
    context = cli.make_context("geppetto", [], resilient_parsing=True)
    commands += [command for name in cli.list_commands(context) if (command := cli.get_command(context, name))]
    groups = [command for command in commands[1:] if isinstance(command, click.Group)]
    commands += [command for group in groups for command in group.commands.values()]
    for command in commands:
        for parameter in command.params:
            known.update(parameter.opts, parameter.secondary_opts)
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert mentioned
    assert mentioned - known == set()


def test_every_setting_is_in_the_table() -> None:
    """README has a row for each setting, with its help text."""
    for setting in SETTINGS:
        assert re.search(rf"^\| `{setting.flag}` \| .+ \| {re.escape(setting.help)} \|$", README, re.MULTILINE), (
            setting.name
        )


def test_every_script_flag_is_in_the_table() -> None:
    """README has a row for each flag of scripts, with its help text, and no other row."""
    table = README[README.index("### Flags of scripts") : README.index("### What it costs")]
    rows = dict(re.findall(r"^\| `(--[a-z-]+)`[^|]* \| [^|]+ \| (.+) \|$", table, re.MULTILINE))
    names = set(ScriptFlags.__struct_fields__)
    options = [option for option in cli.params if isinstance(option, click.Option) and option.name in names]
    assert rows == {option.opts[0]: re.sub(r"\s*\[default: .*\]$", "", option.help or "") for option in options}
    assert {option.name for option in options} == names


def test_every_option_stands_under_a_heading() -> None:
    """`--help` lists each option once, and under a heading that was chosen for it."""
    context = cli.make_context("geppetto", [], resilient_parsing=True)
    commands = [command for name in ("ask", "batch") if (command := cli.get_command(context, name)) is not None]
    listed = [name for names in HEADINGS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert set(listed) == {
        str(parameter.name)
        for command in (cli, *commands)
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    shown = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", CliRunner().invoke(cli, ["--help"]).output, re.MULTILINE)
    assert len(shown) == len(set(shown)) == len(cli.params) + 1  # and --help


def test_every_exit_status_is_in_the_table() -> None:
    """README explains every exit status."""
    table = README[README.index("## Exit statuses") : README.index("## The embedded server")]
    numbers = {
        int(number) for cell in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for number in cell.split(",")
    }
    assert numbers == {status.value for status in ExitStatus}


def test_help_fits_a_terminal() -> None:
    """`--help` prints, and no line of it is wider than 100 columns."""
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 100
