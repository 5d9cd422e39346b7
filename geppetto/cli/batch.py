"""`geppetto batch`: the questions of a file."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geppetto.batch.source import questions_of
from geppetto.cli.flags import read_flags
from geppetto.cli.headings import Headed
from geppetto.cli.options import run_options
from geppetto.cli.saying import say_error
from geppetto.cli.scripted import scripted
from geppetto.cluster.shard import DEFAULT_SHARD_SIZE, MAX_SHARD_SIZE
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator

    from geppetto.batch.ask import Ask, BadLine


@click.command("batch", cls=Headed, context_settings={"max_content_width": 100})
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--cluster",
    metavar="ADDRESS",
    default=None,
    help="Let the workers of this dask scheduler ask, such as tcp://HOST:8786.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(1, MAX_SHARD_SIZE),
    metavar="N",
    default=None,
    help=f"Questions that a worker of --cluster gets at a time.  [default: {DEFAULT_SHARD_SIZE}]",
)
@click.option(
    "--output",
    metavar="URL",
    default=None,
    help="Where workers of --cluster put files, such as s3://BUCKET/DIR.  [default: the shared --audio-output-dir]",
)
@run_options
@click.pass_context
def batch_command(
    here: click.Context,
    /,
    file: Path,
    cluster: str | None,
    shard_size: int | None,
    output: str | None,
    **flags: object,
) -> None:
    """
    Ask every question of FILE, one a line or one JSON object a line; `-` is stdin.

    The other flags are those of `geppetto` itself.
    """
    if cluster is None and (shard_size is not None or output is not None):
        name = "--shard-size" if shard_size is not None else "--output"
        msg = f"{name} is for workers of a cluster. Name one with --cluster, or leave it out."
        raise click.UsageError(msg)
    above = here.parent.params if here.parent is not None else None
    target, script = read_flags(flags, above)
    try:
        with opened(file) as fd:

            def source() -> AsyncIterable[Ask | BadLine]:
                return questions_of(fd, script.input_format or "auto")

            if cluster is None:
                here.exit(scripted(target, script, source))
            from geppetto.cli.cluster import ClusterFlags, on_cluster

            wanted = ClusterFlags(address=cluster, shard_size=shard_size, output=output)
            here.exit(on_cluster(target, script, source, wanted))
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
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise ConfigError(f"{file} is a directory. Name a file with questions.")
        yield fd
    finally:
        os.close(fd)
