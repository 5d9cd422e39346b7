"""What every command says in its own name, and to whom."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from geppetto.cli.screen import PARTING_PATIENCE_S, STDERR_FD, Streams, write_all
from geppetto.redaction import Redactor
from geppetto.text import escape

if TYPE_CHECKING:
    from types import TracebackType

    from geppetto.errors import GeppettoError

_KEEPS_ALL = Redactor()


def say(sentence: str) -> None:
    """Write one line to stderr, in our name; nobody listening there is no reason to fail."""
    with suppress(OSError):
        write_all(STDERR_FD, f"{sentence}\n", patience_s=PARTING_PATIENCE_S)


def say_error(error: GeppettoError, redactor: Redactor = _KEEPS_ALL) -> None:
    """Write what went wrong as one line to stderr, without what *redactor* takes for the key."""
    if str(error):
        say(f"geppetto: {escape(redactor.clean(str(error)))}")


def hide_in_tracebacks(redactor: Redactor) -> None:
    """From now on, let the traceback of a bug show no key: libraries put what they were given into messages."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        with suppress(OSError):
            write_all(STDERR_FD, redactor.clean("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = show


def standard_streams() -> Streams:
    """Return what the standard streams of this process are."""
    return Streams(
        has_stdin=sys.stdin is not None,
        stdin_is_tty=sys.stdin is not None and os.isatty(0),
        stdout_is_tty=os.isatty(1),
        stderr_is_tty=os.isatty(2),
    )
