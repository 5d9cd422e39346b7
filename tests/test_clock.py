"""The time of records is the local one."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from geppetto import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

SPRING_FORWARD_S = 1774746000
"""2026-03-29, 01:00 UTC: in Berlin 02:00 becomes 03:00."""


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be in a place where clocks are put forward and back."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    clock._zone.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    clock._zone.cache_clear()


def test_it_is_now() -> None:
    """It has an offset, and does not stand still."""
    before = datetime.now().astimezone()
    now = clock.local_now()
    assert before <= now <= datetime.now().astimezone()
    assert now.utcoffset() == before.utcoffset()


@pytest.mark.usefixtures("berlin")
def test_the_offset_changes_when_clocks_are_put_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last moment before has the old offset, the next one the new one, also in a process that runs on."""
    offsets = []
    for now_s in (SPRING_FORWARD_S - 0.001, SPRING_FORWARD_S, SPRING_FORWARD_S + 0.001):
        monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
        now = clock.local_now()
        assert now.timestamp() == pytest.approx(now_s)
        offsets.append(now.utcoffset())
    assert offsets == [timedelta(hours=1), timedelta(hours=2), timedelta(hours=2)]
