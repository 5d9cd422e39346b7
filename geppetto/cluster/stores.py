"""
Where a shard keeps its answers and its manifest, so that another worker can take it up again.

In a shared directory, the manifest of the single-machine code is that already. At a URL nothing can be appended to,
so the files of an answer are put there first, and then the whole manifest, which names them there.
"""

from __future__ import annotations

import importlib
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import msgspec

from geppetto.batch.result import Result
from geppetto.errors import ConfigError, OutputFailed
from geppetto.records.locking import lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.batch.ask import Ask
    from geppetto.cluster.shard import Shard
    from geppetto.config import ClientConfig
    from geppetto.redaction import Redactor

_POLL_S = 0.2


class Store(Protocol):
    """Every call blocks."""

    config: ClientConfig
    """With the directories that the shard writes to."""
    manifest: Path
    """Of the single-machine code."""

    def begin(self, asks: Sequence[Ask]) -> Sequence[Ask]:
        """
        Take up what an earlier worker left; return those of *asks* that the single-machine code is to see.

        Raises:
            ConfigError: the place is not there, or holds another run.
            OutputFailed: it cannot be used.
        """

    def take(self, results: Sequence[Result]) -> Sequence[Result]:
        """
        Return *results*, whose files have their names, as the submitter is to see them.

        Raises:
            OutputFailed: their files cannot be put where they belong.
        """

    def results(self) -> Sequence[Result]:
        """Return the last result of each question, when the manifest is closed."""

    def close(self) -> None:
        """Put the logs where they belong."""


@attrs.define
class SharedDirectory:
    """A directory that the submitter and every worker have under the same path."""

    config: ClientConfig
    manifest: Path
    _patience_s: float

    @classmethod
    def of(cls, shard: Shard, config: ClientConfig) -> SharedDirectory:
        """Return that of *shard*."""
        directory = shards_directory(config.audio_output_dir, shard.orders.run)
        return cls(config, directory / f"{shard.name}.jsonl", 2 * config.shutdown_timeout)

    def begin(self, asks: Sequence[Ask]) -> Sequence[Ask]:
        """See `Store`. Waits a while for an earlier worker that was given up and is still leaving."""
        if not self.manifest.parent.is_dir():
            msg = (
                f"{self.manifest.parent} is not there, so this is no directory that all machines share. Name one "
                "with --audio-output-dir, or a URL with --output."
            )
            raise ConfigError(msg)
        with suppress(FileNotFoundError), self.manifest.open("rb") as file:
            ends_at = time.monotonic() + self._patience_s
            while not lock(file.fileno()) and time.monotonic() < ends_at:
                time.sleep(_POLL_S)
        return asks

    def take(self, results: Sequence[Result]) -> Sequence[Result]:
        """See `Store`."""
        return results

    def results(self) -> Sequence[Result]:
        """See `Store`."""
        return read_results(self.manifest.read_bytes())

    def close(self) -> None:
        """See `Store`."""


