"""The task that waits out a rate limit: one for each pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


async def pace(pause_s: float, resume: Callable[[], None]) -> None:
    """
    Sleep *pause_s* seconds, then *resume*.

    Cancellation: leaves at once; a new connection resumes by itself.
    """
    await trio.sleep(pause_s)
    resume()
