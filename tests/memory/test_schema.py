"""Files of every version can be opened; what is not ours is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from geppetto.memory.schema import APPLICATION_ID, MIGRATIONS, migrate
from geppetto.memory.trouble import MemoryFailed
from geppetto.realtime.history import Said
from tests.memory.remembered import ABOUT, answer, opened

VERSION_1 = Path(__file__).with_name("version_1.sql")


def make(path: Path, script: str) -> None:
    """Make a database of *script*."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Return the rows that *statement* gives."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


def test_a_file_of_version_1_goes_on(tmp_path: Path) -> None:
    """What was kept by the first version is read, searched and added to by this one."""
    path = tmp_path / "c.sqlite3"
    make(path, VERSION_1.read_text(encoding="utf-8"))
    with opened(path) as memory:
        conversation = memory.find("first")
        assert (conversation.id, conversation.about, conversation.usd) == ("7pz5rhgz", ABOUT, 0.0312)
        assert memory.history(conversation.id) == (
            Said("user", "What is 12 times 7?"),
            Said("assistant", "12 times 7 is 84."),
        )
        memory.note(conversation.id, answer("And times 2?", "168."))
        assert [hit.item.text for hit in memory.search("times")] == [
            "And times 2?",
            "12 times 7 is 84.",
            "What is 12 times 7?",
        ]
    assert ask(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_new_file_has_the_tables_of_a_migrated_one(tmp_path: Path) -> None:
    """There is one schema, however a file came to it."""
    make(tmp_path / "old", VERSION_1.read_text(encoding="utf-8"))
    for name in ("old", "new"):
        opened(tmp_path / name).close()
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    assert ask(tmp_path / "old", schema) == ask(tmp_path / "new", schema)
    assert ask(tmp_path / "new", "PRAGMA application_id") == [(APPLICATION_ID,)]


def test_migrations_come_one_after_another(tmp_path: Path) -> None:
    """A file gets those that it has not had, in their order, with its content."""
    path = tmp_path / "c"
    make(path, VERSION_1.read_text(encoding="utf-8"))
    later = (("ALTER TABLE items ADD COLUMN mood TEXT",), ("UPDATE items SET mood = 'calm'",))
    database = SqliteDatabase(str(path))
    for _ in range(2):
        migrate(database, "c", [*MIGRATIONS, *later])
    database.close()
    assert ask(path, "PRAGMA user_version") == [(len(MIGRATIONS) + 2,)]
    assert ask(path, "SELECT DISTINCT mood FROM items") == [("calm",)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """All of the way, or nothing of it."""
    path = tmp_path / "c"
    make(path, VERSION_1.read_text(encoding="utf-8"))
    before = ask(path, "SELECT sql FROM sqlite_master")
    database = SqliteDatabase(str(path))
    broken = (("ALTER TABLE items ADD COLUMN mood TEXT",), ("UPDATE nowhere SET mood = 'calm'",))
    with pytest.raises(Exception, match="no such table"):
        migrate(database, "c", [*MIGRATIONS, *broken])
    database.close()
    assert ask(path, "SELECT sql FROM sqlite_master") == before
    assert ask(path, "PRAGMA user_version") == [(1,)]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(MIGRATIONS) + 1};",
            "A newer Geppetto has written the conversations",
        ),
        ("CREATE TABLE recipes (id); PRAGMA user_version = 1;", "is the database of another program"),
        ("CREATE TABLE recipes (id);", "is the database of another program"),
    ],
)
def test_what_is_not_ours_is_left_alone(tmp_path: Path, script: str, sentence: str) -> None:
    """A file of a newer version or of another program is not touched."""
    path = tmp_path / "c"
    make(path, script)
    before = ask(path, "SELECT sql FROM sqlite_master")
    with pytest.raises(MemoryFailed, match=sentence):
        opened(path)
    assert ask(path, "SELECT sql FROM sqlite_master") == before
    assert ask(path, "PRAGMA journal_mode") == [("delete",)]
    assert [file.name for file in tmp_path.glob("*damaged*")] == []
