"""`geppetto batch`: the questions of a file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geppetto.batch.source import questions_of
from geppetto.cli.headings import Headed
from geppetto.cli.options import read_flags, run_options
from geppetto.cli.saying import say_error
from geppetto.cli.scripted import scripted
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("batch", cls=Headed, context_settings={"max_content_width": 100})
@click.argument("file", type=click.Path(path_type=Path))
@run_options
@click.pass_context
def batch_command(here: click.Context, /, file: Path, **flags: object) -> None:
    """
    Ask every question of FILE, one a line or one JSON object a line; `-` is stdin.

    The flags are those of `geppetto` itself.
    """
    above = here.parent.params if here.parent is not None else None
    target, script = read_flags(flags, above)
    try:
        with opened(file) as fd:
            here.exit(scripted(target, script, lambda: questions_of(fd, script.input_format or "auto")))
    except ConfigError as error:
        say_error(error)
        here.exit(error.status)


@contextmanager
def opened(file: Path) -> Iterator[int]:
    """
    Yield a descriptor of *file*, and close it.

    Raises:
        ConfigError: it cannot be opened.
    """
    if file == Path("-"):
        yield 0
        return
    try:
        fd = os.open(file, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}). Name a file with questions.") from error
    try:
        yield fd
    finally:
        os.close(fd)
