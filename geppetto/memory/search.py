"""
Finding words in everything that was said.

The index (FTS5) is built by the first search and brought up to date by each one, so that keeping an answer costs
nothing more, and a Python whose SQLite has no FTS5 can use the same file. It knows words and how they begin. For what
it does not know as words (Chinese, Japanese and Thai have no spaces; signs, emoji), and without FTS5, every text is
read: some milliseconds for a thousand.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from geppetto.errors import ConfigError
from geppetto.memory.kept import Hit
from geppetto.memory.sql import number, run
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peewee import SqliteDatabase

    from geppetto.memory.kept import Item

_BEFORE_CHARS: Final = 30
_EXCERPT_CHARS: Final = 120
_NO_SPACES: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, and what is Chinese or Japanese."""


_NOT_INDEXED: Final = "FROM items WHERE id > coalesce((SELECT rowid FROM words ORDER BY rowid DESC LIMIT 1), 0)"
"""Not `max(rowid)`: the index reads all of itself for that."""


class Index:
    """Belongs to one database. Its calls are in the caller's lock, and raise what peewee raises."""

    def __init__(self, database: SqliteDatabase) -> None:
        """Search *database*."""
        self._database = database
        self._has_fts5: bool | None = None
        database.register_function(_holds, "geppetto_holds", 2, deterministic=True)

    def find(self, words: str, limit: int, offset: int) -> list[int]:
        """
        Return the numbers of the items that hold all of *words*, the newest first.

        Raises:
            ConfigError: there are none.
        """
        wanted = words.split()
        if not wanted:
            raise ConfigError("There is nothing to search for. Name a word.")
        if all(map(_is_word, wanted)) and self.available:
            self._catch_up()
            query = " ".join(f'"{word.replace(chr(34), chr(34) * 2)}"*' for word in wanted)
            found = run(
                self._database,
                # CROSS: the index first, and then the items, not the other way round, which takes seconds.
                "SELECT words.rowid FROM words CROSS JOIN items ON items.id = words.rowid WHERE words MATCH ? "
                "ORDER BY words.rowid DESC LIMIT ? OFFSET ?",
                (query, limit, offset),
            )
        else:
            found = run(
                self._database,
                "SELECT id FROM items WHERE geppetto_holds(text, ?) ORDER BY id DESC LIMIT ? OFFSET ?",
                (" ".join(wanted), limit, offset),
            )
        return [row[0] for row in found]

    def forget(self, conversation_ids: Sequence[str]) -> None:
        """Take what was said in conversations out of the index, so that nothing of it stays in the file."""
        if not self._exists() or not self.available:
            return
        for conversation_id in conversation_ids:
            run(
                self._database,
                "DELETE FROM words WHERE rowid IN (SELECT id FROM items WHERE conversation = ?)",
                (conversation_id,),
            )
        # The index only marks what is deleted; this writes it anew. Source: sqlite.org/fts5.html, 6.8.
        run(self._database, "INSERT INTO words (words) VALUES ('optimize')")

    def change(self, item: int, text: str) -> None:
        """Let *item* be found by *text*, if it can be found already."""
        if self._exists() and self.available:
            run(self._database, "UPDATE words SET text = ? WHERE rowid = ?", (text, item))

    @property
    def available(self) -> bool:
        """Whether this SQLite has FTS5."""
        if self._has_fts5 is None:
            statement = "SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'"
            self._has_fts5 = bool(number(self._database, statement))
        return self._has_fts5

    def _exists(self) -> bool:
        statement = "SELECT count(*) FROM sqlite_master WHERE name = 'words'"
        return bool(number(self._database, statement))

    def _catch_up(self) -> None:
        """Bring the index up to date."""
        if self._exists() and number(self._database, f"SELECT count(*) {_NOT_INDEXED}") == 0:
            return
        with self._database.atomic("IMMEDIATE"):
            if not self._exists():
                run(
                    self._database,
                    "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')",
                )
            run(self._database, f"INSERT INTO words (rowid, text) SELECT id, text {_NOT_INDEXED}")


def found_in(conversation_id: str, name: str | None, item: Item, words: str) -> Hit:
    """Return *item* as what was found by *words*."""
    return Hit(conversation_id=conversation_id, name=name, item=item, excerpt=excerpt(item.text, words.split()))


def excerpt(text: str, words: Sequence[str]) -> str:
    """Return one line of *text* around the first place where one of *words* is; its beginning, where none is."""
    line = " ".join(text.split())
    folded = [_fold(char) for char in line]
    whole = "".join(folded)
    places = [place for place in (whole.find(_fold(word)) for word in words) if place >= 0]
    at, passed = 0, 0
    while places and passed < min(places):
        passed += len(folded[at])
        at += 1
    begin = max(0, at - _BEFORE_CHARS)
    end = begin + _EXCERPT_CHARS
    return ("… " if begin else "") + escape_line(line[begin:end]) + (" …" if end < len(line) else "")


def _is_word(word: str) -> bool:
    """Whether the index would find *word*: it has letters or digits, and the scripts have spaces."""
    return any(map(str.isalnum, word)) and not _NO_SPACES.search(word) and "\0" not in word


def _holds(text: str, words: str) -> bool:
    """Return whether *text* holds each of *words*."""
    folded = _fold(text)
    return all(_fold(word) in folded for word in words.split())


def _fold(text: str) -> str:
    """Return *text* without what people do not type when they search: case, accents, widths."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
