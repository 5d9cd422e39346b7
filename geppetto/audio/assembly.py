"""From audio deltas to ordered PCM: decoding, and the odd bytes between deltas."""

from __future__ import annotations

import binascii
import re

import msgspec

from geppetto.audio.pcm import whole_frames_bytes

MAX_TRIMMED_BYTES = 64 * 1024 * 1024
"""The longest silence that one `[trimmed: N bytes]` may stand for: over 23 minutes at 24,000 Hz."""

_TRIMMED = re.compile(r"\[trimmed: ([0-9]{1,12}) bytes\]")

Part = tuple[str, int]
"""One content part of a response: `(item_id, content_index)`."""


class BadAudio(ValueError):
    """An audio delta that cannot be decoded; the text is a short reason and never holds the payload."""


def decode_delta(delta: str) -> bytes:
    """
    Return the bytes that the `delta` of one audio event stands for.

    Args:
        delta: Base64 with its own padding, complete in each event; or `[trimmed: N bytes]`, which the wire
            log keeps in its place and which comes back as N bytes of silence when a log is played back.

    Raises:
        BadAudio: *delta* is neither, or N is over `MAX_TRIMMED_BYTES`.

    Source: OpenAI Realtime API reference, `response.output_audio.delta`.
    """
    if delta.startswith("["):
        return _silence(delta)
    try:
        return binascii.a2b_base64(delta, strict_mode=True)
    except ValueError as error:  # binascii.Error, and the plain ValueError of a text that is not ASCII
        raise BadAudio(f"the audio is not base64 ({error})") from error


def _silence(delta: str) -> bytes:
    trimmed = _TRIMMED.fullmatch(delta)
    if trimmed is None:
        raise BadAudio("the audio is neither base64 nor `[trimmed: N bytes]`")
    n_bytes = int(trimmed[1])
    if n_bytes > MAX_TRIMMED_BYTES:
        raise BadAudio(f"trimmed audio of {n_bytes:,} bytes is over the limit of {MAX_TRIMMED_BYTES:,}")
    return bytes(n_bytes)


class AudioAssembler(msgspec.Struct):
    """
    The audio of one response: deltas in arrival order become whole frames, ready to be written.

    A response may hold several audio items, and their deltas may interleave. Arrival order is playback order,
    so it is kept. A delta that ends inside a frame leaves an odd byte, which waits for the next delta of the
    same part: put before the bytes of another part it would turn all that follows into noise.
    """

    bytes_by_part: dict[Part, int] = msgspec.field(default_factory=dict)
    """How many bytes came for each part, without padding."""
    _odd: dict[Part, bytes] = msgspec.field(default_factory=dict)

    @property
    def received_bytes(self) -> int:
        """How many bytes came for all parts together, without padding."""
        return sum(self.bytes_by_part.values())

    def add(self, item_id: str, content_index: int, pcm: bytes) -> bytes:
        """Take the bytes of one delta and return the whole frames that can be written now, perhaps none."""
        part = (item_id, content_index)
        self.bytes_by_part[part] = self.bytes_by_part.get(part, 0) + len(pcm)
        if self._odd and (odd := self._odd.pop(part, None)) is not None:
            pcm = odd + pcm
        whole_bytes = whole_frames_bytes(len(pcm))
        if whole_bytes < len(pcm):
            self._odd[part] = pcm[whole_bytes:]
            return pcm[:whole_bytes]
        return pcm

    def finish(self) -> bytes:
        """
        Return one frame for each odd byte still waiting, padded with 0x00, so that nothing is lost.

        The frames come in the order in which their bytes arrived. A second call returns nothing.
        """
        tail = b"".join(odd + b"\x00" for odd in self._odd.values())
        self._odd.clear()
        return tail
