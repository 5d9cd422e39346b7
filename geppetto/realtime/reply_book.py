"""Which response is which: replies under way by `response_id`, and those that are over."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from geppetto.errors import ConnectionEnded
from geppetto.realtime.reply import Reply

if TYPE_CHECKING:
    from geppetto.realtime.reply import Turn

MAX_OPEN = 1000
"""Responses at a time; each takes memory."""
_REMEMBERED_RESPONSES = 256
"""How many finished responses are remembered, so that their late and duplicate events are known for what they are."""


class ReplyBook(msgspec.Struct):
    """The replies of one conversation."""

    _active: dict[str, Reply] = msgspec.field(default_factory=dict)
    _late: dict[str, Reply] = msgspec.field(default_factory=dict)
    """What still came for a response after its `response.done`, or for none: kept, but nobody waits for it."""
    _finished: OrderedDict[str, None] = msgspec.field(default_factory=OrderedDict)

    @property
    def active(self) -> bool:
        """Whether a response runs."""
        return bool(self._active)

    @property
    def open(self) -> list[Reply]:
        """The replies that have begun and are not over, late ones included."""
        return [*self._active.values(), *self._late.values()]

    def find(self, response_id: str) -> Reply | None:
        """Return the reply that *response_id* names; without an id the one that runs; None when it is new."""
        if not response_id and self._active:
            return next(reversed(self._active.values()))
        if response_id in self._active:
            return self._active[response_id]
        if self.is_finished(response_id):
            return self.late(response_id)
        if "" in self._active:  # a server that began it without an id, and now says which
            reply = self._active[response_id] = self._active.pop("")
            reply.response_id = response_id
            return reply
        return None

    def late(self, response_id: str) -> Reply:
        """Return the reply that keeps what nobody waits for: what came after the end, or for nothing at all."""
        return self._late.setdefault(response_id, Reply(response_id=response_id))

    def begin(self, response_id: str, turn: Turn | None) -> Reply:
        """
        Open a new reply to *turn*.

        Raises:
            ConnectionEnded: too many of them are open.
        """
        if len(self._active) >= MAX_OPEN:
            msg = f"The server began {MAX_OPEN:,} responses and ended none of them. Ask who runs it."
            raise ConnectionEnded(msg)
        reply = self._active[response_id] = Reply(response_id=response_id, turn=turn)
        return reply

    def of(self, turn: Turn) -> Reply | None:
        """Return the running reply to *turn*."""
        return next((reply for reply in self._active.values() if reply.turn is turn), None)

    def is_finished(self, response_id: str) -> bool:
        """Whether *response_id* names a response that is over."""
        return bool(response_id) and response_id in self._finished

    def close(self, reply: Reply) -> None:
        """End *reply*; more events of its response are late ones."""
        for replies in (self._active, self._late):
            for key, known in list(replies.items()):
                if known is reply:
                    del replies[key]
        if reply.response_id:
            self._finished[reply.response_id] = None
            while len(self._finished) > _REMEMBERED_RESPONSES:
                self._finished.popitem(last=False)

    def close_all(self, reason: str) -> list[Reply]:
        """End every reply as cancelled, because of *reason*, and return them; a new session counts anew."""
        replies = self.open
        for reply in replies:
            reply.status = "cancelled"
            reply.reason = reason
        self._active.clear()
        self._late.clear()
        self._finished.clear()
        return replies
