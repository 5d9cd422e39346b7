"""`geppetto log`: the wire log of a session, for people to read."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import attrs
import click

from geppetto.audio.wav import cannot_write
from geppetto.cli.interrupts import cleaned_up
from geppetto.errors import ConfigError, GeppettoError, OutputFailed
from geppetto.records.logview import Damage, Filter, lines_of, parts_of, read_entries, render
from geppetto.status import ExitStatus
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.records.wirelog import Direction, LogEntry

_STDIO: Final = Path("-")


@click.command("log")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=_STDIO,
    metavar="OUT",
    help="Write to this file instead of standard output.",
)
@click.option("--force", is_flag=True, help="Let --output replace an existing file.")
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="PATTERN",
    help="Only events of this type, such as 'response.*'; may be given several times.",
)
@click.option("--direction", type=click.Choice(["sent", "received"]), help="Only what was sent, or received.")
@click.option("--brief", "--no-json", is_flag=True, help="One line for each message, without its content.")
@click.pass_context
@cleaned_up()
def log(
    context: click.Context,
    files: tuple[Path, ...],
    output: Path,
    force: bool,
    types: tuple[str, ...],
    direction: Direction | None,
    brief: bool,
) -> None:
    """
    Print the wire log of a session: time, → sent or ← received, type, content.

    FILE is a log that a session left in logs/; its later parts are read with it. A single - stands for
    standard input. Damaged lines are named on standard error and skipped.
    """
    shown = Filter(types=types, direction=direction)
    n_damaged = 0
    try:
        sources = parts_of(files)
        for path in sources:
            _check_readable(path)
        with _open_sink(output, force, sources) as sink:
            for path in sources:
                n_damaged += _print_log(path, shown, brief, sink)
            sink.flush()
    except BrokenPipeError:
        _forget_stdout()
        context.exit(ExitStatus.BROKEN_PIPE)
    except GeppettoError as error:
        click.echo(f"geppetto: {error}", err=True)
        context.exit(error.status)
    if n_damaged:
        lines = "line was" if n_damaged == 1 else "lines were"
        click.echo(f"geppetto: {n_damaged:,} damaged {lines} skipped.", err=True)


log_command = log


@attrs.define
class _Sink:
    """Where the text goes. A reader that went away shows as BrokenPipeError, all else as OutputFailed."""

    path: Path
    stream: BinaryIO
    encoding: str

    def write(self, text: str) -> None:
        try:
            self.stream.write(text.encode(self.encoding, "backslashreplace"))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def flush(self) -> None:
        try:
            self.stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise cannot_write(self.path, error) from error


@contextmanager
def _open_sink(output: Path, force: bool, sources: list[Path]) -> Iterator[_Sink]:
    """Open standard output or a new file for the user alone, which is closed at the end."""
    if output == _STDIO:
        if sys.stdout is None:
            raise OutputFailed("Standard output is closed. -o names a file to write to.")
        yield _Sink(Path("standard output"), sys.stdout.buffer, sys.stdout.encoding)
        return
    if output.exists() and any(path != _STDIO and path.samefile(output) for path in sources):
        raise ConfigError(f"{output} is the log itself. Choose another name for the output.")
    try:
        flags = os.O_TRUNC if force else os.O_EXCL
        stream = os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | flags, 0o600), "wb")
    except FileExistsError as error:
        raise ConfigError(f"{output} exists already. --force replaces it.") from error
    except OSError as error:
        raise cannot_write(output, error) from error
    try:
        yield _Sink(output, stream, "utf-8")
    finally:
        with suppress(OSError):  # sink.flush() has told what could not be written
            stream.close()


def _print_log(path: Path, shown: Filter, brief: bool, sink: _Sink) -> int:
    """Print the entries of one file, and return how many of its lines are damaged."""
    n_damaged = 0
    with _open_source(path) as stream:
        entries = read_entries(lines_of(stream))
        while (entry := _next_entry(path, entries)) is not None:
            if isinstance(entry, Damage):
                n_damaged += 1
                name = "standard input" if path == _STDIO else escape_line(str(path))
                click.echo(f"geppetto: {name}, line {entry.line_number}: {entry.why}.", err=True)
            elif shown.keeps(entry):
                sink.write(render(entry, brief=brief))
    return n_damaged


def _next_entry(path: Path, entries: Iterator[LogEntry | Damage]) -> LogEntry | Damage | None:
    try:
        return next(entries, None)
    except OSError as error:
        raise _cannot_read(path, error) from error


def _check_readable(path: Path) -> None:
    """Open every file once before the first line is printed, so that a wrong name shows at once."""
    if path != _STDIO and not path.is_fifo():  # closing a FIFO would end its writer
        _open_source(path).close()


def _open_source(path: Path) -> BinaryIO:
    if path == _STDIO:
        if sys.stdin is None:
            raise ConfigError("Standard input is closed. Name a log file instead.")
        return sys.stdin.buffer
    try:
        return path.open("rb")
    except OSError as error:
        raise _cannot_read(path, error) from error


def _cannot_read(path: Path, error: OSError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        return ConfigError(f"{escape_line(str(path))} does not exist. `ls logs` shows the logs there are.")
    return ConfigError(f"{escape_line(str(path))} cannot be read ({error.strerror}). Name a log file instead.")


def _forget_stdout() -> None:
    """Let Python flush what is left into nothing at its exit, in place of complaining about the pipe."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
