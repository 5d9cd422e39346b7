"""The file of the database: made for the user alone, opened by one process at a time, moved aside when broken."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from peewee import SqliteDatabase

from geppetto.clock import local_now
from geppetto.memory.schema import migrate
from geppetto.memory.sql import run
from geppetto.memory.trouble import Damaged, sentences
from geppetto.records.locking import lock
from geppetto.records.modes import PRIVATE, make_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

_BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite calls its files. Source: sqlite.org/tempfiles.html."""
_LOCK_POLL_S: Final = 0.01


def open_database(path: Path, timeout_s: float) -> tuple[SqliteDatabase, Path | None]:
    """
    Open the database at *path*, which is made when there is none, and bring it to the present version.

    Two processes never do this at once: SQLite answers "locked" without waiting while another connection turns
    the write-ahead log on, or closes as the last one. The lock is one of the directory.

    Args:
        path: of the database.
        timeout_s: how long to wait for other processes, here and with each call.

    Returns:
        the connection, which one thread at a time may use; and the new path of a damaged file that was in the way.

    Raises:
        MemoryFailed: the file cannot be opened. A damaged one is no reason.
    """
    aside = None
    with sentences(path):
        make_directory(path.parent)
        with _alone(path.parent, timeout_s):
            try:
                return _connect(path, timeout_s), None
            except Damaged:
                aside = _move_aside(path)
                return _connect(path, timeout_s), aside


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at *path* from another one that takes its name; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def move_damaged(path: Path, known: tuple[int, int] | None, timeout_s: float) -> Path | None:
    """
    Move the damaged file at *path* aside, unless another process was faster: *known* is the file's `identity`.

    Returns:
        its new path, or None.

    Raises:
        MemoryFailed: it cannot be moved.
    """
    with sentences(path), _alone(path.parent, timeout_s):
        return _move_aside(path) if identity(path) == known else None


def _connect(path: Path, timeout_s: float) -> SqliteDatabase:
    _make_file(path)
    database = SqliteDatabase(
        str(path),
        # Deleted conversations are overwritten, and each answer survives a crash of the program; one that came
        # within the last moments before a power cut may be missing, but the file stays whole.
        pragmas=[("synchronous", "normal"), ("foreign_keys", 1), ("secure_delete", 1)],
        timeout=timeout_s,
        thread_safe=False,  # one connection for all threads, and a lock around it: see Memory
        check_same_thread=False,
        autoconnect=False,
    )
    try:
        with sentences(path):
            database.connect()
            migrate(database, str(path))
            # Not before: it would change a file that is not ours. A network file system may not have it, and does
            # without: then readers wait for writers.
            run(database, "PRAGMA journal_mode = wal")
    except BaseException:
        database.close()
        raise
    return database


def _make_file(path: Path) -> None:
    """Make an empty file for the user alone: SQLite itself would leave it to the umask."""
    try:
        # Never open a file that is there: closing it would drop the locks of this process's other connections.
        # Source: sqlite.org/howtocorrupt.html, 2.2.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE.file))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            with suppress(OSError):  # somebody else's: then it is their choice
                path.chmod(PRIVATE.file)


def _move_aside(path: Path) -> Path:
    """Give the files of a damaged database a name of their own, and return it. Nothing is overwritten."""
    now = local_now()
    n = 1
    while True:
        suffix = f"_{n}" if n > 1 else ""
        aside = path.with_name(f"{path.stem}.damaged-{now:%Y%m%d_%H%M%S}{suffix}{path.suffix}")
        if not any(os.path.lexists(f"{aside}{end}") for end in _BESIDE):
            break
        n += 1
    for end in _BESIDE[1:]:  # the database last: until then, whoever is killed here is where it began
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{aside}{end}")
    path.rename(aside)
    return aside


@contextmanager
def _alone(directory: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock of *directory*; after *timeout_s*, or without locks in this file system, go on without it."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        deadline = time.monotonic() + timeout_s
        with suppress(OSError):
            while not lock(fd) and time.monotonic() < deadline:
                time.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(fd)
