"""One line of the wire log."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

_LONG_CHARS: Final = 32 * 1024
"""Of a longer message, so much is encoded at a time: as a whole each of its copies takes as much memory again."""
_NAME_CHARS: Final = 100
"""What is longer is no name that comes again."""
_TIME_CHARS: Final = len("2026-11-21T10:15:02.123456+01:00")
_UTC_CHARS: Final = len("2026-11-21T10:15:02.123456Z")
_as_json: Final = msgspec.json.Encoder().encode
"""Escapes what has to be escaped, and nothing else, as `json.dumps(…, ensure_ascii=False)` does."""


def rfc3339(at: datetime) -> str:
    """Return *at*, which has an offset, with its fractions."""
    time = _as_json(at)[1:-1].decode()  # a tenth of what `isoformat` takes
    if len(time) == _UTC_CHARS and time.endswith("Z"):
        return f"{time[:-1]}+00:00"
    return time if len(time) == _TIME_CHARS else at.isoformat(timespec="microseconds")


def log_line(timestamp: str, direction: str, type_: str, raw_json: str) -> bytes | bytearray:
    """Return the line that `LogEntry` describes, newline included, in UTF-8."""
    # By hand: `json.dumps` of the four takes ten times as long, and there is a line for every delta.
    try:
        middle = _middle if len(type_) <= _NAME_CHARS else _middle.__wrapped__
        beginning = b'{"timestamp": "%b%b' % (timestamp.encode(), middle(direction, type_))
        if len(raw_json) <= _LONG_CHARS:
            return b"%b%b}\n" % (beginning, _as_json(raw_json))
        line = bytearray(beginning)
        line += b'"'
        for start in range(0, len(raw_json), _LONG_CHARS):
            line += _as_json(raw_json[start : start + _LONG_CHARS])[1:-1]
    except UnicodeEncodeError:  # half a surrogate pair: only the escaped form can be encoded
        value = {"timestamp": timestamp, "direction": direction, "type": type_, "raw_json": raw_json}
        return json.dumps(value).encode() + b"\n"
    line += b'"}\n'
    return line


@lru_cache(maxsize=64)
def _middle(direction: str, type_: str) -> bytes:
    """Return what stands between the time and the message: nearly always one of a few."""
    return b'", "direction": "%b", "type": %b, "raw_json": ' % (direction.encode(), _as_json(type_))
