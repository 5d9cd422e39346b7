"""`geppetto config`: the files of settings, and what comes of them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from geppetto.audio.wav import cannot_write
from geppetto.cli.flags import read_flags
from geppetto.cli.interrupts import cleaned_up
from geppetto.cli.saying import say, say_error
from geppetto.config import load_config
from geppetto.errors import ConfigError, GeppettoError
from geppetto.keys import config_directory
from geppetto.records.modes import PRIVATE, make_directory
from geppetto.settings.listing import EFFECTIVE, Row, rows
from geppetto.settings.loading import read_files
from geppetto.settings.sample import sample
from geppetto.settings.source import PROJECT_FILE, USER_FILE
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group("config")
def config_command() -> None:
    """
    Show, find, write and edit the settings.

    A flag goes before a GEPPETTO_ variable, that before ./geppetto.toml, that before your own file, and that before
    the default.
    """


@config_command.command("show")
@click.option("--profile", metavar="NAME", default=None, help="Show what this profile makes of it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def show(context: click.Context, profile: str | None, as_json: bool) -> None:
    """Print every setting, its value, and where that comes from. Keys are never shown."""
    with _sentences(context):
        group = context.parent.parent if context.parent is not None else None
        above: dict[str, Any] = dict(group.params) if group is not None else {}
        target, _script = read_flags({"profile": profile}, above)
        try:
            listed = rows(target.configure())
        except ConfigError as error:
            # What is wrong with the key is told, and is no reason to hide everything else.
            listed = [*rows(target.configure(needs_key=False)), Row(name="api_key", value=None, source=str(error))]
        if as_json:
            text = json.dumps({row.name: {"value": row.value, "source": row.source} for row in listed}, indent=2)
            click.echo(text)
            return
        _print_table(listed)


@config_command.command("path")
def path_command() -> None:
    """Print the paths of your own file and of the one of this directory, and whether they exist."""
    for path in (user_file(), Path(PROJECT_FILE).absolute()):
        click.echo(f"{escape_line(str(path))}{'' if path.exists() else '  (not there)'}")


@config_command.command("init")
@click.pass_context
@cleaned_up()
def init(context: click.Context) -> None:
    """Write a file of settings for you alone, with every setting as a comment. Nothing is overwritten."""
    with _sentences(context):
        path = user_file()
        if not _write_sample(path):
            msg = f"{path} exists already, and is left as it is. `geppetto config edit` opens it."
            raise ConfigError(msg)
        say(f"{escape_line(str(path))} is written. `geppetto config edit` opens it.")


@config_command.command("edit")
@click.pass_context
def edit(context: click.Context) -> None:
    """Open your file of settings in $VISUAL or $EDITOR, and check it afterwards; it is written if it isn't there."""
    with _sentences(context):
        path = user_file()
        command = _editor()
        _write_sample(path)
        try:
            status = subprocess.run([*command, str(path)], check=False).returncode  # noqa: S603  # the user's own editor
        except OSError as error:
            msg = f"{command[0]} cannot be started ({error.strerror}). Set EDITOR to your editor."
            raise ConfigError(msg) from error
        if status != 0:
            msg = f"{command[0]} ended with status {status}. {path} is as it left it."
            raise ConfigError(msg)
        files = read_files(Path(), config_directory(os.environ))
        load_config({}, {}, files=msgspec.structs.replace(files, project=None), needs_key=False)
        say(f"{escape_line(str(path))} is in order.")


def user_file() -> Path:
    """Return the path of the user's file."""
    return config_directory(os.environ) / USER_FILE


def _editor() -> list[str]:
    """
    Return the command of the user's editor.

    Raises:
        ConfigError: there is none.
    """
    for variable in ("VISUAL", "EDITOR"):
        if text := os.environ.get(variable, "").strip():
            try:
                return shlex.split(text)
            except ValueError as error:
                msg = f"{variable} is not a command ({error}). Set it to your editor."
                raise ConfigError(msg) from error
    for name in ("sensible-editor", "nano", "vi"):
        if found := shutil.which(name):
            return [found]
    msg = f"There is no editor. Set EDITOR to yours, or write {user_file()} with any other program."
    raise ConfigError(msg)


def _write_sample(path: Path) -> bool:
    """
    Write the sample to *path*, and return whether there was none.

    Raises:
        OutputFailed: it cannot be written; then there is none.
    """
    try:
        make_directory(path.parent)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE.file)
        except FileExistsError:
            return False
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(sample())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise cannot_write(path, error) from error
    return True


def _print_table(listed: list[Row]) -> None:
    shown = [(row.name, _in_words(row.value), row.source) for row in listed]
    names = max(len(name) for name, _, _ in shown)
    values = min(max(len(value) for _, value, _ in shown), 48)
    for name, value, source in shown:
        if name == EFFECTIVE:
            click.echo(f"\n{name:{names}}  {value}")
            continue
        click.echo(f"{name:{names}}  {_cut(value, values):{values}}  {escape_line(source)}")


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "-" if value is None else escape_line(str(value))


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


@contextmanager
def _sentences(context: click.Context) -> Iterator[None]:
    """Show an expected error as its sentence, and exit with its status."""
    try:
        yield
    except GeppettoError as error:
        say_error(error)
        context.exit(error.status)
