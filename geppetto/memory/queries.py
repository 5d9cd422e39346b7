"""The tables of one database, and what is asked of them more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peewee import JOIN, Table, fn

from geppetto.memory.rows import ANSWERS, CONVERSATIONS, ITEMS

if TYPE_CHECKING:
    from peewee import Alias, Select, SqliteDatabase

_TITLE_CHARS: Final = 200


class Tables:
    """The tables, bound to one database; columns are `.c.NAME`."""

    def __init__(self, database: SqliteDatabase) -> None:
        """Bind them."""
        self.conversations = Table("conversations", primary_key="id", _database=database)
        self.items = Table("items", primary_key="id", _database=database)
        self.answers = Table("answers", primary_key="item", _database=database)

    def summaries(self) -> Select:
        """Return the query for all conversations, each with its title and sums: see `conversation_of`."""
        conversations, items, answers = self.conversations.c, self.items.c, self.answers.c
        questions = Table("items", alias="questions")
        title = (
            questions.select(fn.SUBSTR(questions.c.text, 1, _TITLE_CHARS))
            .where((questions.c.conversation == conversations.id) & (questions.c.role == "user"))
            .order_by(questions.c.id)
            .limit(1)
        )
        return (
            self.conversations.select(
                *(getattr(conversations, column) for column in CONVERSATIONS),
                title.alias("title"),
                fn.COUNT(answers.item).alias("n_answers"),
                fn.SUM(answers.audio_ms).alias("audio_ms"),
                fn.SUM(answers.usd).alias("usd"),
                fn.COUNT(answers.usd).alias("n_priced"),
            )
            .join(self.items, JOIN.LEFT_OUTER, on=(items.conversation == conversations.id))
            .join(self.answers, JOIN.LEFT_OUTER, on=(answers.item == items.id))
            .group_by(conversations.id)
        )

    def joined(self, *more: Alias) -> Select:
        """Return the query for all items, each with what is known of it as an answer: see `item_of`."""
        columns = [getattr(self.items.c, column) for column in ITEMS]
        columns += [getattr(self.answers.c, column) for column in ANSWERS]
        selected = self.items.select(*columns, *more)
        return selected.join(self.answers, JOIN.LEFT_OUTER, on=(self.answers.c.item == self.items.c.id))
