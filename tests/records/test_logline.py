"""A line of the wire log, also one of a long message, which is made in pieces."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import OutputFailed
from geppetto.records import logline
from geppetto.records.logline import log_line
from geppetto.records.logview import parse_line
from geppetto.records.wirelog import WireLog, part_path
from tests.fakes.small_disk import SmallDisk

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LONG = 4_000_000
"""Characters: the log and its test together are still small."""


@given(st.text(st.characters()), st.text(st.characters()), st.integers(1, 5))
def test_a_long_message_is_the_same_line(type_: str, raw_json: str, piece_chars: int) -> None:
    """Made in pieces of any length, a line is the one that is made at once, half a surrogate pair included."""
    whole = log_line("now", "received", type_, raw_json)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logline, "_LONG_CHARS", piece_chars)
        assert log_line("now", "received", type_, raw_json) == whole


def test_a_long_message_is_in_memory_twice(tmp_path: Path) -> None:
    """While it is written there are its text and its line, and no other copy of it."""
    log = WireLog.open(tmp_path, WHEN, secrets=("sk-secret-0123456789",))
    tracemalloc.start()
    try:
        for _ in range(3):
            log.note("received", "x", "a short one before it", WHEN)
            log.note("received", "response.done", '{"text":"' + "word " * (LONG // 5) + '"}', WHEN)
            tracemalloc.reset_peak()
            log.flush()
            assert tracemalloc.get_traced_memory()[1] < 2.5 * LONG
        assert tracemalloc.get_traced_memory()[0] < LONG / 2
    finally:
        tracemalloc.stop()
    log.close()
    assert log.path.stat().st_size > 3 * LONG


def test_a_full_disk_in_the_middle_of_a_long_message_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once there is room the log goes on at that byte, with short messages before and behind it."""
    texts = ["before", "é" * 300_000, "between", "x" * 40_000, "y" * 70_000, "behind"]
    log = WireLog.open(tmp_path, WHEN)
    for text in texts:
        log.note("received", "x", text, WHEN)
    disk = SmallDisk.mount(monkeypatch, 400_000)
    for _ in range(2):
        with pytest.raises(OutputFailed, match="No space left"):
            log.flush()
        assert log.path.stat().st_size == 400_000
        assert log.pending_bytes > 300_000
    disk.room_bytes = 10**9
    log.close()
    assert log.pending_bytes == 0
    assert [parse_line(line).raw_json for line in log.path.read_bytes().splitlines()] == texts


def test_a_long_message_begins_the_next_part_where_it_does_not_fit(tmp_path: Path) -> None:
    """Parts are whole lines, however long these are."""
    log = WireLog.open(tmp_path, WHEN, max_bytes=150_000)
    texts = ["a" * 50_000, "b" * 110_000, "c" * 300_000, "d"]
    for text in texts:
        log.note("received", "x", text, WHEN)
    log.close()
    parts = [part_path(log.path, number) for number in range(4)]
    assert set(tmp_path.iterdir()) == set(parts)
    assert [parse_line(part.read_bytes()).raw_json for part in parts] == texts
