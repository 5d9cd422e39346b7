"""What Ctrl+C does outside of a session, which has its own signals."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def cleaned_up() -> Iterator[None]:
    """
    Let signals raise in this block, where something has to be put back: the echo of the terminal, half a file.

    Elsewhere Ctrl+C kills at once: see `geppetto.__main__`. Must run in the main thread.

    Raises:
        KeyboardInterrupt: SIGINT.
        SystemExit: SIGTERM or SIGHUP; with the status that a shell shows for it.
    """
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    try:
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _leave)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
