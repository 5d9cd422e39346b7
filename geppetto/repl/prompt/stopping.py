"""Ctrl+Z and `fg`."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from geppetto.repl.prompt.prompt import Prompt

_LOOK_S = 0.2
"""How often a session in the background looks whether `fg` brought it back: only who is stopped is told."""


async def watch_stops(prompt: Prompt) -> None:
    """
    Give the terminal back before the process is stopped, and take it again when it is ours again.

    After `bg` the session goes on without the terminal: what is said meanwhile is shown after `fg`. A process that
    nobody could continue, because no shell looks after it, is not stopped. Must run in the main thread.

    Cancellation: leaves at once; then nobody takes the terminal again.
    """
    with trio.open_signal_receiver(signal.SIGTSTP, signal.SIGCONT) as signals:
        async for number in signals:
            if number == signal.SIGTSTP:
                await trio.to_thread.run_sync(prompt.suspend, abandon_on_cancel=True)
                _stop()
            while not prompt.terminal.ours:  # noqa: ASYNC110  # no event tells it
                await trio.sleep(_LOOK_S)
            prompt.resume()


def _stop() -> None:
    """
    Be stopped here, until somebody continues us.

    Told to this thread, the signal has stopped the process when the call returns. The continuation is not to be heard
    as one more signal: the default forgets it.
    """
    numbers = (signal.SIGTSTP, signal.SIGCONT)
    handlers = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
