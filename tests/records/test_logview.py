"""The wire log is read back, whole or damaged."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.records.logview import Damage, Filter, lines_of, parse_line, parts_of, read_entries, render
from geppetto.records.wirelog import LogEntry

AT = datetime(2026, 11, 21, 9, 15, 2, 345678, tzinfo=UTC)
ZONE = timezone(timedelta(hours=1))
ENTRY = LogEntry(AT, "received", "response.done", '{"type":"response.done","n":[1,"é"]}')


def test_an_entry_is_shown_with_local_time_arrow_type_and_indented_json() -> None:
    """People see when, which way, what, and the message itself."""
    assert render(ENTRY, zone=ZONE) == (
        "2026-11-21 10:15:02.345 ← response.done\n"
        '  {\n    "type": "response.done",\n    "n": [\n      1,\n      "é"\n    ]\n  }\n'
    )


def test_brief_is_one_line_whatever_the_type_holds() -> None:
    """A type with a line break or an escape sequence cannot forge another line."""
    entry = LogEntry(AT, "sent", "a\nb\x1b[2J", "{}")
    assert render(entry, brief=True, zone=ZONE) == "2026-11-21 10:15:02.345 → a\\nb\\x1b[2J\n"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("[binary: 7 bytes]", "  [binary: 7 bytes]\n"),
        ("two\nlines\x1b", "  two\n  lines\\x1b\n"),
        ('"\\u001b\\u009b\x7f"', '  "\\u001b\\x9b\\x7f"\n'),
        ("9" * 5000, f"  {'9' * 5000}\n"),
        ("[" * 100_000, f"  {'[' * 100_000}\n"),
        ("", "  \n"),
    ],
)
def test_what_is_not_json_is_shown_as_it_came_but_safe(raw: str, shown: str) -> None:
    """Binary notes, plain text, absurd numbers and absurd nesting are shown, but made safe."""
    assert render(LogEntry(AT, "sent", "x", raw), zone=ZONE).split("\n", 1)[1] == shown


def test_times_at_the_edge_of_the_calendar_are_shown_as_they_are() -> None:
    """A time that has no local form keeps its own."""
    entry = LogEntry(datetime.min.replace(tzinfo=ZONE), "sent", "x", "{}")
    assert render(entry, brief=True, zone=UTC).startswith("0001-01-01 00:00:00.000 ")


def test_nanoseconds_and_z_are_read() -> None:
    """Logs of other RFC 3339 writers are read as well."""
    line = b'{"timestamp":"2026-11-21T09:15:02.345678901Z","direction":"sent","type":"x","raw_json":"{}"}'
    assert parse_line(line) == LogEntry(AT, "sent", "x", "{}")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (ENTRY.line()[:40], "not JSON, or only a part of it"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON, or only a part of it"),
        (b"[]", "not a JSON object"),
        (b"{}", "timestamp is missing or not text"),
        (ENTRY.line().replace(b"raw_json", b"row_json"), "raw_json is missing or not text"),
        (ENTRY.line().replace(b"2026-11", b"2026-13"), "timestamp is not a time"),
        (ENTRY.line().replace(b"received", b"sideways"), "direction is neither sent nor received"),
    ],
)
def test_damage_is_told_with_its_reason_and_line_number(line: bytes, why: str) -> None:
    """A bad line between good ones is named by its number, and the good ones are read."""
    lines = [ENTRY.line(), b"\n", line + b"\n", ENTRY.line()]
    assert list(read_entries(lines)) == [ENTRY, Damage(3, why), ENTRY]


@given(st.lists(st.binary(max_size=60) | st.just(ENTRY.line())))
def test_any_bytes_are_read_without_complaint(chunks: list[bytes]) -> None:
    """Each line that is not blank has one result, and whole lines come through."""
    data = b"\n".join(chunks)
    results = list(read_entries(lines_of(io.BytesIO(data))))
    lines = [line for line in data.split(b"\n") if line.strip()]
    assert len(results) == len(lines)
    assert results.count(ENTRY) == lines.count(ENTRY.line().strip())
    for result in results:
        if isinstance(result, LogEntry):
            render(result).encode()


@pytest.mark.parametrize("end", [b"\n", b"\n" + ENTRY.line(), b""])
def test_a_line_without_end_is_damage_and_never_all_in_memory(end: bytes) -> None:
    """A line above the bound is cut off, reported once, and the reading goes on after it."""
    data = ENTRY.line() + b"x" * 5000 + end
    lines = list(lines_of(io.BytesIO(data), 1000))
    assert max(map(len, lines)) == 1001
    results = list(read_entries(lines, 1000))
    assert results[:2] == [ENTRY, Damage(2, "the line is too long")]
    assert results[2:] == ([ENTRY] if len(end) > 1 else [])


def test_a_line_just_at_the_bound_is_whole() -> None:
    """The bound does not count the newline."""
    bound = len(ENTRY.line()) - 1
    assert list(read_entries(lines_of(io.BytesIO(ENTRY.line() * 2), bound), bound)) == [ENTRY] * 2


@pytest.mark.parametrize(
    ("shown", "keeps"),
    [
        (Filter(), True),
        (Filter(types=("response.*",)), True),
        (Filter(types=("session.*", "*.done")), True),
        (Filter(types=("Response.*",)), False),
        (Filter(types=("session.*",)), False),
        (Filter(direction="received"), True),
        (Filter(direction="sent"), False),
        (Filter(types=("*",), direction="sent"), False),
    ],
)
def test_filters_choose_by_type_and_direction(shown: Filter, keeps: bool) -> None:
    """One of the globs has to match, and the direction too."""
    assert shown.keeps(ENTRY) is keeps


def test_a_log_is_read_with_its_later_parts_once_and_in_order(tmp_path: Path) -> None:
    """Naming the first part, or all of them in any order, reads each once, in the order of their numbers."""
    names = ["Chat:1.log", *(f"Chat:1.{number}.log" for number in range(1, 12))]
    for name in [*names, "Chat:1.13.log", "Chat:2.log"]:
        (tmp_path / name).touch()
    first, *later = [tmp_path / name for name in names]
    other, orphan = tmp_path / "Chat:2.log", tmp_path / "Chat:1.13.log"
    assert parts_of([first]) == [first, *later]
    assert parts_of([*sorted(later), other, first, first]) == [other, first, *later]
    assert parts_of([first, orphan]) == [first, *later, orphan]
    assert parts_of([later[3]]) == [later[3]]
    assert parts_of([Path("-"), tmp_path / "missing.log"]) == [Path("-"), tmp_path / "missing.log"]
