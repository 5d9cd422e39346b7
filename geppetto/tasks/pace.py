"""The task that waits out a rate limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


async def pace(pauses: trio.MemoryReceiveChannel[float], resume: Callable[[], None]) -> None:
    """
    Sleep as many seconds as comes through *pauses*, then *resume*; again and again.

    Cancellation: leaves at once; a new connection resumes by itself.
    """
    while True:
        await trio.sleep(await pauses.receive())
        resume()
