"""What was said so far, to be told to a new session: sessions end, conversations go on."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geppetto.realtime.reply import Reply, Turn

CUT_OFF_MARK = " … [cut off]"
"""Stands behind an answer of which only a part arrived, so that the model knows it was not its last word."""
_MAX_UNHEARD: Final = 64
"""Transcripts come within seconds, or never."""


class Said(msgspec.Struct, frozen=True):
    """One item of the conversation, as text: audio of the assistant cannot be sent back (Realtime API, 2026-11)."""

    role: Literal["user", "assistant"]
    text: str


class History:
    """The newest questions and answers of a conversation, oldest first, within a budget."""

    def __init__(self, budget_chars: int, earlier: Iterable[Said] = ()) -> None:
        """Keep items whose texts are *budget_chars* characters at the most, of *earlier* sessions too."""
        self._budget_chars = budget_chars
        self._items: deque[Said] = deque()
        self._unheard: OrderedDict[Turn, Said] = OrderedDict()
        """Spoken questions whose transcripts may still come."""
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
            said = Said("user", _words_of(turn))
            self._append(said)
            if turn.spoken and not turn.heard:
                self._unheard[turn] = said
                while len(self._unheard) > _MAX_UNHEARD:
                    self._unheard.popitem(last=False)
        if reply.text:
            self._append(Said("assistant", reply.text if reply.complete else reply.text + CUT_OFF_MARK))
        self._cut()

    def heard(self, turn: Turn) -> None:
        """Remember what was said in *turn*, now that its transcript is there, instead of what its file is called."""
        said = self._unheard.pop(turn, None)
        for index, item in enumerate(self._items):
            if item is said:
                self._items[index] = Said("user", _words_of(turn))
                self._chars += len(self._items[index].text) - len(said.text)
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


def spoken_words(name: str) -> str:
    """Return what stands for a spoken question of which no more than *name* is known."""
    return f"[a spoken question: {name}]"


def _words_of(turn: Turn) -> str:
    """Return *turn* as text, for a session that cannot be given its audio or its pictures again."""
    if turn.asking.pcm is not None:
        return turn.heard or spoken_words(turn.question)
    if turn.asking.images:
        pictures = "a picture" if len(turn.asking.images) == 1 else f"{len(turn.asking.images)} pictures"
        return f"{turn.question}\n[{pictures} stood here]"
    return turn.question
