"""The wire log, read back: from damaged or whole lines to text for people. Pure but for `parts_of`."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import attrs

from geppetto.records.wirelog import LogEntry, part_path
from geppetto.text import escape, escape_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from geppetto.records.wirelog import Direction

MAX_LINE_BYTES: Final = 128 * 1024 * 1024
"""Longer lines are damage: a message of 16 MiB, each character escaped twice, is shorter."""

_ARROWS: Final[dict[Direction, str]] = {"sent": "→", "received": "←"}


@attrs.frozen
class Damage:
    """A line that is not a line of a wire log."""

    line_number: int
    """Counted from 1."""
    why: str


@attrs.frozen(kw_only=True)
class Filter:
    """Which entries to show."""

    types: tuple[str, ...] = ()
    """Globs; one of them has to match the type. Empty: every type."""
    direction: Direction | None = None
    """None: both."""

    def keeps(self, entry: LogEntry) -> bool:
        """Return whether *entry* is to be shown."""
        if self.direction is not None and entry.direction != self.direction:
            return False
        return not self.types or any(fnmatch.fnmatchcase(entry.type, glob) for glob in self.types)


def lines_of(stream: BinaryIO, max_bytes: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """
    Yield the lines of *stream*, each cut off after *max_bytes* + 1 bytes, so that memory stays flat.

    Raises:
        OSError: *stream* cannot be read.
    """
    while line := stream.readline(max_bytes + 1):
        yield line
        while len(line) > max_bytes and not line.endswith(b"\n"):  # the tail of a line that is too long
            line = stream.readline(max_bytes + 1)


def read_entries(lines: Iterable[bytes], max_bytes: int = MAX_LINE_BYTES) -> Iterator[LogEntry | Damage]:
    """Yield an entry for each line, or what is wrong with it; blank lines are passed over."""
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            if len(line.rstrip(b"\n")) > max_bytes:
                raise ValueError("the line is too long")
            yield parse_line(line)
        except ValueError as error:
            yield Damage(line_number, str(error))


def parse_line(line: bytes) -> LogEntry:
    """
    Read one line of a wire log.

    Raises:
        ValueError: it is not one; the message says why.
    """
    try:
        value: object = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON, or only a part of it") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    timestamp, type_, raw_json = (_text(value, key) for key in ("timestamp", "type", "raw_json"))
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError as error:
        raise ValueError("timestamp is not a time") from error
    match value.get("direction"):
        case "sent":
            return LogEntry(at, "sent", type_, raw_json)
        case "received":
            return LogEntry(at, "received", type_, raw_json)
        case _:
            raise ValueError("direction is neither sent nor received")


def render(entry: LogEntry, *, brief: bool = False, zone: tzinfo | None = None) -> str:
    """
    Return *entry* for people, safe for a terminal, newline included.

    Args:
        entry: What to show.
        brief: One line; without it the message follows, as indented JSON.
        zone: Where the reader's clock stands; None for the local time.
    """
    head = f"{_clock(entry.timestamp, zone)} {_ARROWS[entry.direction]} {escape_line(entry.type)}\n"
    if brief:
        return head
    body = escape(_pretty(entry.raw_json)).removesuffix("\n").replace("\n", "\n  ")
    return f"{head}  {body}\n"


def parts_of(paths: Iterable[Path]) -> list[Path]:
    """
    Return the files to read for *paths*: each first part brings its later parts, and each file comes once.

    So both `log Chat:….log` and `log Chat:*.log` read a log that has several parts once, in order. A later
    part that is named without its first one stands for itself.
    """
    series = [[path, *_later_parts(path)] for path in paths]
    later = {part for parts in series for part in parts[1:]}
    return list(dict.fromkeys(part for parts in series if parts[0] not in later for part in parts))


def _later_parts(first: Path) -> Iterator[Path]:
    if first.suffix:  # `-` and other names that no log has
        parts = (part_path(first, number) for number in itertools.count(1))
        yield from itertools.takewhile(Path.is_file, parts)


def _text(value: dict[str, object], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise ValueError(f"{key} is missing or not text")
    return text


def _clock(at: datetime, zone: tzinfo | None) -> str:
    with contextlib.suppress(OverflowError, ValueError, OSError):  # the year 1 or 9999, moved over the edge
        at = at.astimezone(zone)
    return at.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def _pretty(raw_json: str) -> str:
    try:
        return json.dumps(json.loads(raw_json), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):  # a binary frame, or not JSON at all: shown as it came
        return raw_json
