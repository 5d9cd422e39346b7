"""The frames of one answer, in the order in which real servers send them. Each is made once."""

from __future__ import annotations

import base64
import itertools
import json
import struct
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = b"resp_0000000000"
"""Stands in the frames for the id of the response, which has as many characters."""
_VARIETY = 16
"""Different pairs of an answer; then they begin again. A WAV with a piece lost or out of place is another one."""
_STAMP = "0" * 16
WORD = "word "
STAMP_BYTES = 6
"""The first bytes of each paced piece of audio: when it was sent, in microseconds of the monotonic clock."""
BYTES_PER_S = 48_000


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return one unmasked frame (RFC 6455, 5.2)."""
    if len(payload) < 126:
        return struct.pack("!BB", 0x80 | opcode, len(payload)) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", 0x80 | opcode, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, len(payload)) + payload


def event(**fields: object) -> bytes:
    """Return the frame of one event."""
    return frame(json.dumps(fields, separators=(",", ":")).encode())


def _where() -> dict[str, object]:
    return {"response_id": _ID.decode(), "item_id": "item_1", "output_index": 0, "content_index": 0}


def _words(text: str) -> bytes:
    return event(type="response.output_audio_transcript.delta", event_id="event_2", delta=text, **_where())


def _audio(pcm: bytes) -> bytes:
    delta = base64.b64encode(pcm).decode()
    return event(type="response.output_audio.delta", event_id="event_3", delta=delta, **_where())


def _pcm(number: int, size_bytes: int) -> bytes:
    """Return the audio of piece *number*."""
    period = bytes((index * 7 + number * 13) % 251 for index in range(251))
    return (period * (size_bytes // 251 + 1))[:size_bytes]


class StampedPair:
    """A delta of words and one of audio that say when they were sent: the frame is patched, not made."""

    def __init__(self, delta_bytes: int) -> None:
        """Make the template of a pair of *delta_bytes* of audio."""
        whole = _words(f"{_STAMP} ") + _audio(bytes(STAMP_BYTES) + _pcm(0, delta_bytes - STAMP_BYTES))
        self.size_bytes = len(whole)
        text_at = whole.index(_STAMP.encode())
        audio_at = whole.rindex(b'"delta":"') + len(b'"delta":"')
        self._begin = whole[:text_at]
        self._middle = whole[text_at + len(_STAMP) : audio_at]
        self._end = whole[audio_at + STAMP_BYTES * 4 // 3 :]

    def of(self, name: bytes) -> StampedPair:
        """Return the same for the response *name*."""
        pair = StampedPair.__new__(StampedPair)
        pair.size_bytes = self.size_bytes
        pair._begin, pair._middle, pair._end = (
            part.replace(_ID, name) for part in (self._begin, self._middle, self._end)
        )
        return pair

    def at(self, now_us: int) -> bytes:
        """Return both frames with the time."""
        stamp = base64.b64encode(now_us.to_bytes(STAMP_BYTES, "big"))
        return b"".join((self._begin, b"%016d" % now_us, self._middle, stamp, self._end))


@attrs.frozen(kw_only=True)
class Script:
    """One answer: what begins it, its pairs of words and audio, and what ends it."""

    begin: bytes
    pairs: tuple[bytes, ...]
    """The first ones; they come again and again."""
    n_pairs: int
    rest: bytes
    """A last piece of audio that is shorter than the others."""
    end: bytes
    stamped: StampedPair | None

    def chunks(self, name: bytes) -> Iterator[bytes]:
        """Return the whole answer under the id *name*, some pairs at once."""
        yield self.begin.replace(_ID, name)
        if self.pairs:
            block = [pair.replace(_ID, name) for pair in self.pairs]
            yield from itertools.repeat(b"".join(block), self.n_pairs // len(block))
            yield b"".join(block[: self.n_pairs % len(block)])
        yield self.rest.replace(_ID, name) + self.ending(name)

    def beginning(self, name: bytes) -> bytes:
        """Return what comes before the first pair."""
        return self.begin.replace(_ID, name)

    def ending(self, name: bytes) -> bytes:
        """Return what comes behind the last pair."""
        return self.end.replace(_ID, name)


def answer(audio_s: float, delta_bytes: int) -> Script:
    """Return the script of *audio_s* seconds in pieces of *delta_bytes*, words before each; 0 is words alone."""
    left_bytes = int(audio_s * BYTES_PER_S) // 2 * 2
    n_pairs, rest_bytes = divmod(left_bytes, delta_bytes)
    pairs = tuple(_words(WORD) + _audio(_pcm(number, delta_bytes)) for number in range(min(_VARIETY, n_pairs)))
    rest = _words(WORD) + (_audio(_pcm(n_pairs, rest_bytes)) if rest_bytes else b"")
    has_rest = rest_bytes > 0 or n_pairs == 0
    text = WORD * (n_pairs + has_rest)
    return Script(
        begin=_begin(),
        pairs=pairs,
        n_pairs=n_pairs,
        rest=rest if has_rest else b"",
        end=_end(text),
        stamped=StampedPair(delta_bytes) if n_pairs else None,
    )


def _begin() -> bytes:
    name = _ID.decode()
    item = {"id": "item_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "audio", "transcript": ""}
    return b"".join(
        (
            event(type="response.created", event_id="event_1", response={"id": name, "status": "in_progress"}),
            event(type="response.output_item.added", event_id="e", response_id=name, output_index=0, item=item),
            event(type="conversation.item.added", event_id="e", previous_item_id=None, item=item),
            event(type="response.content_part.added", event_id="e", part=part, **_where()),
        )
    )


def _end(text: str) -> bytes:
    name = _ID.decode()
    content = [{"type": "output_audio", "transcript": text}]
    item = {"id": "item_1", "type": "message", "status": "completed", "role": "assistant", "content": content}
    part = {"type": "audio", "transcript": text}
    usage = {
        "total_tokens": 50,
        "input_tokens": 20,
        "output_tokens": 30,
        "input_token_details": {"text_tokens": 20, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": 10, "audio_tokens": 20},
    }
    response = {"id": name, "status": "completed", "output": [item], "usage": usage}
    return b"".join(
        (
            event(type="response.output_audio.done", event_id="e", **_where()),
            event(type="response.output_audio_transcript.done", event_id="event_4", transcript=text, **_where()),
            event(type="response.content_part.done", event_id="e", part=part, **_where()),
            event(type="conversation.item.done", event_id="e", previous_item_id=None, item=item),
            event(type="response.output_item.done", event_id="e", response_id=name, output_index=0, item=item),
            event(type="response.done", event_id="event_5", response=response),
        )
    )
