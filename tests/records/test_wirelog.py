"""The wire log keeps every message, private and in order."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import OutputFailed
from geppetto.records import wirelog
from geppetto.records.logview import parse_line
from geppetto.records.wirelog import BINARY, NOT_JSON, LogEntry, WireLog, part_path
from tests.fakes.small_disk import SmallDisk

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 21, 10, 15, 0, tzinfo=timezone(timedelta(hours=1)))
KEY = "sk-secret-0123456789"


def lines_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_message_is_one_json_line_with_the_wire_text(tmp_path: Path) -> None:
    """The line has the time with fractions and offset, the direction, the type and the text itself."""
    log = WireLog.open(tmp_path / "logs", WHEN)
    text = '{"type" : "response.create",\n"x":"é\\u2028"}'
    log.note("sent", "response.create", text, WHEN)
    log.close()
    assert log.path == tmp_path / "logs" / "Chat:20261121_101500.log"
    assert lines_of(log.path) == [
        {
            "timestamp": "2026-11-21T10:15:00.000000+01:00",
            "direction": "sent",
            "type": "response.create",
            "raw_json": text,
        }
    ]


def test_the_log_is_for_the_user_alone(tmp_path: Path) -> None:
    """The directory and every part are made without rights for others."""
    log = WireLog.open(tmp_path / "logs", WHEN, max_bytes=1)
    for _ in range(2):
        log.note("sent", "x", "{}", WHEN)
    log.close()
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "logs").iterdir()] == [0o600, 0o600]


def test_sessions_of_the_same_second_have_their_own_logs(tmp_path: Path) -> None:
    """A second and a third log get a number, even when only a later part of an old log is left."""
    (tmp_path / "Chat:20261121_101500_3.1.log").touch()
    logs = [WireLog.open(tmp_path, WHEN) for _ in range(3)]
    assert [log.path.name for log in logs] == [
        "Chat:20261121_101500.log",
        "Chat:20261121_101500_2.log",
        "Chat:20261121_101500_4.log",
    ]
    for log in logs:
        log.close()


@pytest.mark.parametrize("log_audio", [False, True])
def test_audio_is_kept_only_when_asked_for(tmp_path: Path, log_audio: bool) -> None:
    """An audio delta is logged with its size in place of its payload, unless the user wants the payload."""
    log = WireLog.open(tmp_path, WHEN, log_audio=log_audio)
    text = '{"type":"response.output_audio.delta","delta":"%s"}'
    log.note("received", "response.output_audio.delta", text % "AAAA", WHEN)
    log.close()
    assert lines_of(log.path)[0]["raw_json"] == text % ("AAAA" if log_audio else "[trimmed: 3 bytes]")


def test_the_key_never_appears(tmp_path: Path) -> None:
    """Secrets are replaced in text and type, in each spelling of JSON, and the longest first."""
    quoted = 'pass"word/é'
    log = WireLog.open(tmp_path, WHEN, secrets=(KEY[:12], KEY, quoted))
    log.note("sent", KEY, json.dumps({"a": f"Bearer {KEY}!", "b": quoted}), WHEN)
    log.note("sent", "x", json.dumps({"b": quoted}, ensure_ascii=False).replace("/", "\\/"), WHEN)
    log.note("sent", NOT_JSON, KEY[:12] + quoted, WHEN)
    log.close()
    entries = lines_of(log.path)
    assert entries[0]["type"] == "[key]"
    assert [entry["raw_json"] for entry in entries] == [
        '{"a": "Bearer [key]!", "b": "[key]"}',
        '{"b": "[key]"}',
        "[key][key]",
    ]
    assert KEY not in repr(log)


def test_placeholders_are_not_secrets(tmp_path: Path) -> None:
    """An empty or very short key, as servers without keys are given, does not eat up the log."""
    log = WireLog.open(tmp_path, WHEN, secrets=("", "x", "null", "EMPTY"))
    log.note("sent", "x", '{"x":null}', WHEN)
    log.close()
    assert lines_of(log.path)[0]["raw_json"] == '{"x":null}'


def test_odd_messages_are_logged_too(tmp_path: Path) -> None:
    """A binary frame is logged by its size; text that is not JSON, even half a character, as it came."""
    log = WireLog.open(tmp_path, WHEN)
    log.note("received", "", b"\x00" * 7, WHEN)
    log.note("received", NOT_JSON, 'hello "\x1b\n\ud83d', WHEN)
    log.close()
    assert [(entry["type"], entry["raw_json"]) for entry in lines_of(log.path)] == [
        (BINARY, "[binary: 7 bytes]"),
        (NOT_JSON, 'hello "\x1b\n\ud83d'),
    ]


@given(st.text(st.characters()), st.text(st.characters()), st.datetimes(timezones=st.just(UTC)))
def test_every_entry_can_be_read_back(type_: str, raw_json: str, at: datetime) -> None:
    """What is written as a line is one line, and parses to the same entry."""
    entry = LogEntry(at, "received", type_, raw_json)
    assert entry.line().count(b"\n") == 1
    assert parse_line(entry.line()) == entry


def test_a_full_log_continues_in_the_next_part(tmp_path: Path) -> None:
    """Lines are never split or lost, and only a line above the bound makes a part above it."""
    log = WireLog.open(tmp_path, WHEN, max_bytes=500)
    texts = [str(n) for n in range(20)] + ["x" * 1000, "end"]
    for text in texts:
        log.note("sent", "t", text, WHEN)
        if text == "7":
            log.flush()
    log.close()
    parts = sorted(tmp_path.iterdir(), key=lambda path: 0 if path == log.path else int(path.suffixes[-2][1:]))
    assert parts == [part_path(log.path, number) for number in range(len(parts))]
    assert [entry["raw_json"] for part in parts for entry in lines_of(part)] == texts
    sizes = [part.stat().st_size for part in parts]
    firsts = [len(part.read_bytes().splitlines(keepends=True)[0]) for part in parts]
    assert len(parts) > 4
    assert all(size + first > 500 for size, first in zip(sizes, firsts[1:], strict=False))
    assert [size > 500 for size in sizes] == [len(lines_of(part)[0]["raw_json"]) == 1000 for part in parts]


def test_pending_bytes_tell_the_owner_when_to_flush(tmp_path: Path) -> None:
    """Noting adds what the text holds in memory; flushing writes it and brings the count to zero."""
    log = WireLog.open(tmp_path, WHEN)
    log.note("sent", "x", "y" * 1000, WHEN)
    assert 1000 < log.pending_bytes < 2000
    assert log.path.stat().st_size == 0
    log.flush()
    assert log.pending_bytes == 0
    assert len(lines_of(log.path)) == 1
    log.close()


def test_too_much_pending_ends_the_session_instead_of_losing_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound `note` refuses, and what it had taken is still written."""
    monkeypatch.setattr(wirelog, "MAX_PENDING_BYTES", 10_000)
    log = WireLog.open(tmp_path, WHEN)
    log.note("sent", "x", "y" * 5000, WHEN)
    with pytest.raises(OutputFailed, match="too slow"):
        log.note("sent", "x", "z" * 5000, WHEN)
    log.close()
    assert len(lines_of(log.path)) == 1


