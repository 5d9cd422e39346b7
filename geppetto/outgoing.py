"""What is to be said to the server: filled by whoever has something to say, emptied by the one task that sends."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import trio

from geppetto.realtime.client_events import AppendAudio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geppetto.realtime.client_events import ClientEvent
    from geppetto.realtime.reply import Turn


_TOGETHER = 8


class Outgoing:
    """A queue that never refuses: turns take their turns, so it holds an event or two, or a restored history."""

    def __init__(self) -> None:
        """Start with nothing to say."""
        self._events: deque[ClientEvent] = deque()
        self._grew = trio.Event()

    def add(self, events: Iterable[ClientEvent]) -> None:
        """Put *events*, one at least, behind the others."""
        self._events.extend(events)
        self._grew.set()

    def take_back(self, turn: Turn) -> bool:
        """
        Forget what of the spoken *turn* was not sent, if its last piece is among it, and what asks for its response.

        Return whether that was so. What was sent of it stays in the server's buffer, which is to be cleared.
        """
        if not turn.spoken or not any(event.event_id == turn.item_event_id for event in self._events):
            return False
        own = [turn.made(event.event_id) or event.event_id == turn.response_event_id for event in self._events]
        self._events = deque(event for event, is_own in zip(self._events, own, strict=True) if not is_own)
        return True

    def clear(self) -> None:
        """Forget what was not sent: its connection is gone."""
        self._events.clear()

    async def next(self) -> Sequence[ClientEvent]:
        """
        Wait for something to say, and return what can go in one piece: a question and what asks for its response.

        Cancellation: nothing is lost but with its connection.
        """
        while not self._events:
            self._grew = trio.Event()
            await self._grew.wait()
        first = self._events.popleft()
        together = [first]
        if not isinstance(first, AppendAudio):  # a piece is large, and may be taken back while it waits
            while self._events and len(together) < _TOGETHER and not isinstance(self._events[0], AppendAudio):
                together.append(self._events.popleft())
        return together
