"""Who may read the files of a session, and files and directories made with just those permissions."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from geppetto.audio.wav import cannot_write
from geppetto.errors import OutputFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


class FileModes(msgspec.Struct, frozen=True, kw_only=True):
    """The permissions of new files and directories. The umask takes from them, and nothing ever adds to them."""

    file: int = 0o600
    directory: int = 0o700

    @classmethod
    def shared(cls) -> Self:
        """Return what other programs use: everything that the umask leaves."""
        return cls(file=0o666, directory=0o777)


PRIVATE: Final = FileModes()
"""For the user alone."""


def make_directory(directory: Path, mode: int = PRIVATE.directory) -> None:
    """
    Make *directory* and what is missing above it, with *mode* less the umask; what exists stays as it is.

    Not `Path.mkdir(parents=True)`, which gives *mode* to the last one alone and leaves the others open to all.

    Raises:
        FileExistsError: there is something else at *directory*.
        OSError: it cannot be made.
    """
    if directory.is_dir():
        return
    missing = []
    path = directory
    while not path.exists():
        missing.append(path)
        if path.parent == path:
            break
        path = path.parent
    for path in reversed(missing):
        path.mkdir(mode, exist_ok=True)
    if not directory.is_dir():
        directory.mkdir(mode)  # raises what is wrong


def check_writable(directory: Path) -> None:
    """
    Find out early whether files can be made in *directory*, which need not exist. Blocks, and makes nothing.

    Raises:
        OutputFailed: it is no directory, or may not be written.
    """
    existing = directory.absolute()
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise OutputFailed(f"{existing} is not a directory. Choose another one.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise cannot_write(directory, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def create_temporary(path: Path, mode: int = PRIVATE.file) -> tuple[int, Path]:
    """
    Create an empty file of a new name beside *path*, with *mode* less the umask; return its descriptor and its path.

    Not `tempfile.mkstemp`, whose files are 0o600 whatever the user wants; a later `chmod` would not know the umask.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), temporary
        except FileExistsError:
            continue


@contextmanager
def in_place_of(path: Path, mode: int = PRIVATE.file) -> Iterator[IO[bytes]]:
    """
    Yield a file that is put in place of *path* when the block has ended, and is on the disk by then. Blocks.

    A reader finds the old file or the new one, never a part. A symbolic link stays one; a device or a pipe is written
    to, not replaced.

    Closes: the file. When the block raises, what was at *path* is unchanged and nothing is left behind.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():  # /dev/null, /dev/stdout
        with path.open("wb") as device:
            yield device
        return
    target = Path(os.path.realpath(path))
    fd, temporary = create_temporary(target, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(fd)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
