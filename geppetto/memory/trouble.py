"""What can go wrong with the database, as sentences. None of it is a reason to end a chat."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import peewee

from geppetto.errors import OutputFailed
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MemoryFailed(OutputFailed):
    """The kept conversations cannot be read or written."""


class Damaged(MemoryFailed):
    """The file is not a database, or no longer one."""


class Gone(MemoryFailed):
    """The conversation is not there any more: it was deleted meanwhile."""


_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WHY: Final = {
    sqlite3.SQLITE_BUSY: "another program is using it. Try again when that is done",
    sqlite3.SQLITE_LOCKED: "another program is using it. Try again when that is done",
    sqlite3.SQLITE_FULL: "the disk is full. Free some space",
    sqlite3.SQLITE_READONLY: "it may not be written. Check its permissions",
    sqlite3.SQLITE_PERM: "it may not be read. Check its permissions",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Check the permissions of its directory",
}


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """
    Turn what the libraries raise in this block into a sentence about *path*.

    Raises:
        Damaged: the file is broken.
        MemoryFailed: anything else that the disk, the system or the database refused.
    """
    try:
        yield
    except (peewee.PeeweeException, sqlite3.Error, OSError) as error:
        raise trouble(path, error) from error


def trouble(path: Path, error: Exception) -> MemoryFailed:
    """Return *error* as a sentence about *path*."""
    name = escape_line(str(path))
    code = _code(error)
    if code in _DAMAGED:
        return Damaged(f"The kept conversations in {name} are damaged.")
    if isinstance(error, OSError):
        why = f"{error.strerror or type(error).__name__}. Check the directory"
    else:
        why = _WHY.get(code, f"{error.args[0] if error.args else error}. Check the disk")
    return MemoryFailed(f"The conversations in {name} cannot be used: {escape_line(why)}.")


def _code(error: Exception) -> int:
    """Return the primary result code of SQLite, or -1; peewee has the driver's own exception in `orig`."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    # The upper bits say more than people want to know. Source: sqlite.org/rescode.html.
    return code & 0xFF if isinstance(code, int) else -1
