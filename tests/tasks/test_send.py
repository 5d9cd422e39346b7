"""The only task that speaks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio

from geppetto.errors import ConnectionLost
from geppetto.realtime.client_events import ClientEvent, CreateResponse
from geppetto.tasks.send import send


class Wire:
    """Takes messages, until it breaks."""

    def __init__(self, breaks_after: int) -> None:
        """Take *breaks_after* messages."""
        self.taken: list[str] = []
        self._breaks_after = breaks_after

    async def send(self, *texts: str) -> None:
        """Take *texts*."""
        await trio.lowlevel.checkpoint()
        if len(self.taken) >= self._breaks_after:
            raise ConnectionLost("The connection was lost.")
        self.taken += texts


async def test_events_are_sent_in_order_until_the_connection_breaks() -> None:
    """Each is put into words when its turn comes, not before; the reason of the end is the connection's."""
    events_send, events_receive = trio.open_memory_channel[Sequence[ClientEvent]](5)
    for number in range(5):
        events_send.send_nowait([CreateResponse(event_id=f"e{number}{part}") for part in "ab"])
    spoken: list[str] = []

    def speak(event: ClientEvent) -> str:
        spoken.append(event.event_id)
        return f"<{event.event_id}>"

    wire = Wire(breaks_after=4)
    with pytest.raises(ConnectionLost, match="was lost"):
        await send(wire, events_receive.receive, speak)
    assert wire.taken == ["<e0a>", "<e0b>", "<e1a>", "<e1b>"]
    assert spoken == ["e0a", "e0b", "e1a", "e1b", "e2a", "e2b"]
    assert events_receive.statistics().current_buffer_used == 2
