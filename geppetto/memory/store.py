"""The conversations of a user, in SQLite. Every call blocks: run it in a thread."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Final

import peewee
from peewee import fn

from geppetto.errors import ConfigError
from geppetto.memory.ids import ID_CHARS, check_name, id_prefix, name_key, new_id
from geppetto.memory.kept import storable
from geppetto.memory.opening import identity, move_damaged, open_database
from geppetto.memory.queries import Tables
from geppetto.memory.restoring import restored
from geppetto.memory.rows import HEARD, answer_row, conversation_of, item_of, item_rows, stamp
from geppetto.memory.search import Index, found_in
from geppetto.memory.sql import run
from geppetto.memory.trouble import Gone, sentences
from geppetto.redaction import Redactor
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from peewee import SqliteDatabase

    from geppetto.answer import Answer
    from geppetto.memory.kept import About, Conversation, Hit, Item
    from geppetto.realtime.history import Said

TIMEOUT_S: Final = 2.0
"""How long a call waits for another process. A write takes milliseconds, so this is a long time."""
PAGE: Final = 20
_KEEPS_ALL: Final = Redactor()


def _now() -> datetime:
    return datetime.now(UTC)


class Memory:
    """
    An open database. Made by `Memory.open`; its calls may come from several threads, and wait for one another.

    Every call but `close` raises `MemoryFailed` when the database cannot be read or written, is broken (`Damaged`),
    or another process holds it for longer than the timeout.
    """

    def __init__(self, path: Path, database: SqliteDatabase, redactor: Redactor, now: Callable[[], datetime]) -> None:
        """Own *database*, whose file is *path*."""
        self.path = path
        self.moved: Path | None = None
        """Where the damaged file is now that was in the way when this was opened."""
        self._database = database
        self._identity = identity(path)
        self._redactor = redactor
        self._now = now
        self._lock = RLock()
        self._tables = Tables(database)
        self._index = Index(database)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        redactor: Redactor = _KEEPS_ALL,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], datetime] = _now,
    ) -> Self:
        """
        Open the database at *path*; make it, for the user alone, when there is none.

        A damaged file is moved aside, and never removed: `moved` is then its new path, which the user is to be told.

        Args:
            path: see `database_path`.
            redactor: what it takes for a key is not written.
            timeout_s: how long each call waits for other processes.
            now: the time, with its zone.

        Raises:
            MemoryFailed: it cannot be opened, or is not ours.
        """
        database, moved = open_database(path, timeout_s)
        memory = cls(path, database, redactor, now)
        memory.moved = moved
        return memory

    def close(self) -> None:
        """Close the database. Does nothing twice."""
        with self._lock, suppress(peewee.PeeweeException):
            self._database.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def move_damaged(self) -> Path | None:
        """
        Close the database, found to be damaged, and move its file aside, unless another process has done so.

        Returns:
            the new path of the file, or None.

        Raises:
            MemoryFailed: it cannot be moved.
        """
        self.close()
        return move_damaged(self.path, self._identity, TIMEOUT_S)

    # --- writing

    def begin(self, about: About) -> str:
        """Begin a conversation and return its ID. It is listed once something was said in it."""
        now = stamp(self._now())
        row = {
            "begun": now,
            "changed": now,
            "model": self._clean(about.model),
            "host": self._clean(about.host),
            "voice": self._clean(about.voice),
            "instructions": self._clean(about.instructions),
        }
        while True:
            conversation_id = new_id()
            try:
                with self._writing():
                    self._tables.conversations.insert(id=conversation_id, **row).execute()
            except peewee.IntegrityError:  # the ID is given
                continue
            return conversation_id

    def note(self, conversation_id: str, answer: Answer) -> int | None:
        """
        Keep *answer* and what it answers: all of it or nothing. Without the keys that the redactor knows.

        Return the number of the question, None if there was none.

        Args:
            conversation_id: of `begin` or `find`.
            answer: an index of 0 means that nothing was asked.

        Raises:
            Gone: the conversation was deleted meanwhile.
        """
        now = self._now()
        question, said = item_rows(conversation_id, answer, now, self._clean)
        with self._writing():
            table = self._tables.conversations
            changed = table.update(changed=stamp(now))
            if not changed.where(table.c.id == conversation_id).execute():
                raise Gone(f"The conversation {conversation_id} was deleted.")
            number = None if question is None else int(self._tables.items.insert(**question).execute())
            item = self._tables.items.insert(**said).execute()
            self._tables.answers.insert(**answer_row(item, answer, self._clean)).execute()
        return number

    def hear(self, number: int, text: str) -> None:
        """Keep *text* as what was said in the spoken question *number*, if that was not deleted meanwhile."""
        words = self._clean(text)
        table = self._tables.items
        with self._writing():
            table.update(text=words, spoken=HEARD).where(table.c.id == number).execute()
            self._index.change(number, words)

    def name(self, conversation_id: str, name: str | None) -> None:
        """
        Give a conversation a name by which `find` finds it, or take it away.

        Raises:
            ConfigError: another one has it, whatever the case of its letters, or it is no name.
            Gone: there is no such conversation.
        """
        kept = None if name is None else check_name(self._clean(name))
        key = None if kept is None else name_key(kept)
        table = self._tables.conversations
        try:
            with self._writing():
                update = table.update(name=kept, name_key=key).where(table.c.id == conversation_id)
                if not update.execute():
                    raise Gone(f"The conversation {conversation_id} was deleted.")
        except peewee.IntegrityError as error:
            msg = f"Another conversation is called “{kept}”. `geppetto history` lists them."
            raise ConfigError(msg) from error

    def delete(self, conversation_ids: Sequence[str]) -> int:
        """
        Delete conversations, also from the bytes of the file; return how many there were.

        The files of their answers stay where they are. While another process reads, the bytes last until it is done.
        """
        table = self._tables.conversations
        with self._writing():
            self._index.forget(conversation_ids)
            n_deleted: int = sum(table.delete().where(table.c.id == one).execute() for one in conversation_ids)
        with self._reading():
            run(self._database, "PRAGMA wal_checkpoint(TRUNCATE)")
        return n_deleted

    # --- reading

    def conversations(self, *, limit: int = PAGE, offset: int = 0) -> list[Conversation]:
        """Return *limit* conversations in which something was said, the last changed first, from *offset* on."""
        query = self._tables.summaries().having(fn.COUNT(self._tables.items.c.id) > 0)
        order = (self._tables.conversations.c.changed.desc(), self._tables.conversations.c.id)
        with self._reading():
            return [conversation_of(row) for row in query.order_by(*order).limit(limit).offset(offset).dicts()]

    def last(self) -> Conversation | None:
        """Return the conversation that was changed last, or None when there is none."""
        return next(iter(self.conversations(limit=1)), None)

    def find(self, id_or_name: str) -> Conversation:
        """
        Return the conversation with this ID, this name, or the only one whose ID begins so.

        Raises:
            ConfigError: there is none, or several.
        """
        prefix = id_prefix(id_or_name)
        table = self._tables.conversations
        exact = [table.c.name_key == name_key(self._clean(id_or_name.strip()))]
        if prefix is not None and len(prefix) == ID_CHARS:
            exact.insert(0, table.c.id == prefix)
        with self._reading():
            for condition in exact:
                for row in self._tables.summaries().where(condition).dicts():
                    return conversation_of(row)
            found = []
            if prefix is not None:
                found = list(self._tables.summaries().where(table.c.id.startswith(prefix)).limit(2).dicts())
        shown = escape_line(id_or_name)
        if len(found) > 1:
            raise ConfigError(f"Several conversations begin with {shown}. Type more of the ID.")
        if not found:
            raise ConfigError(f"No conversation is called {shown}. `geppetto history` lists them.")
        return conversation_of(found[0])

    def items(self, conversation_id: str) -> list[Item]:
        """Return what was said in a conversation, the oldest first."""
        items = self._tables.items.c
        query = self._tables.joined().where(items.conversation == conversation_id).order_by(items.id)
        with self._reading():
            return [item_of(row) for row in query.dicts()]

    def history(self, conversation_id: str) -> Sequence[Said]:
        """Return what `open_chat` takes to go on with a conversation: as a reconnect, what the server took of it."""
        return restored(self.items(conversation_id))

    def search(self, words: str, *, limit: int = PAGE, offset: int = 0) -> list[Hit]:
        """
        Return the items that hold all of *words*, in any order and case, the newest first.

        A word is also found as the beginning of a longer one, and without its accents.

        Raises:
            ConfigError: there is no word in *words*.
        """
        with self._reading():
            numbers = self._index.find(storable(words), limit, offset)
            items, conversations = self._tables.items.c, self._tables.conversations
            found = self._tables.joined(conversations.c.name.alias("conversation_name"))
            found = found.join(conversations, on=(items.conversation == conversations.c.id))
            rows = found.where(items.id.in_(numbers)).order_by(items.id.desc()).dicts()
            return [found_in(row["conversation"], row["conversation_name"], item_of(row), words) for row in rows]

    # --- below

    def _clean(self, text: str) -> str:
        return storable(self._redactor.clean(text))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, sentences(self.path):
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of the block is written, or nothing. What breaks a rule of the tables is the caller's to tell."""
        with self._lock:
            broken: peewee.IntegrityError | None = None
            with sentences(self.path):
                try:
                    with self._database.atomic("IMMEDIATE"):
                        yield
                except peewee.IntegrityError as error:
                    broken = error
            if broken is not None:
                raise broken
