"""What Ctrl+C does outside of a session, which has its own signals."""

from __future__ import annotations

import os
import signal
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_TERMINAL: Final = "/dev/tty"
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def cleaned_up() -> Iterator[None]:
    """
    Let signals raise in this block, where something has to be put back: the echo of the terminal, half a file.

    The terminal is as it was when the block raises, also where a thread that is left behind had changed it.
    Elsewhere Ctrl+C kills at once: see `geppetto.__main__`. Must run in the main thread.

    Raises:
        KeyboardInterrupt: SIGINT.
        SystemExit: SIGTERM or SIGHUP; with the status that a shell shows for it.
    """
    before = {}
    terminal = _terminal_state()
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a background job
            before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _leave)
        yield
    except (KeyboardInterrupt, SystemExit):
        _put_back(terminal)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _terminal_state() -> list[Any] | None:
    """Return how the controlling terminal is set; None if there is none."""
    try:
        fd = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return termios.tcgetattr(fd)
    except termios.error:
        return None
    finally:
        os.close(fd)


def _put_back(state: list[Any] | None) -> None:
    """Set the controlling terminal to *state*, unless it is so, which in the background would stop us."""
    if state is None or _terminal_state() == state:
        return
    with suppress(OSError, termios.error):
        fd = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY)
        try:
            termios.tcsetattr(fd, termios.TCSANOW, state)
        finally:
            os.close(fd)
