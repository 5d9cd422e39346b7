"""A connection, after as many tries as it takes or as are allowed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import trio

from geppetto import __version__
from geppetto.connection.failures import TransientConnectFailed
from geppetto.connection.transport import open_transport
from geppetto.errors import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AsyncExitStack

    from geppetto.connection.transport import Limits, Transport

_BACKOFF_FIRST_S = 0.5
_BACKOFF_MOST_S = 8.0


def backoff_s(failures: int) -> float:
    """Return how long to wait after *failures* failed tries: doubled each time, up to 8 s, half of it by chance."""
    most_s = min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 10))
    return most_s * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, no secret


async def connect(
    stack: AsyncExitStack,
    url: str,
    headers: Sequence[tuple[str, str]],
    limits: Limits,
    *,
    max_tries: int,
    tell: Callable[[str], Awaitable[None]],
) -> Transport:
    """
    Open a connection on *stack*, which closes it; try again what may pass, with exponential backoff and jitter.

    Args:
        stack: entered by the task that will leave it.
        url: `ws://` or `wss://`, with its query.
        headers: of the opening handshake.
        limits: of each try, and of the connection.
        max_tries: how often at the most.
        tell: is told in a sentence of each failure that is followed by another try.

    Raises:
        ConnectFailed: no try succeeded.
        ServerRefused: the first refusal is final.
    """
    headers = [("User-Agent", f"geppetto/{__version__}"), *headers]
    for number in range(1, max_tries + 1):
        try:
            return await stack.enter_async_context(open_transport(url, headers, limits))
        except TransientConnectFailed as error:
            if number == max_tries:
                raise ConnectFailed(str(error) + (f" Tried {number} times." if number > 1 else "")) from error
            pause_s = backoff_s(number)
            cause = str(error).partition(". ")[0]
            await tell(f"{cause}; trying again in {pause_s:.1f} s (try {number + 1} of {max_tries})")
            await trio.sleep(pause_s)
    raise AssertionError("at least one try")