def test_noting_while_another_thread_flushes_loses_nothing(tmp_path: Path) -> None:
    """One thread notes, another flushes all the while: every line is there once, in order."""
    log = WireLog.open(tmp_path, WHEN)
    noted_all = threading.Event()

    def flush_all_the_while() -> None:
        while not noted_all.is_set():
            log.flush()

    flusher = threading.Thread(target=flush_all_the_while)
    flusher.start()
    for number in range(5000):
        log.note("sent", "x", str(number), WHEN)
    noted_all.set()
    flusher.join()
    log.close()
    assert log.pending_bytes == 0
    assert [entry["raw_json"] for entry in lines_of(log.path)] == [str(number) for number in range(5000)]


def test_a_full_disk_is_named_and_the_next_flush_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After half a line and ENOSPC nothing is lost or written twice once there is room again."""
    log = WireLog.open(tmp_path, WHEN)
    disk = SmallDisk.mount(monkeypatch, 50)
    for number in range(10):
        log.note("sent", "x", str(number), WHEN)
    with pytest.raises(OutputFailed, match=r"Chat:20261121_101500\.log cannot be written \(No space left"):
        log.flush()
    assert log.pending_bytes > 0
    assert log.path.stat().st_size == 50
    disk.room_bytes = 10**9
    log.flush()
    log.close()
    assert [entry["raw_json"] for entry in lines_of(log.path)] == [str(number) for number in range(10)]


def test_a_part_that_cannot_be_made_is_named_and_tried_again(tmp_path: Path) -> None:
    """A stranger's file in the way of the next part is never overwritten; without it the log goes on."""
    log = WireLog.open(tmp_path, WHEN, max_bytes=150)
    stranger = part_path(log.path, 1)
    stranger.write_text("mine")
    for number in range(2):
        log.note("sent", "x", str(number) * 50, WHEN)
    with pytest.raises(OutputFailed, match="cannot be written"):
        log.flush()
    assert stranger.read_text() == "mine"
    stranger.unlink()
    log.close()
    assert [lines_of(path)[0]["raw_json"][0] for path in (log.path, stranger)] == ["0", "1"]


def test_close_closes_the_file_even_when_the_disk_is_full(tmp_path: Path) -> None:
    """The failure is told once, the file is closed, and a second close does nothing."""
    log = WireLog.open(tmp_path, WHEN)
    fd = log._fd
    os.dup2(full := os.open("/dev/full", os.O_WRONLY), fd)
    os.close(full)
    log.note("sent", "x", "{}", WHEN)
    with pytest.raises(OutputFailed, match="No space left"):
        log.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    log.close()
    log.flush()
    with pytest.raises(ValueError, match="closed"):
        log.note("sent", "x", "{}", WHEN)


@pytest.mark.parametrize("blocked", ["logs", "logs/below"])
def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path, blocked: str) -> None:
    """A file in the place of the directory, or above it, is an OutputFailed that names it."""
    (tmp_path / "logs").touch()
    with pytest.raises(OutputFailed, match="logs"):
        WireLog.open(tmp_path / blocked, WHEN)
