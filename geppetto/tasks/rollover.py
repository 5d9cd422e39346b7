"""The task that replaces a connection before the server's time limit strikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from geppetto.errors import RollOver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def roll_over(
    expires_at: float,
    margin_s: float,
    now: Callable[[], float],
    hold: Callable[[], None],
    idle: Callable[[], Awaitable[None]],
) -> None:
    """
    Wait until the session's limit is near and nothing is being answered; then ask for a new connection.

    Args:
        expires_at: when the session ends, in Unix seconds.
        margin_s: how long before that; at most half of what a short session has.
        now: Unix seconds.
        hold: keeps new questions waiting.
        idle: waits until nothing is being answered.

    Cancellation: leaves at once.

    Raises:
        RollOver: it is time.
    """
    left_s = expires_at - now()
    if left_s <= 0:
        return  # a clock that is not ours
    await trio.sleep(left_s - min(margin_s, left_s / 2))
    hold()
    await idle()
    raise RollOver("the session's time limit is near; going on over a new connection")
