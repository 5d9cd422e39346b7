"""
The file of keys: for the user alone, with a key for each server, and the names of those whose key is elsewhere.

A JSON object of `host` or `host:port` to key. `keyring/HOST` says that the key of HOST is in the keyring of the
system, which cannot list what it holds; the value says nothing. No server has a slash in its name, so a Geppetto that
knows of no keyring reads the same file, keeps such an entry, and never sends it. Every call blocks.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.audio.wav import cannot_write
from geppetto.errors import ConfigError
from geppetto.keys import check_key
from geppetto.records.modes import in_place_of, make_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_MAX_FILE_BYTES: Final = 1 << 20
_ELSEWHERE: Final = "keyring/"
_NO_KEY: Final = "-"
"""Of an entry without a key: what the reader takes, and too short for anybody to take it for a secret."""


@attrs.frozen(kw_only=True)
class Content:
    """What the file says."""

    keys: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """By server."""
    in_keyring: frozenset[str] = frozenset()
    """The servers whose key is in the keyring."""

    def with_key(self, server: str, key: str) -> Content:
        """Return it with *key* for *server*."""
        return attrs.evolve(self, keys={**self.keys, server: key})

    def without_key(self, server: str) -> Content:
        """Return it without a key for *server*."""
        return attrs.evolve(self, keys={name: key for name, key in self.keys.items() if name != server})

    def naming(self, server: str) -> Content:
        """Return it with *server* as one whose key is in the keyring."""
        return attrs.evolve(self, in_keyring=self.in_keyring | {server})

    def not_naming(self, server: str) -> Content:
        """Return it without saying that the keyring has a key for *server*."""
        return attrs.evolve(self, in_keyring=self.in_keyring - {server})


@attrs.frozen
class KeyFile:
    """The file, which need not exist."""

    path: Path

    def read(self) -> Content:
        """
        Return what it says.

        Raises:
            ConfigError: it is damaged, not the user's alone, or cannot be read.
        """
        try:
            # Without O_NONBLOCK a pipe in its place would be waited for.
            fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return Content()
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._check_owner(os.fstat(fd))
            with os.fdopen(fd, "rb", closefd=False) as file:
                content = file.read(_MAX_FILE_BYTES + 1)
        except OSError as error:
            raise self._unreadable(error) from error
        finally:
            os.close(fd)
        return self._parse(content)

    def change(self, change: Callable[[Content], Content]) -> None:
        """
        Write what *change* makes of what it says, unless that is the same.

        A reader finds the old file or the new one, never a part, and two writers at once lose nothing.

        Raises:
            ConfigError: it is damaged or not the user's alone; it is left as it is.
            OutputFailed: it cannot be written; what was there is unchanged.
        """
        before = self.read()
        if change(before) == before:  # makes no directory only to leave nothing in it
            return
        with self._locked():
            before = self.read()
            after = change(before)
            if after != before:
                self._write(after)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other writers out; the directory is the lock, since the file itself is replaced."""
        try:
            make_directory(self.path.parent)
            fd = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        except OSError as error:
            raise cannot_write(self.path, error) from error
        finally:
            os.close(fd)

    def _write(self, content: Content) -> None:
        entries = {**content.keys, **{f"{_ELSEWHERE}{server}": _NO_KEY for server in content.in_keyring}}
        with in_place_of(self.path) as file:
            file.write(json.dumps(dict(sorted(entries.items())), indent=2).encode() + b"\n")

    def _check_owner(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            msg = f"{self.path} is not a file. Remove it, and store the keys again with `geppetto keys set`."
            raise ConfigError(msg)
        if status.st_uid != os.geteuid():
            msg = f"{self.path} is another user's, and not used. Name a directory of yours in GEPPETTO_CONFIG_DIR."
            raise ConfigError(msg)
        if status.st_mode & 0o077:
            msg = (
                f"{self.path} can be read or changed by others ({stat.S_IMODE(status.st_mode):04o}), so its keys "
                f"are not used. Run `chmod 600 {self.path}`."
            )
            raise ConfigError(msg)

    def _parse(self, content: bytes) -> Content:
        try:
            if len(content) > _MAX_FILE_BYTES:
                raise ValueError  # one way out for everything that is no file of keys
            value: object = json.loads(content)
            if not isinstance(value, dict):
                raise ValueError
            entries = {str(server): check_key(key) if isinstance(key, str) else "" for server, key in value.items()}
            if not all(entries.values()):
                raise ValueError
        except (ValueError, RecursionError, ConfigError):
            msg = (
                f"{self.path} is damaged: it is no JSON object of servers and keys. Mend it, or remove it and store "
                "the keys again with `geppetto keys set`."
            )
            raise ConfigError(msg) from None  # the cause would show what is in the file
        return Content(
            keys={server: key for server, key in entries.items() if not server.startswith(_ELSEWHERE)},
            in_keyring=frozenset(name.removeprefix(_ELSEWHERE) for name in entries if name.startswith(_ELSEWHERE)),
        )

    def _unreadable(self, error: OSError) -> ConfigError:
        return ConfigError(f"{self.path} cannot be read ({error.strerror}). Check who may read it.")
