"""One SQL statement, for what the query builder has no words for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peewee import SqliteDatabase


def run(database: SqliteDatabase, statement: str, values: Sequence[str | int] = ()) -> list[tuple[Any, ...]]:
    """
    Run *statement*, with *values* for its question marks, and return its rows.

    Raises:
        peewee.DatabaseError: as the database said.
    """
    cursor = database.execute_sql(statement, values)  # type: ignore[no-untyped-call] # not in peewee's stubs, 4.5.3
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def number(database: SqliteDatabase, statement: str) -> int:
    """Return the only number that *statement* gives."""
    return int(run(database, statement)[0][0])
