"""`geppetto repair`: finish what a killed session left behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geppetto.cli.saying import say_error
from geppetto.errors import ConfigError, GeppettoError, OutputFailed
from geppetto.records.repair import repair
from geppetto.text import escape_line

if TYPE_CHECKING:
    from geppetto.records.repair import Deed


@click.command("repair")
@click.argument(
    "directory",
    type=click.Path(path_type=Path),
    default="audio_output",
    envvar="GEPPETTO_AUDIO_OUTPUT_DIR",
    metavar="[DIR=audio_output]",
)
@click.pass_context
def repair_command(context: click.Context, directory: Path) -> None:
    """
    Finish the recordings that a killed session left in DIR.

    Audio and words that had arrived get their names, marked _partial; empty files go away. Nothing is overwritten,
    and what a running session is writing is left alone. Exits with 7 when something could not be written.
    """
    try:
        failed = _repair(directory)
    except GeppettoError as error:
        say_error(error)
        context.exit(error.status)
    context.exit(OutputFailed.status if failed else 0)


def _repair(directory: Path) -> int:
    """Repair *directory*, print a line for each thing done and their sum, and return how many failed."""
    count: Counter[str] = Counter()
    try:
        for deed in repair(directory):
            count[deed.kind] += 1
            _tell(deed)
    except FileNotFoundError as error:
        msg = f"{directory} does not exist. Name the directory with the recordings: `geppetto repair DIR`."
        raise ConfigError(msg) from error
    except NotADirectoryError as error:
        msg = f"{directory} is not a directory. Name the directory with the recordings: `geppetto repair DIR`."
        raise ConfigError(msg) from error
    except OSError as error:
        raise OutputFailed(f"{directory} cannot be read ({error.strerror}).") from error
    click.echo(_total(count, directory))
    return count["failed"]


def _tell(deed: Deed) -> None:
    if deed.kind == "failed":
        say_error(OutputFailed(deed.detail))
        return
    path = escape_line(str(deed.path))
    done = {"finished": "finished ", "removed": "removed "}.get(deed.kind, "left alone ")
    click.echo(f"{done}{path} ({deed.detail})")


def _total(count: Counter[str], directory: Path) -> str:
    things = (
        (count["finished"], "recording finished", "recordings finished"),
        (count["removed"], "empty file removed", "empty files removed"),
        (count["in use"], "in use", "in use"),
        (count["left alone"], "left alone", "left alone"),
        (count["failed"], "failed", "failed"),
    )
    said = [f"{number} {one if number == 1 else many}" for number, one, many in things if number]
    return " · ".join(said) if said else f"Nothing to repair in {escape_line(str(directory))}."
