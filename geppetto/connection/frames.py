"""
The text messages of a server, taken out of the stream before wsproto has to look at them. No I/O.

A WebSocket stream is a row of frames, and without the frames of a whole text message it is still one. So what is
plain is read here, and the rest goes on to wsproto, which stays the judge of everything else: pings, pongs, Close,
binary messages, and whatever breaks a rule. The first frame that is neither a piece of a text message nor a
well-formed ping or pong ends the reading here for good, so that no message overtakes another one.

Source: RFC 6455, 5.2 (framing), 5.4 (fragments), 5.5 (control frames), 8.1 (UTF-8).
"""

from __future__ import annotations

import codecs
from collections import deque
from typing import Final

_FIN: Final = 0x80
_TEXT: Final = 0x01
_WHOLE_TEXT: Final = _FIN | _TEXT
_BEGINS: Final = frozenset({_TEXT, _WHOLE_TEXT})
_GOES_ON: Final = frozenset({0x00, _FIN})
_PINGS: Final = frozenset({_FIN | 0x09, _FIN | 0x0A})
"""Ping and pong. Each of these is a first byte: FIN, three reserved bits that are 0, and the opcode."""

_LONG: Final = {126: (2, 126), 127: (8, 1 << 16)}
"""What stands for a length that is told by the next bytes: how many those are, and the least that they may tell."""
_LONGEST_SHORT: Final = 125
"""Of a second byte that is a length; one above 127 masks the frame, which no server may do."""

_Decoder = codecs.getincrementaldecoder("utf-8")


class TextMessages:
    """
    Takes text messages out of what a server sends; see the module.

    A message may come in any pieces: each is decoded as it comes, and a message that turns out to be none, at
    whatever byte, is passed on from its beginning. For that its bytes are kept until it is whole.
    """

    def __init__(self, max_bytes: int) -> None:
        """Take messages of up to *max_bytes* of UTF-8; one that says that it is longer is passed on."""
        self.ready: deque[str] = deque()
        """Whole messages in their order; the caller takes them out."""
        self.over = False
        """Whether everything is passed on from now on."""
        self._max_bytes = max_bytes
        self._begun = b""
        """The first bytes of a header, or of a ping or pong, that is not whole."""
        self._next = _BEGINS
        """How a frame of text may begin."""
        self._decoder = _Decoder()
        self._pieces: list[str] = []
        """Of the message that is not whole."""
        self._kept = bytearray()
        """Its frames, as they came."""
        self._message_bytes = 0
        """How long it is with its present frame."""
        self._missing_bytes = 0
        """What has not come of the payload of that frame; 0 between frames."""
        self._final = False
        """Whether that frame is its last."""

    def feed(self, data: bytes | bytearray) -> bytes:
        """Take what has come, cut anywhere, and return what is passed on to wsproto, perhaps nothing."""
        if self._begun:
            data = self._begun + data
            self._begun = b""
        view = memoryview(data)
        size = len(data)
        passed_on = b""
        at = self._take(view, 0) if self._missing_bytes else 0
        while not self.over:
            if size - at < 2:
                break
            first, length = data[at], data[at + 1]
            start = at + 2
            if first in _PINGS and length <= _LONGEST_SHORT:
                if start + length > size:
                    break
                passed_on += view[at : start + length]
                at = start + length
                continue
            if first not in self._next or length > 127:
                self.over = True
                break
            if length > _LONGEST_SHORT:
                width, least = _LONG[length]
                start += width
                if start > size:
                    break
                length = int.from_bytes(view[at + 2 : start], "big")
                if length < least:
                    self.over = True
                    break
            if self._message_bytes + length > self._max_bytes:
                self.over = True
                break
            end = start + length
            if first == _WHOLE_TEXT and end <= size:
                try:
                    self.ready.append(str(view[start:end], "utf-8"))
                except UnicodeDecodeError:
                    self.over = True
                    break
                at = end
                continue
            self._next = _GOES_ON
            self._kept += view[at:start]
            self._message_bytes += length
            self._missing_bytes = length
            self._final = first >= _FIN
            at = self._take(view, start)
        if self.over:
            passed_on += self._kept + view[at:]
            self._kept.clear()
            self._missing_bytes = 0
        else:
            self._begun = bytes(view[at:])
        return passed_on

    def _take(self, view: memoryview, start: int) -> int:
        """Take what has come of a payload, from *start*, and return where that ends."""
        piece = view[start : start + self._missing_bytes]
        self._missing_bytes -= len(piece)
        self._kept += piece
        whole = self._final and not self._missing_bytes
        try:
            self._pieces.append(self._decoder.decode(piece, whole))
        except UnicodeDecodeError:
            self.over = True
        else:
            if whole:
                self.ready.append("".join(self._pieces))
                self._pieces.clear()
                self._kept.clear()
                self._message_bytes = 0
                self._next = _BEGINS
        return start + len(piece)
