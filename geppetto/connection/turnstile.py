"""
Who may speak when very many want to: what has come is heard first.

Each question brings an answer to hear. Hundreds that are asked in the same moment would keep everybody from hearing
for as long as it takes to send them, and then bring more than can be heard. So a few are let in at a time, and one at
a time while more has come than could be heard.
"""

from __future__ import annotations

from typing import Final

import msgspec
import trio

from geppetto.connection.readiness import is_behind
from geppetto.per_loop import of_this_loop

AT_ONCE: Final = 8
"""So many may speak within `_MOMENT_S`; to send as many takes less than that."""
_MOMENT_S: Final = 0.001


async def turn_to_speak() -> None:
    """
    Wait until it is one's turn: no time at all, and no checkpoint, for all but a crowd.

    Cancellation: somebody else has the turn.
    """
    turnstile = of_this_loop(_turnstiles, _Turnstile)
    now = trio.current_time()
    if now >= turnstile.moment_ends:
        turnstile.left = AT_ONCE
        turnstile.moment_ends = now + _MOMENT_S
    if turnstile.left and not turnstile.watched:
        turnstile.left -= 1
        return
    if not turnstile.watched:
        turnstile.watched = True
        trio.lowlevel.spawn_system_task(turnstile.let_in)
    await turnstile.waiting.park()


class _Turnstile(msgspec.Struct, eq=False):
    """That of an event loop."""

    left: int = AT_ONCE
    """How many may still pass in this moment."""
    moment_ends: float = 0.0
    watched: bool = False
    """Whether a task lets in who waits."""
    waiting: trio.lowlevel.ParkingLot = msgspec.field(default_factory=trio.lowlevel.ParkingLot)

    async def let_in(self) -> None:
        """Let a few in, let everybody hear what has come, and so on, until nobody waits."""
        while True:
            await trio.lowlevel.checkpoint()
            if not self.waiting:
                break
            self.waiting.unpark(count=1 if is_behind() else AT_ONCE)
        self.watched = False


_turnstiles: trio.lowlevel.RunVar[_Turnstile] = trio.lowlevel.RunVar("turnstile")
