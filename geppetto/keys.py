"""
The stored keys: one file for the user alone, with a key for each server.

A JSON object of `host` or `host:port` to key, in `config_directory`. Every call blocks. No sentence of an error ever
holds a key.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from geppetto.audio.wav import cannot_write
from geppetto.errors import ConfigError
from geppetto.records.modes import in_place_of, make_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_NAME: Final = "keys.json"
_MAX_FILE_BYTES: Final = 1 << 20
_MAX_KEY_CHARS: Final = 8192
"""As much as servers take in one header line."""
_MASKED_FROM_CHARS: Final = 21
_TLS_PORT: Final = 443
_HOST: Final = re.compile(r"\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?")
_KEY_LIKE: Final = re.compile(r"sk-.*|[0-9a-fA-F]{32,}|(?=.*[A-Z])(?=.*[0-9])[^.:]{20,}")
"""What nobody calls a host, but providers call a key."""


def check_key(key: str) -> str:
    """
    Return *key*.

    Raises:
        ConfigError: no header could carry it; the sentence does not show it.
    """
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        msg = "The key is empty or holds spaces, line breaks or characters beyond ASCII. Copy it again."
        raise ConfigError(msg)
    if len(key) > _MAX_KEY_CHARS:
        msg = f"The key has more than {_MAX_KEY_CHARS} characters, which no server takes. Copy it again."
        raise ConfigError(msg)
    return key


def masked(key: str) -> str:
    """Return *key* for a list: `sk-…abcd`, and `****` for one of up to 20 characters, of which that would be much."""
    return f"{key[:3]}…{key[-4:]}" if len(key) >= _MASKED_FROM_CHARS else "****"


def server_of(url: str) -> str:
    """Return the `host` or `host:port` of *url* under which its key is stored; 443 is not named."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _TLS_PORT} else f"{host}:{parts.port}"


def travels_openly(url: str) -> bool:
    """Return whether what is sent to *url* leaves this machine unencrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "wss" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may be resolved to anything
        return True


def parse_server(text: str) -> str:
    """
    Return `host` or `host:port` as `server_of` has it.

    Args:
        text: `host`, `host:port`, or a `ws://` or `wss://` URL.

    Raises:
        ConfigError: it is none of them. It is not shown: it may be a key that was given as the argument.
    """
    url = text if text.lower().startswith(("ws://", "wss://")) else f"wss://{text}"
    try:
        parts = urlsplit(url)
        server = server_of(url)
        host = server if parts.port in {None, _TLS_PORT} else server.rpartition(":")[0]
        # urlsplit() drops line breaks in silence
        plain = text.isprintable() and (url is text or not (parts.path or parts.query or parts.fragment))
        good = plain and parts.username is None and _HOST.fullmatch(host) and not _KEY_LIKE.fullmatch(text)
    except ValueError:
        good = None
    if not good:
        msg = (
            "The argument is not a host. It should look like api.openai.com or 127.0.0.1:8765. A key is never an "
            "argument: it is asked for, or read from stdin."
        )
        raise ConfigError(msg)
    return server


def config_directory(environ: Mapping[str, str]) -> Path:
    """
    Return where the user's settings and keys are: one place, so that one variable moves both.

    `$GEPPETTO_CONFIG_DIR`, else `$XDG_CONFIG_HOME/geppetto`, else `~/.config/geppetto`.
    """
    own = environ.get("GEPPETTO_CONFIG_DIR")
    if own:
        return Path(own).expanduser()
    xdg = environ.get("XDG_CONFIG_HOME", "")
    # A relative path is to be ignored. Source: XDG Base Directory Specification 0.8.
    home = Path(xdg) if Path(xdg).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".config"
    return home / "geppetto"


@attrs.frozen
class KeyStore:
    """The file of stored keys, which need not exist."""

    path: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> KeyStore:
        """Return the store that *environ* points to."""
        return cls(config_directory(environ) / FILE_NAME)

    def find(self, server: str) -> str | None:
        """
        Return the key for exactly *server* (see `server_of`), or None.

        Raises:
            ConfigError: the file is damaged, or not the user's alone.
        """
        return self.load().get(server)

    def load(self) -> dict[str, str]:
        """
        Return every key by its server.

        Raises:
            ConfigError: the file is damaged, not the user's alone, or cannot be read.
        """
        try:
            # Without O_NONBLOCK a pipe in its place would be waited for.
            fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return {}
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

    def set(self, server: str, key: str) -> None:
        """
        Store *key* for *server*, in place of an older one.

        A reader finds the old file or the new one, never a part, and two writers at once lose nothing.

        Raises:
            ConfigError: *key* is none, or the file is damaged or not the user's alone; it is left as it is.
            OutputFailed: it cannot be written; what was there is unchanged.
        """
        check_key(key)
        with self._locked():
            self._write({**self.load(), server: key})

    def delete(self, server: str) -> bool:
        """
        Forget the key for *server*, and return whether there was one.

        Raises:
            ConfigError: the file is damaged or not the user's alone; it is left as it is.
            OutputFailed: it cannot be written; what was there is unchanged.
        """
        if server not in self.load():  # makes no directory only to find nothing in it
            return False
        with self._locked():
            keys = self.load()
            if keys.pop(server, None) is None:
                return False
            self._write(keys)
        return True

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

    def _write(self, keys: Mapping[str, str]) -> None:
        with in_place_of(self.path) as file:
            file.write(json.dumps(dict(sorted(keys.items())), indent=2).encode() + b"\n")

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

    def _parse(self, content: bytes) -> dict[str, str]:
        try:
            if len(content) > _MAX_FILE_BYTES:
                raise ValueError  # one way out for everything that is no file of keys
            value: object = json.loads(content)
            if not isinstance(value, dict):
                raise ValueError
            keys = {str(server): check_key(key) if isinstance(key, str) else "" for server, key in value.items()}
            if not all(keys.values()):
                raise ValueError
        except (ValueError, RecursionError, ConfigError):
            msg = (
                f"{self.path} is damaged: it is no JSON object of servers and keys. Mend it, or remove it and store "
                "the keys again with `geppetto keys set`."
            )
            raise ConfigError(msg) from None  # the cause would show what is in the file
        return keys

    def _unreadable(self, error: OSError) -> ConfigError:
        return ConfigError(f"{self.path} cannot be read ({error.strerror}). Check who may read it.")
