"""One connection after another: which failures pass, how long to wait, and when to give up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
import trio

from geppetto.connection.failures import ServerBusy, TransientConnectFailed
from geppetto.errors import ConnectFailed, ConnectionEnded, ConnectionLost, RollOver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from geppetto.errors import GeppettoError

_BACKOFF_FIRST_S = 0.5
_BACKOFF_MOST_S = 8.0


def backoff_s(failures: int) -> float:
    """Return how long to wait after *failures* failed tries: doubled each time, up to 8 s, half of it by chance."""
    most_s = min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 10))
    return most_s * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, no secret


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How one try ended."""

    error: GeppettoError | None
    """None when it was told to stop."""
    stood: bool
    """Whether the connection stood at all."""
    progress: bool = False
    """Whether it brought a whole answer: then the next failure is the first in a row again."""


def passes(error: GeppettoError) -> bool:
    """Whether another try may do better."""
    if isinstance(error, ConnectionEnded):
        return False
    return isinstance(error, TransientConnectFailed | ConnectionLost)


async def keep_connected(
    run_once: Callable[[], Awaitable[Ended]],
    *,
    max_retries: int,
    tell: Callable[[str], Awaitable[None]],
    slow_down: Callable[[float], None],
) -> None:
    """
    Run one connection after another, until one is told to stop.

    Args:
        run_once: connects, runs the session, and says how it ended.
        max_retries: tries in a row: for the first connection, and again after each one that was lost.
        tell: is told in a sentence of each failure that is followed by another try.
        slow_down: is told for how many seconds a server that is too busy is left alone.

    Raises:
        ConnectFailed: there never was a connection.
        ConnectionLost: there was one, and no other could be had.
        GeppettoError: what would end the same way again: a refusal, a bad certificate, a full disk.
    """
    failures = 0
    stood = False
    while True:
        ended = await run_once()
        error = ended.error
        if error is None:
            return
        if isinstance(error, RollOver):
            failures, stood = 0, True
            await tell(str(error))
            continue
        stood |= ended.stood
        if not passes(error):
            raise error
        failures = 1 if ended.progress else failures + 1
        retries = max_retries if stood else max_retries - 1
        if failures > retries:
            raise _given_up(error, failures, stood=stood)
        pause_s = backoff_s(failures)
        if isinstance(error, ServerBusy):
            pause_s = max(pause_s, error.retry_after_s)
            slow_down(pause_s)
        cause = str(error).partition(". ")[0].rstrip(".")
        number = failures if stood else failures + 1
        doing = "reconnecting" if stood else "trying again"
        await tell(f"{cause}; {doing} in {pause_s:.1f} s (try {number} of {max_retries})")
        await trio.sleep(pause_s)


def _given_up(error: GeppettoError, failures: int, *, stood: bool) -> GeppettoError:
    tried = f" Tried {failures} times." if failures > 1 else ""
    given_up = ConnectionLost(f"{error}{tried}") if stood else ConnectFailed(f"{error}{tried}")
    given_up.__cause__ = error.__cause__
    return given_up
