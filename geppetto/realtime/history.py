"""What was said so far, to be told to a new session: sessions end, conversations go on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

CUT_OFF_MARK = " … [cut off]"
"""Stands behind an answer of which only a part arrived, so that the model knows it was not its last word."""


@attrs.frozen
class Said:
    """One item of the conversation, as text: audio of the assistant cannot be sent back (Realtime API, 2026-11)."""

    role: Literal["user", "assistant"]
    text: str


class History:
    """The newest questions and answers of a conversation, oldest first, within a budget."""

    def __init__(self, budget_chars: int) -> None:
        """Keep items whose texts are *budget_chars* characters at the most."""
        self._budget_chars = budget_chars
        self._items: deque[Said] = deque()
        self._chars = 0
        self.dropped = 0
        """How many items were cut from the front."""
        self._dropped_told = 0

    @property
    def items(self) -> Sequence[Said]:
        """What is kept. It begins with a question: an answer whose question was cut would hang in the air."""
        return tuple(self._items)

    def add(self, question: str | None, answer: str, *, complete: bool) -> None:
        """Remember a question, if there was one, and what came as its answer; forget what no longer fits."""
        if question is not None:
            self._append(Said("user", question))
        if answer:
            self._append(Said("assistant", answer if complete else answer + CUT_OFF_MARK))
        while self._items and (
            self._chars > self._budget_chars or (self.dropped and self._items[0].role == "assistant")
        ):
            self._chars -= len(self._items.popleft().text)
            self.dropped += 1

    def newly_dropped(self) -> int:
        """Return `dropped` if it has grown since the last call, else 0."""
        told, self._dropped_told = self._dropped_told, self.dropped
        return self.dropped if self.dropped > told else 0

    def _append(self, said: Said) -> None:
        self._items.append(said)
        self._chars += len(said.text)
