"""Lines from a terminal, a pipe or a file, as they arrive."""

from __future__ import annotations

import codecs
import errno
import os
from typing import TYPE_CHECKING

import trio

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

LEAVE_WORDS = frozenset({".quit", ".exit"})
MAX_LINE_CHARS = 8 * 1024 * 1024
"""A longer line is no question. The API takes far less."""
_READ_BYTES = 64 * 1024


class LineTooLong(ValueError):
    """A line passed `MAX_LINE_CHARS`; the rest of it is skipped."""


class LineSplitter:
    """Bytes in, lines out: UTF-8 split anywhere, invalid bytes replaced, `\\r\\n` taken as one line end."""

    def __init__(self, max_chars: int = MAX_LINE_CHARS) -> None:
        """Refuse lines of more than *max_chars* characters, their ends not counted."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: list[str] = []
        self._chars = 0
        self._max_chars = max_chars
        self._first = True

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[str | LineTooLong]:
        """
        Yield the lines that *data* completes, without their ends; with *final*, also the last one.

        A line that is too long is a `LineTooLong` in its place.
        """
        text = self._decoder.decode(data, final)
        if self._first and text:
            self._first = False
            text = text.removeprefix("\ufeff")
        *complete, rest = text.split("\n")
        for piece in complete:
            self._add(piece)
            yield self._take()
        self._add(rest)
        if final and self._chars:
            yield self._take()

    def _add(self, piece: str) -> None:
        self._chars += len(piece)
        if self._chars <= self._max_chars + len("\r"):  # the last one may be half of the line's end
            self._pieces.append(piece)
        else:
            self._pieces.clear()  # flat memory: the length is all that is needed now

    def _take(self) -> str | LineTooLong:
        fits = self._chars <= self._max_chars + len("\r")
        line = "".join(self._pieces).removesuffix("\r")
        self._pieces.clear()
        self._chars = 0
        return line if fits and len(line) <= self._max_chars else LineTooLong()


async def read_lines(fd: int) -> AsyncGenerator[str | LineTooLong, None]:
    """
    Yield the lines of file descriptor *fd* as they arrive, until its end.

    A terminal and a pipe are waited for without a thread, so that cancelling leaves nothing behind. A regular
    file and `/dev/null` cannot be waited for (EPERM) and are read in a thread.

    Cancellation: leaves at once; what was read and not yet yielded is lost.

    Raises:
        ConfigError: *fd* cannot be read, because it is a directory or open for writing only.
    """
    splitter = LineSplitter()
    while True:
        try:
            await trio.lowlevel.wait_readable(fd)
        except PermissionError:
            data = await trio.to_thread.run_sync(_read, fd, abandon_on_cancel=True)
        else:
            data = _read(fd)
        if data is None:
            continue
        for line in splitter.feed(data, final=not data):
            yield line
        if not data:
            return


def _read(fd: int) -> bytes | None:
    """Return what is there, nothing at the end of file, None when somebody else read it first."""
    try:
        return os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:  # the terminal is gone, which is its end of file
            return b""
        msg = f"The questions cannot be read from stdin ({error.strerror}). Type them, or pipe them in."
        raise ConfigError(msg) from error
