"""
The task that speaks to the server, the only one that does.

A cancelled send leaves half a frame on the wire, so nobody who may be cancelled alone (a caller's time limit around
one question) may send. And a receiver that had to send could block on a server that waits for it to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from geppetto.realtime.client_events import ClientEvent


class Sink(Protocol):
    """Where messages go."""

    async def send(self, *texts: str) -> None:
        """Send messages, in one piece."""


async def send(
    sink: Sink, next_events: Callable[[], Awaitable[Sequence[ClientEvent]]], speak: Callable[[ClientEvent], str]
) -> None:
    """
    Send each event in order.

    Args:
        sink: takes the messages.
        next_events: waits for the next thing to say, or a few that belong together.
        speak: turns an event into the wire's text, and records it.

    Cancellation: leaves at once, perhaps in the middle of a message: only close the connection then.

    Raises:
        GeppettoError: the connection is closed, or took nothing in time.
    """
    while True:
        await sink.send(*[speak(event) for event in await next_events()])
