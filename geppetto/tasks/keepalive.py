"""The task that knows a dead connection from a silent one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from geppetto.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable


class Pingable(Protocol):
    """A connection that can be pinged."""

    async def ping(self) -> float:
        """Return the seconds until the pong came."""


async def keepalive(
    connection: Pingable, interval_s: float, pong_timeout_s: float, note_rtt: Callable[[float], None]
) -> None:
    """
    Ping every *interval_s* seconds, and hand each round-trip time in seconds to *note_rtt*.

    Cancellation: leaves at once.

    Raises:
        ConnectionLost: no pong within *pong_timeout_s* seconds.
        GeppettoError: the connection is closed.
    """
    while True:
        await trio.sleep(interval_s)
        with trio.move_on_after(pong_timeout_s) as patience:
            note_rtt(await connection.ping())
        if patience.cancelled_caught:
            msg = f"The server answered no ping for {pong_timeout_s:g} s. Check the network."
            raise ConnectionLost(msg)
