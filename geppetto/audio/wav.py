"""A WAV file that is playable at every moment while it is being written."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from typing import TYPE_CHECKING

from geppetto.audio.pcm import FRAME_BYTES, SAMPLE_RATE_HZ, whole_frames_bytes
from geppetto.errors import OutputFailed

if TYPE_CHECKING:
    from pathlib import Path

HEADER_BYTES = 44
MAX_DATA_BYTES = whole_frames_bytes(0xFFFF_FFFF - (HEADER_BYTES - 8))
"""RIFF counts in 32 bits, its own header less 8 bytes included: just under 4 GiB, 24.8 hours at 24,000 Hz."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1
_MONO = 1

_NEXT_STEP = {
    errno.ENOSPC: " Free some space, or choose another directory.",
    errno.EDQUOT: " Free some space, or choose another directory.",
    errno.EACCES: " Choose a directory that you may write to.",
    errno.EPERM: " Choose a directory that you may write to.",
    errno.EROFS: " Choose a directory that you may write to.",
}


def cannot_write(path: Path, error: OSError) -> OutputFailed:
    """Return the sentence for the user that *path* could not be written, and why; raise it `from` *error*."""
    reason = error.strerror or type(error).__name__
    return OutputFailed(f"{path} cannot be written ({reason}).{_NEXT_STEP.get(error.errno or 0, '')}")


def wav_header(data_bytes: int, sample_rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """
    Return the 44 bytes before *data_bytes* of PCM16 mono.

    Source: IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0, section WAVE.
    """
    return _HEADER.pack(
        b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE",
        b"fmt ", 16, _PCM, _MONO, sample_rate_hz, sample_rate_hz * FRAME_BYTES, FRAME_BYTES, 8 * FRAME_BYTES,
        b"data", data_bytes,
    )  # fmt: skip


def streaming_header(sample_rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """
    Return the header of a WAV that goes to a pipe, where it cannot be mended: its sizes are as large as they can be.

    Players and sox take that for "until the end"; so does ffmpeg.
    """
    header = bytearray(wav_header(0, sample_rate_hz))
    header[4:8] = header[40:44] = b"\xff\xff\xff\xff"
    return bytes(header)


class WavWriter:
    """
    Appends PCM16 little-endian mono to a new WAV file.

    Data goes in first and the sizes in the header follow, so after `kill -9` at any moment the file opens
    and holds every byte that `write` returned for. A power cut may cost what `finish` has not yet flushed.

    Every call blocks: run it in a thread, one call at a time.

    Args:
        path: The file to create; it must not exist.
        sample_rate_hz: Frames a second, for the header.
        mode: Permissions of the new file, less the umask.
        reserved_fd: The caller's descriptor of the file at *path*, which exists already and is empty: write to that
            one instead. It stays the caller's to close. The file is not opened again: a strict umask may have made it
            one that nobody may open for writing.

    Raises:
        OutputFailed: the file cannot be created; nothing is left behind.
    """

    def __init__(
        self,
        path: Path,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        mode: int = 0o600,
        *,
        reserved_fd: int | None = None,
    ) -> None:
        self.path = path
        self._sample_rate_hz = sample_rate_hz
        self._data_bytes = 0
        self._fd: int | None = None
        try:
            if reserved_fd is None:
                self._fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, mode)
            else:
                self._fd = os.dup(reserved_fd)
            if os.fstat(self._fd).st_size > 0:
                raise FileExistsError(errno.EEXIST, "it holds something already")
            self._write_at(0, wav_header(0, sample_rate_hz))
        except OSError as error:
            if self._fd is not None:
                os.close(self._fd)
                if reserved_fd is None:
                    with contextlib.suppress(OSError):
                        path.unlink()
            raise cannot_write(path, error) from error

    @property
    def data_bytes(self) -> int:
        """How many bytes of PCM the file holds; the header says the same."""
        return self._data_bytes

    def write(self, pcm: bytes) -> None:
        """
        Append all of *pcm*, and bring the header up to date.

        Args:
            pcm: Whole frames of 2 bytes.

        Raises:
            OutputFailed: the disk is full, or the file would pass `MAX_DATA_BYTES`. The whole frames that
                still went in are kept and counted, and the file stays valid; `finish` and `close` work.
            ValueError: *pcm* is not in whole frames, or the file is closed.
        """
        if len(pcm) % FRAME_BYTES:
            raise ValueError(f"{len(pcm)} bytes are not whole frames of {FRAME_BYTES} bytes")
        fits = memoryview(pcm)[: MAX_DATA_BYTES - self._data_bytes]
        try:
            self._write_at(HEADER_BYTES + self._data_bytes, fits)
            self._data_bytes += len(fits)
            self._write_header()
        except OSError as error:
            self._keep_whole_frames()
            raise cannot_write(self.path, error) from error
        if len(fits) < len(pcm):
            raise OutputFailed(
                f"{self.path} is full (a WAV file holds at most 4 GiB). What fits is kept; "
                "ask again to start a new file."
            )

    def finish(self) -> None:
        """
        Flush header and data to the disk, and close. Does nothing when the file is closed.

        Raises:
            OutputFailed: the disk did not take it; the file is closed all the same.
        """
        if self._fd is None:
            return
        try:
            self._write_header()
            os.fsync(self._fd)
        except OSError as error:
            with contextlib.suppress(OutputFailed):  # the first failure is the one to tell
                self.close()
            raise cannot_write(self.path, error) from error
        self.close()

    def close(self) -> None:
        """
        Close the file, which is valid as it is, without waiting for the disk. May be called again.

        Raises:
            OutputFailed: a network file system says only now that a write failed.
        """
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            os.close(fd)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _write_header(self) -> None:
        # All 44 bytes in one call: no moment in which one size is new and the other old.
        self._write_at(0, wav_header(self._data_bytes, self._sample_rate_hz))

    def _write_at(self, offset: int, data: bytes | memoryview) -> None:
        if self._fd is None:
            raise ValueError(f"{self.path} is closed")
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._fd, rest, offset)
            offset += written
            rest = rest[written:]

    def _keep_whole_frames(self) -> None:
        """After a failed write: cut a broken last frame off and let the header count what did go in."""
        assert self._fd is not None
        with contextlib.suppress(OSError):  # best effort: the header of the write before still holds
            stored_bytes = os.fstat(self._fd).st_size - HEADER_BYTES
            self._data_bytes = max(self._data_bytes, whole_frames_bytes(stored_bytes))
            os.ftruncate(self._fd, HEADER_BYTES + self._data_bytes)
            self._write_header()
