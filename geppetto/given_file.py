"""A file that the user named, to be sent to the server."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

MESSAGE_BYTES: Final = 15 * 1024 * 1024
"""The most that one message takes. Source: `input_audio_buffer.append` in the Realtime API reference, 2026-11, which
leaves open whether base64 counts, and says nothing of other messages; so it is taken with base64, and for all."""


@contextmanager
def open_given(path: Path) -> Iterator[tuple[FileIO, int]]:
    """
    Open *path* for reading, without a buffer, and give its size in bytes with it. Blocks; no pipe is waited for.

    Closes: the file, at the end of the block.

    Raises:
        ConfigError: there is no such file, it may not be read, is no regular file or empty; or, out of the block, a
            read failed.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError as error:  # a NUL, or half of a surrogate pair
        raise ConfigError(f"{path} is no path. Check it.") from error
    except PermissionError as error:
        raise _unreadable(path, error, "Check who may read it.") from error
    except OSError as error:  # also a socket, which cannot be opened
        raise _unreadable(path, error, "Check the path.") from error
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise ConfigError(f"{path} is a directory. Name a file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is not a regular file. Copy what it gives into one, and name that.")
        if not status.st_size:
            raise ConfigError(f"{path} is empty. Name another file.")
        with os.fdopen(fd, "rb", buffering=0, closefd=False) as file:
            yield file, status.st_size
    except OSError as error:
        raise _unreadable(path, error, "Check the disk.") from error
    finally:
        os.close(fd)


def read_exactly(file: FileIO, n_bytes: int) -> bytes:
    """Read *n_bytes* from where *file* is, or fewer if it ends before. One read may bring less than is there."""
    found = file.read(n_bytes) or b""
    while len(found) < n_bytes and (more := file.read(n_bytes - len(found))):
        found += more
    return found


def _unreadable(path: Path, error: OSError, step: str) -> ConfigError:
    reason = (error.strerror or type(error).__name__).lower()
    return ConfigError(f"{path} cannot be read ({reason}). {step}")
