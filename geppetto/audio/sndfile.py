"""
Audio files of every format that libsndfile reads, as PCM16.

The packages are an extra and bring NumPy, so they are imported here, when a file needs them.

Source: API of soundfile 0.13 (`SoundFile`) and of soxr 0.5 (`ResampleStream`); libsndfile 1.2 (`sf_open_fd`).
"""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Final, Protocol, cast

import attrs

from geppetto.audio.pcm import SAMPLE_RATE_HZ
from geppetto.errors import MissingExtra

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

_BLOCK_SAMPLES: Final = 65_536
"""Of all channels together: 256 KiB."""
_UNKNOWN_FRAMES: Final = 1 << 62
"""libsndfile gives `SF_COUNT_MAX`, which is above it, for a file that does not say how long it is."""


class NoAudio(Exception):
    """libsndfile cannot read the file; the message is its reason."""


@attrs.frozen(kw_only=True)
class Decoded:
    """What came out of a file."""

    pcm: bytes = attrs.field(repr=False)
    """PCM16 little-endian, mono, 24,000 Hz; longer than the limit if there was more."""
    rate_hz: int
    """Of the file."""
    format: str
    """Of the file, as libsndfile calls it: `FLAC`, `MP3`."""
    frames: int
    """That were read from the file."""
    promised_frames: int | None
    """That its header says; None where it does not. Of an MP3 without a table of contents it is an estimate."""
    broken: str = ""
    """Why reading ended too soon; empty when it did not."""


class _Sound(Protocol):
    """An open file: what is used of `soundfile.SoundFile`."""

    @property
    def frames(self) -> int: ...
    @property
    def samplerate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def format(self) -> str: ...
    def read(self, frames: int, dtype: str, always_2d: bool) -> Samples: ...


class _Resampler(Protocol):
    """What is used of `soxr.ResampleStream`."""

    def resample_chunk(self, x: Samples, last: bool = ...) -> Samples: ...


@attrs.frozen
class _Libraries:
    numpy: ModuleType
    soundfile: ModuleType
    soxr: ModuleType

    @classmethod
    def load(cls, install: str) -> _Libraries:
        try:
            return cls(*(importlib.import_module(name) for name in ("numpy", "soundfile", "soxr")))
        except (ImportError, OSError) as error:  # the latter: soundfile without a libsndfile
            raise MissingExtra(install) from error

    def open(self, fd: int) -> AbstractContextManager[_Sound]:
        # A file that can be sought in is sought in behind each read: where its end is not known, as in a FLAC from a
        # pipe, that fails and takes what was read last with it.
        straight = type("_Straight", (self.soundfile.SoundFile,), {"seekable": lambda _: False})
        return cast("AbstractContextManager[_Sound]", straight(fd, closefd=False))

    def resampler(self, rate_hz: int) -> _Resampler | None:
        if rate_hz == SAMPLE_RATE_HZ:
            return None
        stream = self.soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
        return cast("_Resampler", stream)


def decode(fd: int, *, limit_bytes: int, install: str) -> Decoded:
    """
    Read the file that *fd* is at the beginning of. Blocks. Never more than the result and a block is in memory.

    Channels are averaged; what is louder than full scale is clipped, and what is no number is silence.

    Args:
        fd: of a regular file; it stays open.
        limit_bytes: of PCM; reading ends soon after it.
        install: the sentence for those who lack the packages.

    Raises:
        MissingExtra: they are not installed; nothing was read.
        NoAudio: libsndfile cannot read the file.
    """
    libraries = _Libraries.load(install)
    broken = ""
    frames = 0
    pcm = io.BytesIO()  # whose bytes are handed over at the end, not copied
    try:
        with libraries.open(fd) as sound:
            # A second at the most, so that a rate of 1 Hz does not make gigabytes of one block.
            block_frames = max(1, min(_BLOCK_SAMPLES // sound.channels, sound.samplerate))
            resampler = libraries.resampler(sound.samplerate)
            try:
                while pcm.tell() <= limit_bytes:
                    block = sound.read(block_frames, dtype="float32", always_2d=True)
                    frames += len(block)
                    mono = _mono(block)
                    if resampler is not None:
                        mono = resampler.resample_chunk(mono, last=not len(block))
                    pcm.write(_pcm16(mono))
                    if not len(block):
                        break
            except libraries.soundfile.SoundFileError as error:
                broken = _reason(error)
            return Decoded(
                pcm=pcm.getvalue(),
                rate_hz=sound.samplerate,
                format=sound.format,
                frames=frames,
                promised_frames=None if sound.frames >= _UNKNOWN_FRAMES else sound.frames,
                broken=broken,
            )
    except libraries.soundfile.SoundFileError as error:
        raise NoAudio(_reason(error)) from error


def _mono(block: Samples) -> Samples:
    import numpy as np

    finite = np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    # In 64 bits, where no sum of them is infinite; clipped here, since one huge sample would ring through the filter.
    mixed = finite.mean(axis=1, dtype=np.float64).clip(-1.0, 1.0)
    mono: Samples = mixed.astype(np.float32)
    return mono


def _pcm16(mono: Samples) -> bytes:
    import numpy as np

    pcm: bytes = np.rint(mono * 32_768.0).clip(-32_768, 32_767).astype("<i2").tobytes()
    return pcm


def _reason(error: Exception) -> str:
    """Return what libsndfile says, without the number of the descriptor that soundfile takes for a name."""
    said: object = getattr(error, "error_string", error)
    return str(said).strip().removeprefix("Error :").strip().rstrip(".").lower() or "unknown reason"
