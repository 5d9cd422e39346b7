"""The headers of WAV and AIFF: where the audio is, what it is, and how much of it was promised."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.audio.pcm import FRAME_BYTES, SAMPLE_RATE_HZ
from geppetto.given_file import read_exactly

if TYPE_CHECKING:
    from io import FileIO

_FORMAT: Final = struct.Struct("<HHIIHH")
"""Of a `fmt ` chunk: tag, channels, rate, bytes a second, bytes of a frame, bits of a sample."""
_PLAIN: Final = (1, SAMPLE_RATE_HZ, FRAME_BYTES, 8 * FRAME_BYTES)
_PCM: Final = 1
_EXTENSIBLE: Final = 0xFFFE
"""The tag then stands at the front of the subformat."""
_SUBFORMAT: Final = slice(24, 40)
_PCM_SUBFORMAT: Final = bytes.fromhex("0100000000001000800000aa00389b71")
_UNKNOWN_BYTES: Final = 0x7FFF_0000
"""From here on a size stands for "until the end": ffmpeg and Geppetto write all ones to a pipe, sox 0x7FFFF000."""
_MOST_CHUNKS: Final = 1_000
"""Before the audio; more are no header."""


@attrs.frozen(kw_only=True)
class Wav:
    """What the header of a RIFF/WAVE file says."""

    plain: bool
    """Whether it is PCM16, mono, 24,000 Hz."""
    at: int
    """Where the audio begins, in bytes from the start."""
    held_bytes: int
    """Of audio, that are in the file."""
    promised_bytes: int
    """Of audio, that the header says; `held_bytes` where it leaves that open."""
    bytes_per_s: int
    """0 when the header does not say."""


class EndsInHeader(Exception):
    """The file is over before its audio begins."""


def read_wav_header(file: FileIO, size_bytes: int) -> Wav | None:
    """
    Return what the header of *file*, of *size_bytes*, says; None when it is no RIFF/WAVE, or one of an odd kind.

    Raises:
        EndsInHeader: it is cut off before its audio.

    Source: IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0, section WAVE; Microsoft,
    WAVEFORMATEXTENSIBLE.
    """
    file.seek(0)
    head = read_exactly(file, 12)
    if head[:4] != b"RIFF" or not b"WAVE".startswith(head[8:12]):
        return None
    if len(head) < 12:
        raise EndsInHeader
    growing = int.from_bytes(head[4:8], "little") <= 8  # nobody came back to write its size
    form = b""
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > size_bytes:
            raise EndsInHeader
        file.seek(at)
        chunk = read_exactly(file, 8)
        name, chunk_bytes = chunk[:4], int.from_bytes(chunk[4:], "little")
        at += 8
        if name == b"data":
            return _wav(form, at, chunk_bytes, size_bytes, growing=growing)
        if name == b"fmt ":
            form = read_exactly(file, min(chunk_bytes, _SUBFORMAT.stop))
        at += chunk_bytes + chunk_bytes % 2
    return None


def promises_too_much(file: FileIO, size_bytes: int) -> bool:
    """
    Return whether *file*, of *size_bytes*, is an AIFF that was cut off, of which libsndfile gives what is left.

    Source: Electronic Arts, EA IFF 85, the size of a FORM.
    """
    file.seek(0)
    head = read_exactly(file, 8)
    form_bytes = int.from_bytes(head[4:8], "big")
    return head[:4] == b"FORM" and size_bytes - 8 < form_bytes < _UNKNOWN_BYTES


def _wav(form: bytes, at: int, data_bytes: int, size_bytes: int, *, growing: bool) -> Wav | None:
    if len(form) < _FORMAT.size:
        return None
    tag, channels, rate_hz, bytes_per_s, frame_bytes, bits = _FORMAT.unpack(form[: _FORMAT.size])
    is_pcm = tag == _PCM or (tag == _EXTENSIBLE and form[_SUBFORMAT] == _PCM_SUBFORMAT)
    held_bytes = size_bytes - at
    is_open = data_bytes >= _UNKNOWN_BYTES or (growing and not data_bytes)
    return Wav(
        plain=is_pcm and (channels, rate_hz, frame_bytes, bits) == _PLAIN,
        at=at,
        held_bytes=held_bytes if is_open else min(held_bytes, data_bytes),
        promised_bytes=held_bytes if is_open else data_bytes,
        bytes_per_s=bytes_per_s,
    )
