"""Somebody who asks, and who may be impatient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.errors import GeppettoError

if TYPE_CHECKING:
    from random import Random

    from geppetto.answer import Answer
    from geppetto.chat import Chat


@attrs.define(kw_only=True)
class Asked:
    """One question, and what became of it."""

    question: str
    answer: Answer | None = None
    error: GeppettoError | None = None
    taken_back: bool = False
    """The user did not wait for the end of it."""


@attrs.define(kw_only=True)
class User:
    """Asks `n_questions` questions in some way."""

    rng: Random
    n_questions: int
    asked: list[Asked] = attrs.field(factory=list)

    @property
    def answers(self) -> list[Answer]:
        """All answers that came."""
        return [one.answer for one in self.asked if one.answer is not None]

    async def talk(self, chat: Chat) -> None:
        """Ask everything, one by one or all at once, and leave at some time."""
        at_once = self.rng.random() < 0.4
        leave_s = self.rng.uniform(0, 0.5) if self.rng.random() < 0.2 else float("inf")
        with trio.move_on_after(leave_s) as until_leaving:
            async with trio.open_nursery() as nursery:
                for number in range(self.n_questions):
                    asked = Asked(question=f"q{number}?")
                    if at_once:
                        nursery.start_soon(self._ask, chat, asked)
                    else:
                        await self._ask(chat, asked)
        if until_leaving.cancelled_caught:
            for asked in self.asked:
                asked.taken_back |= asked.answer is None and asked.error is None

    async def _ask(self, chat: Chat, asked: Asked) -> None:
        """Ask, and perhaps not wait for the answer."""
        self.asked.append(asked)
        patience_s = self.rng.uniform(0, 0.1) if self.rng.random() < 0.1 else float("inf")
        with trio.move_on_after(patience_s) as patience:
            try:
                if self.rng.random() < 0.3:
                    async for _ in chat.stream(asked.question):
                        pass
                asked.answer = await chat.ask(asked.question)
            except GeppettoError as error:
                asked.error = error
        asked.taken_back |= patience.cancelled_caught
