"""
The wire log: every message of a session, in order, as one JSON object a line.

Each line of `logs/Chat:YYYYMMDD_HHMMSS.log` has `timestamp` (RFC 3339 with fractions and offset), `direction`
(`sent` or `received`), `type` and `raw_json` (the text of the message, as a JSON string).
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, Literal

import attrs
import msgspec

from geppetto.audio.wav import cannot_write
from geppetto.errors import OutputFailed
from geppetto.records.logline import log_line, rfc3339
from geppetto.records.modes import PRIVATE, make_directory
from geppetto.records.numbering import numbers, took
from geppetto.records.trimming import cut_delta, trim_audio
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from geppetto.records.modes import FileModes

Direction = Literal["sent", "received"]

BINARY: Final = "(binary)"
"""The `type` of a binary frame; the Realtime API has none, so only its size is logged."""

NOT_JSON: Final = "(not JSON)"
"""The `type` to give to a text message that is not a JSON object."""

MAX_BYTES: Final = 50_000_000
"""The size at which a log continues in its next part."""

MAX_PENDING_BYTES: Final = 64 * 1024 * 1024
"""How much may wait for the disk before the session has to end."""

_BATCH_BYTES: Final = 64 * 1024
_ENTRY_BYTES: Final = 256  # what an entry holds in memory besides its text
_SHORT_CHARS: Final = 4096
"""What is no longer is encoded where it comes, in 2 µs: in a thread, among many sessions, it took four times that."""


class LogEntry(msgspec.Struct, frozen=True):
    """One message, as the log tells it."""

    timestamp: datetime
    """When it was sent or received; with an offset."""
    direction: Direction
    type: str
    """The event's `type`, or a note in parentheses."""
    raw_json: str
    """The text on the wire, without audio payloads and secrets; not JSON if the message was not."""

    def line(self) -> bytes:
        """Return the entry as one line of the log, newline included."""
        return bytes(log_line(rfc3339(self.timestamp), self.direction, self.type, self.raw_json))


class _Noted(msgspec.Struct, gc=False):
    """A message that waits for `flush`, as it came, or without its audio."""

    direction: Direction
    type: str
    text: str
    time: str
    trimmed: bool


