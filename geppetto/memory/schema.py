"""The tables, and how a database of an earlier version becomes one of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geppetto.memory.sql import number, run
from geppetto.memory.trouble import MemoryFailed
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peewee import SqliteDatabase

APPLICATION_ID: Final = 0x47505054
"""`GPPT` in the header of the file: it is ours. Source: sqlite.org/pragma.html#pragma_application_id."""

_APPLICATION: Final = "PRAGMA application_id"

Migration = tuple[str, ...]
"""SQL statements, in their order."""

_VERSION_1: Final[Migration] = (
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT,
        name_key TEXT UNIQUE,
        begun TEXT NOT NULL,
        changed TEXT NOT NULL,
        model TEXT NOT NULL,
        host TEXT NOT NULL,
        voice TEXT NOT NULL,
        instructions TEXT NOT NULL
    )
    """,
    "CREATE INDEX conversations_by_change ON conversations (changed)",
    # AUTOINCREMENT: the number of a deleted item must not be given again, for the index of the search may know it.
    """
    CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        text TEXT NOT NULL,
        at TEXT NOT NULL,
        spoken INTEGER NOT NULL,
        independent INTEGER NOT NULL
    )
    """,
    "CREATE INDEX items_by_conversation ON items (conversation, id)",
    """
    CREATE TABLE answers (
        item INTEGER PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        audio_file,
        transcript_file,
        audio_ms INTEGER NOT NULL,
        first_text_ms REAL,
        first_audio_ms REAL,
        done_ms REAL,
        usage TEXT NOT NULL,
        cost TEXT,
        usd REAL,
        response_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        attempts INTEGER NOT NULL
    )
    """,
)

MIGRATIONS: Final[Sequence[Migration]] = (_VERSION_1,)
"""
The first makes version 1 of nothing, the next version 2 of it, and so on. What has been released is never changed:
people have such files. `tests/memory/version_1.sql` is one.
"""


def migrate(database: SqliteDatabase, name: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """
    Bring *database*, whose file is *name*, to the version that *migrations* end in: all the way, or not at all.

    Raises:
        MemoryFailed: a newer Geppetto made the file, or another program. It stays as it is.
        peewee.DatabaseError: the file could not be read or written.
    """
    if _version(database) == len(migrations) and number(database, _APPLICATION) == APPLICATION_ID:
        return
    with database.atomic("IMMEDIATE"):
        version = _version(database)  # another process may have been here
        _check(database, version, len(migrations), escape_line(name))
        for migration in migrations[version:]:
            for statement in migration:
                run(database, statement)
        run(database, f"PRAGMA application_id = {APPLICATION_ID}")
        run(database, f"PRAGMA user_version = {len(migrations)}")


def _check(database: SqliteDatabase, version: int, newest: int, name: str) -> None:
    application = number(database, _APPLICATION)
    tables = number(database, "SELECT count(*) FROM sqlite_master")
    if application != APPLICATION_ID and (version or tables):
        msg = f"{name} is the database of another program. Move it away, or let GEPPETTO_DATA_DIR name a directory."
        raise MemoryFailed(msg)
    if version > newest:
        msg = (
            f"A newer Geppetto has written the conversations in {name} (version {version}, this one knows {newest}). "
            "Update Geppetto, or let GEPPETTO_DATA_DIR name another directory."
        )
        raise MemoryFailed(msg)


def _version(database: SqliteDatabase) -> int:
    return number(database, "PRAGMA user_version")
