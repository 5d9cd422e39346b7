"""The outermost task: signals end the session the orderly way."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import trio

from geppetto.errors import Ending
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Callable

_SAID = {
    signal.SIGINT: Ending(ExitStatus.INTERRUPTED, "Interrupted."),
    signal.SIGTERM: Ending(ExitStatus.TERMINATED, "Terminated."),
    signal.SIGHUP: Ending(ExitStatus.HANGUP, "The terminal went away."),
}


async def watch_signals(
    stop: Callable[[Ending], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """
    Call *stop* for SIGINT, SIGTERM and SIGHUP, but not for a SIGHUP that `nohup` wants ignored.

    Must run in the main thread.

    Cancellation: leaves at once, and puts the handlers back.
    """
    heard = [number for number in _SAID if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    with trio.open_signal_receiver(*heard) as signals:
        task_status.started()
        async for number in signals:
            # First, because who is told gives the terminal back at once. Then: the shutdown is bounded, but who
            # presses Ctrl+C twice does not want to wait for it. The default action needs no event loop, so it works
            # even if that is stuck.
            stop(_SAID[signal.Signals(number)])
            signal.signal(signal.SIGINT, signal.SIG_DFL)


async def watch_interrupts(interrupted: Callable[[], None], left: Callable[[], bool]) -> None:
    """
    Call *interrupted* for each SIGINT, which then ends nothing: for a terminal that makes a signal of Ctrl+C.

    For a while, inside of `watch_signals`. Must run in the main thread.

    Args:
        interrupted: is told; it may end the session.
        left: whether it has done so.

    Cancellation: leaves at once. When the person has *left*, the next SIGINT kills, as after the first that
        `watch_signals` sees.
    """
    try:
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            async for _number in signals:
                interrupted()
    finally:
        if left():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
