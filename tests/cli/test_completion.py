"""`geppetto completion`: scripts that shells accept, and what a Tab brings."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trio

from tests.fakes.program import CHECKOUT, run_program

if TYPE_CHECKING:
    from pathlib import Path

BOUND_S = 20
SHELLS = ("bash", "zsh", "fish")
DRIVER = """
eval "$(geppetto completion bash)"
complete -p geppetto >/dev/null || exit 9
COMP_WORDS=({words}); COMP_CWORD={index}
_geppetto_completion geppetto
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def program_path(tmp_path: Path) -> Path:
    """A directory with `geppetto` in it, for PATH."""
    place = tmp_path / "bin"
    place.mkdir()
    script = place / "geppetto"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m geppetto "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return place


async def tab(words: str, tmp_path: Path, shell: str = "bash") -> list[str]:
    """Return what a Tab at the end of the line *words* brings, by the variables that the script sets."""
    given = words.split(" ")
    env = {"_GEPPETTO_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(given) - 1)}
    ran = await run_program([], cwd=tmp_path, env={**env, "XKEY_TOKEN": "secret-value"})
    assert (ran.status, ran.stderr) == (0, "")
    assert "secret-value" not in ran.stdout
    return [line for line in ran.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
async def test_each_shell_accepts_its_script(tmp_path: Path, shell: str) -> None:
    """The shell itself reads it through, where it is installed."""
    ran = await run_program(["completion", shell], cwd=tmp_path)
    assert (ran.status, ran.stderr) == (0, "")
    assert "_GEPPETTO_COMPLETE" in ran.stdout
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(ran.stdout)
    with trio.fail_after(BOUND_S):
        read = await trio.run_process([found, "-n", script], capture_stderr=True, check=False)
    assert (read.returncode, read.stderr) == (0, b"")


async def test_no_other_shell(tmp_path: Path) -> None:
    """It is wrong usage, and the right ones are named."""
    ran = await run_program(["completion", "tcsh"], cwd=tmp_path)
    assert ran.status == 2
    assert "bash" in ran.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("geppetto --voi", ["plain,--voice"]),
        ("geppetto --voice ma", ["plain,marin"]),
        ("geppetto --dialect beta --voice m", []),
        ("geppetto --dialect beta --voice al", ["plain,alloy"]),
        ("geppetto ask --voice ced", ["plain,cedar"]),
        ("geppetto --model gpt-realtime-2.1", ["plain,gpt-realtime-2.1", "plain,gpt-realtime-2.1-mini"]),
        ("geppetto --dialect b", ["plain,beta"]),
        ("geppetto --ca-file x", ["file,x"]),
        ("geppetto batch q", ["file,q"]),
        ("geppetto doctor --bun", ["plain,--bundle"]),
        ("geppetto doct", ["plain,doctor"]),
        ("geppetto completion z", ["plain,zsh"]),
        ("geppetto --key-env XKEY", ["plain,XKEY_TOKEN"]),
    ],
)
async def test_what_a_tab_brings(tmp_path: Path, words: str, expected: list[str]) -> None:
    """Flags, commands, voices of the dialect, models, files; of variables the names alone."""
    assert await tab(words, tmp_path) == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "index", "expected"), [("geppetto --voi", 1, ["--voice"]), ("geppetto --voice ce", 2, ["cedar"])]
)
def test_bash_itself(tmp_path: Path, program_path: Path, words: str, index: int, expected: list[str]) -> None:
    """A bash that has read the script fills in what we say."""
    env = {"PATH": f"{program_path}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path)}
    ran = subprocess.run(
        ["bash", "--norc", "-c", DRIVER.format(words=words, index=index)],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.split()) == (0, expected), ran.stderr