@attrs.define(kw_only=True)
class AtURL:
    """A place that fsspec can write to, with a temporary directory of this worker before it."""

    config: ClientConfig
    manifest: Path
    _url: str
    """Of the shard."""
    _fs: Any
    _root: str
    """The shard's URL, as its file system calls it."""
    _redactor: Redactor
    _kept: dict[str, Result] = attrs.field(factory=dict, init=False)
    """By id: what stands in the manifest at the URL."""
    _names: set[str] = attrs.field(factory=set, init=False)
    """Of files that belong to results."""

    @classmethod
    def of(cls, shard: Shard, config: ClientConfig, temporary: Path) -> AtURL:
        """
        Return that of *shard*, with what is written below *temporary*.

        Raises:
            ConfigError: there is no such kind of URL here.
        """
        assert shard.orders.output is not None
        url = f"{shard.orders.output.rstrip('/')}/{shard.orders.run}/{shard.name}"
        try:
            fs, root = importlib.import_module("fsspec").url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"{url} cannot be written to here ({error}). Install what it needs on every worker."
            ) from error
        return cls(
            config=attrs.evolve(config, audio_output_dir=temporary / "audio", log_dir=temporary / "logs"),
            manifest=temporary / "manifest.jsonl",
            url=url,
            fs=fs,
            root=root.rstrip("/"),
            redactor=config.redactor,
        )

    def begin(self, asks: Sequence[Ask]) -> Sequence[Ask]:
        """See `Store`."""
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            content: bytes = self._fs.cat_file(f"{self._root}/manifest.jsonl")
        except FileNotFoundError:
            return asks
        except Exception as error:
            raise self._failed(error) from error
        for result in read_results(content):
            if result.answered:
                self._remember(result)
        for ask in asks:
            known = self._kept.get(ask.id)
            if known is not None and known.question != self._redactor.clean(ask.text):
                msg = f"{self._url} has the answer to another question under the id {ask.id!r}. Begin a new run."
                raise ConfigError(msg)
        return [ask for ask in asks if ask.id not in self._kept]

    def take(self, results: Sequence[Result]) -> Sequence[Result]:
        """See `Store`."""
        try:
            there = []
            for result in results:
                there.append(self._put(result))
                self._remember(there[-1])  # before the next one chooses its name
            lines = "".join(f"{self._redactor.clean(result.line())}\n" for result in self._kept.values())
            self._fs.pipe_file(f"{self._root}/manifest.jsonl", lines.encode())
        except Exception as error:
            raise self._failed(error) from error
        return there

    def results(self) -> Sequence[Result]:
        """See `Store`."""
        return list(self._kept.values())

    def close(self) -> None:
        """See `Store`. Logs are no reason to fail."""
        with suppress(Exception):
            for path in self.config.log_dir.iterdir():
                self._fs.makedirs(f"{self._root}/logs", exist_ok=True)
                self._fs.put_file(str(path), f"{self._root}/logs/{path.name}")

    def _remember(self, result: Result) -> None:
        self._kept[result.id] = result
        for url in (result.audio_file, result.transcript_file):
            if url is not None:
                self._names.add(url.removeprefix(f"{self._url}/"))

    def _put(self, result: Result) -> Result:
        """Put the files of *result* there, and return it with their URLs."""
        paths = [Path(name) for name in (result.audio_file, result.transcript_file) if name is not None]
        if not paths:
            return result
        name = self._free(paths)
        urls = {path: f"{self._url}/{name}{path.suffix}" for path in paths}
        for path in paths:
            target = f"{self._root}/{name}{path.suffix}"
            self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            if path.suffix == ".wav":
                self._fs.put_file(str(path), target)
            else:
                words = path.read_text(encoding="utf-8")
                for local, url in urls.items():
                    words = words.replace(f"Audio File: {local}\n", f"Audio File: {url}\n", 1)
                self._fs.pipe_file(target, words.encode())
        for path in paths:
            path.unlink()
        audio = None if result.audio_file is None else urls[Path(result.audio_file)]
        words_file = None if result.transcript_file is None else urls[Path(result.transcript_file)]
        return msgspec.structs.replace(result, audio_file=audio, transcript_file=words_file)

    def _free(self, paths: Sequence[Path]) -> str:
        """Return a name for these files, without suffix, that no other answer has; an earlier worker had others."""
        stem = paths[0].relative_to(self.config.audio_output_dir).with_suffix("").as_posix()
        name, number = stem, 1
        while any(f"{name}{path.suffix}" in self._names for path in paths):
            number += 1
            name = f"{stem}_{number}"
        return name

    def _failed(self, error: Exception) -> OutputFailed:
        return OutputFailed(f"{self._url} cannot be used ({type(error).__name__}: {error}). Check it and its access.")


def shards_directory(shared: Path, run: str) -> Path:
    """Return where the manifests of a run's shards are; the submitter makes it."""
    return shared / f"{run}.shards"


def read_results(content: bytes) -> list[Result]:
    """
    Return the last result of each id in a manifest.

    Raises:
        ConfigError: it is damaged.
    """
    found: dict[str, Result] = {}
    for line in content.splitlines():
        try:
            result = Result.from_line(line)
        except ValueError as error:
            raise ConfigError(f"The manifest of a shard is damaged: {error}. Begin a new run.") from error
        found[result.id] = result
    return list(found.values())


def check_url(url: str) -> None:
    """
    Check what can be checked of *url* without its server.

    Raises:
        ConfigError: it is none that fsspec knows, or holds a password.
    """
    protocol, separator, rest = url.partition("://")
    fsspec = importlib.import_module("fsspec")
    if not separator or protocol not in fsspec.available_protocols():
        raise ConfigError(
            f"--output is {json.dumps(url)}, but must be a URL that fsspec knows, such as s3://bucket/run."
        )
    if "@" in rest.partition("/")[0]:
        msg = (
            "--output holds a user or a password, which would stand in every result. Let workers have them otherwise."
        )
        raise ConfigError(msg)
