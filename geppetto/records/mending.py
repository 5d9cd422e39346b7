"""The audio of a killed session: known by its header, cut to whole frames, and counted into its header."""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING

from geppetto.audio.pcm import SAMPLE_RATE_HZ, whole_frames_bytes
from geppetto.audio.wav import HEADER_BYTES, MAX_DATA_BYTES, cannot_write, wav_header

if TYPE_CHECKING:
    from pathlib import Path

_SIZES = (slice(4, 8), slice(40, 44))
_RATE = struct.Struct("<I")
_MAX_RATE_HZ = 1_000_000


class NotOurs(Exception):
    """A file has the name of a leftover and is something else."""


def mend(fd: int, path: Path) -> int:
    """
    Cut the file at *fd* to whole frames, bring its header up to date, flush it, and return its bytes of PCM.

    A header that the disk never got (zeros, after a power cut) is written anew for 24,000 Hz.

    Raises:
        NotOurs: it holds something else than what Geppetto writes; nothing has changed.
        OSError: it cannot be read or written.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise NotOurs("not a file")
    header = os.pread(fd, HEADER_BYTES, 0)
    rate_hz = _rate_hz(header)
    data_bytes = min(whole_frames_bytes(max(0, status.st_size - HEADER_BYTES)), MAX_DATA_BYTES)
    if not data_bytes:
        return 0
    mended = wav_header(data_bytes, rate_hz)
    if status.st_size != HEADER_BYTES + data_bytes:
        os.ftruncate(fd, HEADER_BYTES + data_bytes)
    if header != mended and os.pwrite(fd, mended, 0) != HEADER_BYTES:
        raise cannot_write(path, OSError("the disk took a part of the header only"))
    os.fsync(fd)
    return data_bytes


def is_growing(header: bytes, held_bytes: int) -> bool:
    """
    Return whether *header*, with *held_bytes* behind it, is one of a recording that was growing.

    Ours count as many bytes as there are, or fewer, because data goes in first. The header of a download counts those
    that are still to come.
    """
    try:
        _rate_hz(header)
    except NotOurs:
        return False
    riff_bytes, data_bytes = (int.from_bytes(header[size], "little") for size in _SIZES)
    return data_bytes <= held_bytes and riff_bytes <= held_bytes + HEADER_BYTES - 8


def _rate_hz(header: bytes) -> int:
    """
    Return the sample rate of *header*, which may have any sizes in it and end anywhere.

    Raises:
        NotOurs: it is none of ours.
    """
    if not header.strip(b"\0"):
        return SAMPLE_RATE_HZ
    rate_hz = _RATE.unpack(header[24:28])[0] if len(header) >= 28 else SAMPLE_RATE_HZ
    if not 0 < rate_hz <= _MAX_RATE_HZ or _sizeless(header) != _sizeless(wav_header(0, rate_hz))[: len(header)]:
        raise NotOurs("not a recording of Geppetto")
    return rate_hz


def _sizeless(header: bytes) -> bytes:
    blank = bytearray(header)
    for size in _SIZES:
        blank[size] = bytes(len(blank[size]))
    return bytes(blank)
