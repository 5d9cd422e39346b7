"""`geppetto log` shows wire logs to people."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from geppetto.cli.log import log_command
from geppetto.records.wirelog import LogEntry, part_path

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

AT = datetime(2026, 11, 21, 9, 15, 2, 345678, tzinfo=UTC)
SENT = LogEntry(AT, "sent", "response.create", '{"type":"response.create"}')
DONE = LogEntry(AT, "received", "response.done", '{"type":"response.done","text":"é\\u001b"}')
UPDATED = LogEntry(AT, "received", "session.updated", '{"type":"session.updated"}')
RUN = [sys.executable, "-c", "from geppetto.cli.log import log_command; log_command()"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a log of three messages."""
    path = tmp_path / "Chat:20261121_101500.log"
    path.write_bytes(UPDATED.line() + SENT.line() + DONE.line())
    return path


def run(*args: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner(env={"TZ": "UTC"}).invoke(log_command, [str(arg) for arg in args], input=stdin)


def types_in(text: str) -> list[str]:
    return [line.split()[-1] for line in text.splitlines() if "→" in line or "←" in line]


def test_a_log_is_printed_for_people(path: Path) -> None:
    """Each message has a line with its arrow and type, and its JSON indented below."""
    result = run(path)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert types_in(result.stdout) == ["session.updated", "response.create", "response.done"]
    assert ":02.345 → response.create\n" in result.stdout
    assert '\n    "text": "é\\u001b"\n' in result.stdout


@pytest.mark.parametrize(
    ("options", "types"),
    [
        (["--type", "response.*"], ["response.create", "response.done"]),
        (["--type", "*.done", "--type", "session.*"], ["session.updated", "response.done"]),
        (["--direction", "sent"], ["response.create"]),
        (["--direction", "received", "--type", "response.*"], ["response.done"]),
        (["--type", "nothing"], []),
    ],
)
@pytest.mark.parametrize("brief", ["--brief", "--no-json"])
def test_filters_and_brief(path: Path, options: list[str], types: list[str], brief: str) -> None:
    """Only what was asked for is shown, in brief one line each."""
    result = run(path, brief, *options)
    assert types_in(result.stdout) == types
    assert len(result.stdout.splitlines()) == len(types)


def test_damaged_lines_are_told_and_skipped(path: Path) -> None:
    """Each damaged line is named with its number, they are counted at the end, and the rest is shown."""
    path.write_bytes(SENT.line() + b"\xff\n" + DONE.line() + DONE.line()[:30])
    result = run(path, "--brief")
    assert result.exit_code == 0
    assert types_in(result.stdout) == ["response.create", "response.done"]
    assert result.stderr.splitlines() == [
        f"geppetto: {path}, line 2: not UTF-8.",
        f"geppetto: {path}, line 4: not JSON, or only a part of it.",
        "geppetto: 2 damaged lines were skipped.",
    ]


def test_later_parts_are_read_in_order(path: Path) -> None:
    """A log that was continued in other files is shown as one, by its first name or by all of them."""
    part_path(path, 1).write_bytes(SENT.line())
    part_path(path, 2).write_bytes(UPDATED.line())
    expected = ["session.updated", "response.create", "response.done", "response.create", "session.updated"]
    assert types_in(run("--brief", path).stdout) == expected
    assert types_in(run("--brief", *sorted(path.parent.iterdir())).stdout) == expected


def test_standard_input_is_read_for_a_dash() -> None:
    """A log can come through a pipe; its damage is told as well."""
    result = run("-", "--brief", stdin=SENT.line() + b"x\n")
    assert types_in(result.stdout) == ["response.create"]
    assert result.stderr == (
        "geppetto: standard input, line 2: not JSON, or only a part of it.\ngeppetto: 1 damaged line was skipped.\n"
    )


def test_the_output_file_is_private_and_never_overwritten_silently(path: Path) -> None:
    """-o writes a file for the user alone; a second time it takes --force."""
    out = path.with_name("out.txt")
    result = run(path, "-o", out)
    assert (result.exit_code, result.output) == (0, "")
    assert types_in(out.read_text("utf-8")) == ["session.updated", "response.create", "response.done"]
    assert out.stat().st_mode & 0o777 == 0o600

    out.write_text("precious " * 1000)
    result = run(path, "-o", out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"geppetto: {out} exists already. --force replaces it.\n"
    assert out.read_text() == "precious " * 1000

    assert run(path, "-o", out, "--force", "--brief").exit_code == 0
    assert len(out.read_text("utf-8").splitlines()) == 3


def test_the_log_cannot_be_its_own_output(path: Path) -> None:
    """Even --force does not destroy what is being read, under another name neither."""
    link = path.with_name("link")
    link.symlink_to(path)
    before = path.read_bytes()
    result = run(path, "-o", link, "--force")
    assert result.exit_code == 2
    assert "is the log itself" in result.stderr
    assert path.read_bytes() == before


def test_a_missing_file_is_one_sentence_before_anything_is_printed(path: Path) -> None:
    """A wrong name among right ones ends the command at once, with exit status 2."""
    missing = path.with_name("missing.log")
    result = run(path, missing)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"geppetto: {missing} does not exist. `ls logs` shows the logs there are.\n"
    assert run(path.parent).exit_code == 2
    assert "Is a directory" in run(path.parent).stderr


@pytest.mark.parametrize("out", ["/dev/full", "missing/out.txt"])
def test_an_output_that_cannot_be_written_is_named(path: Path, out: str) -> None:
    """A full disk and a missing directory are exit status 7."""
    result = run(path, "--force", "-o", out)
    assert result.exit_code == 7
    assert result.stderr.startswith(f"geppetto: {out} cannot be written (No s")


def test_a_full_standard_output_is_told(path: Path) -> None:
    """`geppetto log FILE > /dev/full` is exit status 7, not a traceback."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run([*RUN, path], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 7
    assert done.stderr.startswith(b"geppetto: standard output cannot be written (No space left on device)")


def test_a_reader_that_leaves_ends_it_quietly(path: Path) -> None:
    """`geppetto log FILE | head` is exit status 141 and not a word, however much is still to print."""
    path.write_bytes(DONE.line() * 5000)
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        done = subprocess.run([*RUN, path], stdout=write_fd, stderr=subprocess.PIPE, env=env, timeout=30, check=False)
    finally:
        os.close(write_fd)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_terminal_without_unicode_still_gets_its_text(path: Path) -> None:
    """In an ASCII locale arrows and accents become escapes instead of an error."""
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([*RUN, path], capture_output=True, env=env, timeout=30, check=True)
    assert b"\\u2192 response.create" in done.stdout
    assert b"\\xe9" in done.stdout


@pytest.mark.parametrize("closed", [0, 1])
def test_a_closed_stream_is_a_sentence(path: Path, closed: int) -> None:
    """With stdin or stdout closed by the caller there is a sentence, not a traceback."""
    script = f'exec "$@" {closed}>&-'
    source = "-" if closed == 0 else path
    done = subprocess.run(["sh", "-c", script, "sh", *RUN, source], stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == (2 if closed == 0 else 7)
    assert b"is closed." in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_command_needs_no_event_loop() -> None:
    """Reading a log does not load trio."""
    code = "import sys, geppetto.cli.log; sys.exit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
