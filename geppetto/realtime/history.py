"""What was said so far, to be told to a new session: sessions end, conversations go on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geppetto.realtime.reply import Reply

CUT_OFF_MARK = " … [cut off]"
"""Stands behind an answer of which only a part arrived, so that the model knows it was not its last word."""


@attrs.frozen
class Said:
    """One item of the conversation, as text: audio of the assistant cannot be sent back (Realtime API, 2026-11)."""

    role: Literal["user", "assistant"]
    text: str


class History:
    """The newest questions and answers of a conversation, oldest first, within a budget."""

    def __init__(self, budget_chars: int, earlier: Iterable[Said] = ()) -> None:
        """Keep items whose texts are *budget_chars* characters at the most, of *earlier* sessions too."""
        self._budget_chars = budget_chars
        self._items: deque[Said] = deque()
        self._chars = 0
        self.dropped = 0
        """How many items were cut from the front."""
        self._dropped_told = 0
        for said in earlier:
            self._append(said)
        self._cut()

    @property
    def items(self) -> Sequence[Said]:
        """What is kept. It begins with a question: an answer whose question was cut would hang in the air."""
        return tuple(self._items)

    def add(self, reply: Reply) -> None:
        """
        Remember what *reply* answers, if the server took it, and what came of it; forget what no longer fits.

        An answer outside of the conversation is not remembered.
        """
        turn = reply.turn
        if turn is not None and turn.asking.independent:
            return
        if turn is not None and turn.refusal is None:
            spoken = turn.asking.pcm is not None  # what was said in it is not known here
            self._append(Said("user", f"[a spoken question: {turn.question}]" if spoken else turn.question))
        if reply.text:
            self._append(Said("assistant", reply.text if reply.complete else reply.text + CUT_OFF_MARK))
        self._cut()

    def newly_dropped(self) -> int:
        """Return `dropped` if it has grown since the last call, else 0."""
        told, self._dropped_told = self._dropped_told, self.dropped
        return self.dropped if self.dropped > told else 0

    def _cut(self) -> None:
        while self._items and (
            self._chars > self._budget_chars or (self.dropped and self._items[0].role == "assistant")
        ):
            self._chars -= len(self._items.popleft().text)
            self.dropped += 1

    def _append(self, said: Said) -> None:
        self._items.append(said)
        self._chars += len(said.text)
