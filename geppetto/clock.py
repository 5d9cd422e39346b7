"""The time that file names and records show."""

from __future__ import annotations

import time
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

_MINUTE_S = 60
"""Clocks are put forward and back at full minutes."""


def local_now() -> datetime:
    """Return the local time with its offset, which is looked up once a minute: every message has its time."""
    now_s = time.time()
    return datetime.fromtimestamp(now_s, _zone(int(now_s // _MINUTE_S)))


@lru_cache(maxsize=1)
def _zone(minute: int) -> tzinfo | None:
    """Return the offset that holds in *minute*, counted from the epoch."""
    return datetime.fromtimestamp(minute * _MINUTE_S).astimezone().tzinfo
