"""
The name of a run on a cluster, beside its manifest.

Workers keep what they have done under a name that no other run has, so that a new run under an old manifest's name
does not take an old run's answers for its own. A resumed run needs that name again, and the same shards.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.audio.wav import cannot_write
from geppetto.errors import ConfigError
from geppetto.records.modes import in_place_of

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.records.modes import FileModes

_SCHEMA: Final = 1


@attrs.frozen(kw_only=True)
class RunFile:
    """What a resumed run must have in common with the one before."""

    run: str
    shard_size: int
    place: str
    """The directory or the URL that the run keeps its shards at."""

    @staticmethod
    def beside(manifest: Path) -> Path:
        """Return where it is: `run.jsonl.cluster` for `run.jsonl`."""
        return manifest.with_name(f"{manifest.name}.cluster")

    @classmethod
    def settle(
        cls,
        manifest: Path | None,
        *,
        resume: bool,
        shard_size: int | None,
        default_size: int,
        place: str,
        modes: FileModes,
    ) -> RunFile:
        """
        Return the run that *manifest* belongs to: the one before when it is resumed, else a new one. Blocks.

        Raises:
            ConfigError: a resumed run has other shards, or another place.
            OutputFailed: it cannot be written.
        """
        if manifest is not None and resume and (before := cls._read(cls.beside(manifest))) is not None:
            if shard_size is not None and shard_size != before.shard_size:
                msg = (
                    f"{manifest} belongs to a run with --shard-size {before.shard_size}. Leave the size as it is, so "
                    "that workers find what they have done."
                )
                raise ConfigError(msg)
            if place != before.place:
                raise ConfigError(f"{manifest} belongs to a run that keeps its files at {before.place}. Name that.")
            return before
        stem = "run" if manifest is None else manifest.stem
        new = cls(run=f"{stem}-{secrets.token_hex(4)}", shard_size=shard_size or default_size, place=place)
        if manifest is not None:
            new._write(cls.beside(manifest), modes)
        return new

    @classmethod
    def _read(cls, path: Path) -> RunFile | None:
        try:
            value: object = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None  # the run began on one machine
        except (OSError, ValueError) as error:
            raise _damaged(path) from error
        match value:
            case {"schema": 1, "run": str(run), "shard_size": int(size), "place": str(place)}:
                return cls(run=run, shard_size=size, place=place)
        raise _damaged(path)

    def _write(self, path: Path, modes: FileModes) -> None:
        content = json.dumps({"schema": _SCHEMA, **attrs.asdict(self)}).encode() + b"\n"
        try:
            with in_place_of(path, modes.file) as file:
                file.write(content)
        except OSError as error:
            raise cannot_write(path, error) from error


def _damaged(path: Path) -> ConfigError:
    return ConfigError(f"{path} cannot be read, so what workers have done cannot be found. Begin a new run.")
