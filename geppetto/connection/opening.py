"""The answer to the opening handshake, looked at while it comes: where it ends, and what a refusal says. No I/O."""

from __future__ import annotations

import re
from typing import Final

_MOST_BYTES: Final = 512 * 1024
"""The most that an answer may have; h11 bounds its headers, but nobody bounds its body."""
_HEAD_BYTES: Final = 8 * 1024
_REFUSAL: Final = re.compile(rb"HTTP/1\.[01] ([2-9]\d\d)[ \r]")
_SWITCHED: Final = re.compile(rb"HTTP/1\.1 101[ \r\n]")
_HEAD_ENDS: Final = re.compile(rb"\n\r?\n")
"""What h11 takes for the end of the headers."""


class OpeningAnswer:
    """What has come of the answer. Its beginning is kept."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.switched = False
        """Whether its headers are over, and what comes behind them is WebSocket."""
        self._left_bytes = _MOST_BYTES
        self._head = bytearray()
        self._tail = b""
        """The last two bytes that came: the end of the headers may be cut."""

    @property
    def overflowed(self) -> bool:
        """Whether it passed its limit."""
        return self._left_bytes < 0

    def refusal(self) -> tuple[int, bytes] | None:
        """Return status and body, as far as they came, of an answer that ended before HTTP says it does."""
        head, _, body = bytes(self._head).partition(b"\r\n\r\n")
        found = _REFUSAL.match(head)
        if found is None:
            return None
        return int(found[1]), b"" if b"chunked" in head.lower() else body

    def feed(self, data: bytes | bytearray) -> tuple[bytes | bytearray, bytes | bytearray]:
        """Take the next piece; return what of it is HTTP, and what stands behind the headers of a 101."""
        if (room := _HEAD_BYTES - len(self._head)) > 0:
            self._head += data[:room]
        self._left_bytes -= len(data)
        if _SWITCHED.match(self._head):
            seam = self._tail + data
            self._tail = seam[-2:]
            if (end := _HEAD_ENDS.search(seam)) is not None:
                self.switched = True
                behind = seam[end.end() :]
                return data[: len(data) - len(behind)], behind
        return data, b""
