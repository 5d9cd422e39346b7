"""
Regular expressions that end.

Python's `re` holds the interpreter lock while it searches: an expression that backtracks for minutes, as `(a+)+$`
can, stops every other thread with it, the event loop and Ctrl+C included. So what could do that is searched for in a
process of its own, which can be ended.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import threading
import warnings
from functools import lru_cache
from typing import Final

SEARCH_TIMEOUT_S: Final = 5.0
"""For one search in a process of its own."""
_MAX_REASON_CHARS: Final = 120
_REPEAT: Final = r"[*+{]|(?<!\()\?"
_COMPILING: Final = threading.Lock()

# An alarm ends the child, too, when nobody is left to kill it.
_CHILD: Final = """
import json, re, signal, sys, warnings
pattern, text, patience_s = json.load(sys.stdin)
warnings.simplefilter("ignore")
if hasattr(signal, "alarm"):
    signal.alarm(patience_s)
sys.stdout.write("yes" if re.search(pattern, text) else "no")
"""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """
    Return *pattern* as a regular expression.

    Raises:
        ValueError: it is none; the message is the end of a sentence: "is not a regular expression (…)".
    """
    try:
        # `warnings` is of the whole process, so one at a time. What Python warns of is that a later version may
        # read the expression in another way.
        with _COMPILING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        reason = str(error) if not isinstance(error, RecursionError) else "it is nested too deeply"
        if len(reason) > _MAX_REASON_CHARS:
            reason = f"{reason[:_MAX_REASON_CHARS]}…"
        raise ValueError(f"is not a regular expression ({reason})") from error


def may_take_long(pattern: str) -> bool:
    """
    Return whether searching for *pattern* may take more than the square of the text's length.

    With one repetition or none it does not. Counted generously: an escaped `\\+` and one in brackets, too.
    """
    return len(re.findall(_REPEAT, pattern)) > 1


def matches(pattern: str, text: str, timeout_s: float = SEARCH_TIMEOUT_S) -> bool | None:
    """
    Return whether *pattern* is found in *text*; None if that could not be decided within *timeout_s*. Blocks.

    A pattern with several repetitions is searched for in a Python of its own, which takes 30 to 60 ms; that one is
    ended after *timeout_s*.
    """
    expression = compiled(pattern)
    if not may_take_long(pattern) or not sys.executable:
        return expression.search(text) is not None
    try:
        done = subprocess.run(  # noqa: S603 - this Python, with a program of our own
            [sys.executable, "-I", "-S", "-c", _CHILD],
            input=json.dumps([pattern, text, math.ceil(timeout_s) + 1]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            start_new_session=True,  # Ctrl+C at the terminal is not for it
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return {b"yes": True, b"no": False}.get(done.stdout)
