"""
The text messages of a server, taken out of the stream before wsproto has to look at them, and those of a client. No
I/O.

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

MASK_BYTES: Final = 4
_MASKED: Final = 0x80

_FRAME_BYTES: Final = 128
_ALWAYS_FRAMES: Final = 4096
"""More than a frame of a message that is not whole takes beside its payload, as what came and as a piece of text; a
message may have as many frames as these fill its limit, or so many. trio-websocket counts payload alone."""
_CLOSE: Final = _FIN | 0x08
_TOO_BIG: Final = 1009


class TextMessages:
    """
    Takes text messages out of what a server sends; see the module.

    A message may come in any pieces: each is decoded as it comes, and a message that turns out to be none, at
    whatever byte, is passed on from its beginning. For that its bytes are kept until it is whole. One that has
    too many frames for that is the last thing that is read: a Close is passed on, as if it were too long.
    """

    def __init__(self, max_bytes: int) -> None:
        """Take messages of up to *max_bytes* of UTF-8; one that says that it is longer is passed on."""
        self.ready: deque[str] = deque()
        """Whole messages in their order; the caller takes them out."""
        self.over = False
        """Whether everything is passed on from now on."""
        self._max_bytes = max_bytes
        self._max_frames = max(max_bytes // _FRAME_BYTES, _ALWAYS_FRAMES)
        self._frames = 0
        """Of the message that is not whole."""
        self._refused = False
        """Whether it had too many: nothing is passed on any more."""
        self._begun = b""
        """The first bytes of a header, or of a ping or pong, that is not whole."""
        self._next = _BEGINS
        """How a frame of text may begin."""
        self._cut = b""
        """The first bytes of a character that is not whole."""
        self._pieces: list[str] = []
        """Of the message that is not whole."""
        self._kept = bytearray()
        """Its frames, as they came; of a single one no more than the header: its payload is in the pieces."""
        self._message_bytes = 0
        """How long it is with its present frame."""
        self._missing_bytes = 0
        """What has not come of the payload of that frame; 0 between frames."""
        self._final = False
        """Whether that frame is its last."""
        self._single = False
        """Whether it is its first as well."""

    def feed(self, data: bytes | bytearray) -> bytes:
        """Take what has come, cut anywhere, and return what is passed on to wsproto, perhaps nothing."""
        if self._refused:
            return b""
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
            self._frames += 1
            if self._frames > self._max_frames:
                self.over = self._refused = True
                break
            self._next = _GOES_ON
            self._kept += view[at:start]
            self._message_bytes += length
            self._missing_bytes = length
            self._final = first >= _FIN
            self._single = first == _WHOLE_TEXT
            at = self._take(view, start)
        if self.over:
            passed_on += _close_too_big(self._max_bytes) if self._refused else self._kept + view[at:]
            self._kept.clear()
            self._missing_bytes = 0
        else:
            self._begun = bytes(view[at:])
        return passed_on

    def _take(self, view: memoryview, start: int) -> int:
        """Take what has come of a payload, from *start*, and return where that ends."""
        piece = view[start : start + self._missing_bytes]
        self._missing_bytes -= len(piece)
        if not self._single:
            self._kept += piece
        whole = self._final and not self._missing_bytes
        encoded = self._cut + piece if self._cut else piece  # an incremental decoder copies each piece
        try:
            text, used = codecs.utf_8_decode(encoded, "strict", whole)
        except UnicodeDecodeError:
            self.over = True
            if self._single:
                self._kept += "".join(self._pieces).encode() + encoded
        else:
            self._cut = bytes(encoded[used:])
            self._pieces.append(text)
            if whole:
                self.ready.append("".join(self._pieces))
                self._pieces.clear()
                self._kept.clear()
                self._message_bytes = self._frames = 0
                self._next = _BEGINS
        return start + len(piece)


def text_frame(text: str, mask: bytes) -> bytes:
    """
    Return the frame of a whole text message, as a client has to send it.

    Args:
        text: The message.
        mask: `MASK_BYTES` that nobody can foresee: another one for each frame. Source: RFC 6455, 5.3 and 10.3.
    """
    payload = text.encode()
    size = len(payload)
    if size <= _LONGEST_SHORT:
        head = bytes((_WHOLE_TEXT, _MASKED | size))
    else:
        width, told = (2, 126) if size < _LONG[127][1] else (8, 127)
        head = bytes((_WHOLE_TEXT, _MASKED | told)) + size.to_bytes(width, "big")
    repeated = (mask * (size // MASK_BYTES + 1))[:size]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")
    return head + mask + masked.to_bytes(size, "little")


def _close_too_big(max_bytes: int) -> bytes:
    """Return the Close that says what trio-websocket says of a message over the limit."""
    payload = _TOO_BIG.to_bytes(2, "big") + b"Exceeded maximum message size: %d bytes" % max_bytes
    return bytes([_CLOSE, len(payload)]) + payload