@attrs.define(eq=False)
class WireLog:
    """
    The sink of the wire log. `note` belongs to the event loop, `flush` and `close` to threads.

    `note` makes the line of a short message, and only remembers a long one: its trimming, redaction and encoding
    happen in `flush`, which the owner calls in a thread whenever `pending_bytes` has grown, and from time to time.
    One thread may call `note` while another one flushes: a deque's ends are atomic, and each of the two counters has
    one writer.

    After a failed `flush` nothing is forgotten: the next one goes on at the very byte where the disk gave up.
    """

    path: Path
    """The first part; `<stem>.1.log`, `<stem>.2.log`, … continue it, each once the one before is full."""
    _fd: int
    _log_audio: bool
    _max_bytes: int
    _redactor: Redactor
    _modes: FileModes
    _queue: deque[bytes | _Noted] = attrs.field(factory=deque, init=False, repr=False)
    _noted_bytes: int = attrs.field(default=0, init=False)
    _written_bytes: int = attrs.field(default=0, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)
    _unwritten: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    """Encoded lines of the present part."""
    _unwritten_noted_bytes: int = attrs.field(default=0, init=False)
    _part_bytes: int = attrs.field(default=0, init=False)
    """The size of the present part, `_unwritten` included."""
    _part_number: int = attrs.field(default=0, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _last_at: datetime | None = attrs.field(default=None, init=False, repr=False)
    """Messages that came together have one time between them, which is written out once."""
    _last_time: str = attrs.field(default="", init=False, repr=False)

    @classmethod
    def open(
        cls,
        directory: Path,
        when: datetime,
        *,
        log_audio: bool = False,
        max_bytes: int = MAX_BYTES,
        secrets: Iterable[str] = (),
        modes: FileModes = PRIVATE,
    ) -> WireLog:
        """
        Create the log of a session that starts at *when*; the caller closes it.

        Args:
            directory: Made if missing.
            when: The local time that the name shows. More sessions in the same second get `_2`, `_3`, …: a
                log is never shared and never overwritten.
            log_audio: Keep audio payloads, which are large and private.
            max_bytes: The size at which the log continues in the next part. Lines are never split, so a
                longer line makes a larger part. Nothing is ever deleted.
            secrets: Each is replaced by `[key]` wherever it stands. Texts of fewer than six characters are no
                secrets but placeholders, and are left alone.
            modes: Permissions of new files and directories, less the umask.

        Raises:
            OutputFailed: the directory or the file cannot be made.
        """
        try:
            make_directory(directory, modes.directory)
        except FileExistsError as error:
            raise OutputFailed(f"{directory} is not a directory. Choose another one.") from error
        except OSError as error:
            raise cannot_write(directory, error) from error
        name = f"Chat:{when:%Y%m%d_%H%M%S}"
        for number in numbers(directory, name):
            path = directory / f"{name}{f'_{number}' if number > 1 else ''}.log"
            if os.path.lexists(part_path(path, 1)):
                continue  # the rest of a log whose first part was removed: not ours to continue
            try:
                fd = _create(path, modes)
            except FileExistsError:
                continue
            except OSError as error:
                raise cannot_write(path, error) from error
            took(directory, name, number)
            return cls(path, fd, log_audio, max_bytes, Redactor.of(secrets), modes)
        raise AssertionError("counting never ends")

    @property
    def pending_bytes(self) -> int:
        """How much memory waits for `flush`, roughly."""
        return self._noted_bytes - self._written_bytes

    def note(
        self,
        direction: Direction,
        kind: str,
        text: str | bytes,
        at: datetime,
        *,
        audio_bytes: int | None = None,
    ) -> None:
        """
        Remember one message; cheap, never blocks, for the event loop's thread only.

        Args:
            direction: `sent` or `received`.
            kind: The event's `type`; `NOT_JSON` for a text without one. Binary frames are always `BINARY`.
            text: The message as it was on the wire.
            at: When; with an offset.
            audio_bytes: The message is an audio delta, which was decoded to so many bytes. Its payload need not
                wait for `flush` then, nor be looked at again.

        Raises:
            OutputFailed: more than `MAX_PENDING_BYTES` wait already; this message was not taken.
            ValueError: the log is closed.
        """
        if self._closed:
            raise ValueError(f"{self.path} is closed")
        if isinstance(text, bytes):
            kind, text = BINARY, f"[binary: {len(text)} bytes]"
        trimmed = self._log_audio
        if audio_bytes is not None and not trimmed and (cut := cut_delta(text, audio_bytes)) is not None:
            text, trimmed = cut, True
        if at is not self._last_at:
            self._last_at, self._last_time = at, rfc3339(at)
        fields = (direction, kind, text, self._last_time, trimmed)
        noted = bytes(self._line(*fields)) if len(text) <= _SHORT_CHARS else _Noted(*fields)
        size_bytes = _size_bytes(noted)
        if self.pending_bytes + size_bytes > MAX_PENDING_BYTES:
            raise OutputFailed(
                f"{self.path} cannot keep up: the disk is too slow for what comes. Choose another disk for the log."
            )
        self._noted_bytes += size_bytes
        self._queue.append(noted)

    def flush(self) -> None:
        """
        Write everything noted so far; blocks: run it in a thread.

        Raises:
            OutputFailed: the disk refused; what was not written is kept for the next try.
        """
        with self._lock:
            if not self._closed:
                self._flush()

    def close(self) -> None:
        """
        Write the rest and close the file, which is closed even when that fails; blocks. Does nothing twice.

        Raises:
            OutputFailed: the disk refused; what was not written is lost.
        """
        with self._lock:
            if self._closed:
                return
            try:
                self._flush()
            finally:
                self._closed = True
                try:
                    os.close(self._fd)
                except OSError as error:  # a full quota on a network disk shows only here
                    raise cannot_write(self._part(), error) from error

    def _flush(self) -> None:
        try:
            while self._queue:
                noted = self._queue[0]  # removed only once it is safe in _unwritten
                line = noted if isinstance(noted, bytes) else self._line(*msgspec.structs.astuple(noted))
                full = self._part_bytes > 0 and self._part_bytes + len(line) > self._max_bytes
                if full or len(line) >= _BATCH_BYTES:
                    self._write()
                if full:
                    self._open_next_part()
                if isinstance(line, bytearray) and not self._unwritten:
                    self._unwritten = line
                else:
                    self._unwritten += line
                self._queue.popleft()
                self._unwritten_noted_bytes += _size_bytes(noted)
                self._part_bytes += len(line)
                if len(self._unwritten) >= _BATCH_BYTES:
                    self._write()
            self._write()
        except OSError as error:
            raise cannot_write(self._part(), error) from error

    def _write(self) -> None:
        while self._unwritten:
            del self._unwritten[: os.write(self._fd, self._unwritten)]
        self._written_bytes += self._unwritten_noted_bytes
        self._unwritten_noted_bytes = 0

    def _open_next_part(self) -> None:
        fd = _create(part_path(self.path, self._part_number + 1), self._modes)
        full, self._fd = self._fd, fd
        self._part_number += 1
        self._part_bytes = 0
        os.close(full)

    def _part(self) -> Path:
        return part_path(self.path, self._part_number)

    def _line(self, direction: str, kind: str, text: str, time: str, trimmed: bool) -> bytes | bytearray:
        if not trimmed:
            text = trim_audio(text, kind)
        if self._redactor:
            kind, text = self._redactor.clean(kind), self._redactor.clean(text)
        return log_line(time, direction, kind, text)


def _size_bytes(noted: bytes | _Noted) -> int:
    """Return how much memory *noted* takes, roughly; the same at each time."""
    return _ENTRY_BYTES + len(noted if isinstance(noted, bytes) else noted.text)


def part_path(first: Path, number: int) -> Path:
    """Return the path of part *number* of the log that starts at *first*, which is part 0."""
    return first.with_name(f"{first.stem}.{number}{first.suffix}") if number else first


def _create(path: Path, modes: FileModes) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, modes.file)
