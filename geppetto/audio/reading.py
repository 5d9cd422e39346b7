"""
A spoken question from a file.

A WAV of PCM16, mono, 24,000 Hz is read as it is, with nothing but the standard library. Not with its `wave`, which
believes a header that promises too much, and before Python 3.12 refuses WAVE_FORMAT_EXTENSIBLE. Every other file is
libsndfile's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from geppetto.audio.pcm import FRAME_BYTES, SAMPLE_RATE_HZ, duration_s, whole_frames_bytes
from geppetto.audio.riff import EndsInHeader, promises_too_much, read_wav_header
from geppetto.audio.sndfile import NoAudio, decode
from geppetto.errors import ConfigError
from geppetto.given_file import open_given, read_exactly

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from geppetto.audio.riff import Wav
    from geppetto.audio.sndfile import Decoded

LEAST_S: Final = 0.1
"""The API refuses to commit less. Source: error `input_audio_buffer_commit_empty`, Realtime API, 2026-11."""
MOST_S: Final = 600.0
"""What the input audio buffer of every server is taken to hold. The Realtime API reference (2026-11) names no limit;
the embedded server holds 32 MiB, which are 11 min 39 s."""
ONE_MESSAGE_S: Final = 230.0
"""What one message holds, as base64, with 6 % of it left for all else that is in it: see `MESSAGE_BYTES`."""

_UNREAD_SHARE: Final = 4
"""An MP3 of which more than this part of the bytes was not read was longer than libsndfile took it for."""


def read_audio(path: Path, *, in_one_message: bool = False) -> bytes:
    """
    Return the audio of *path*: PCM16 little-endian, mono, 24,000 Hz. Blocks; no pipe is waited for.

    Args:
        path: a file of any format that libsndfile reads; other channels are averaged, other rates resampled.
        in_one_message: whether it is to be sent in one message, as an independent question is; then it has to be
            shorter.

    Raises:
        ConfigError: it cannot be read, is no audio, damaged, too short or too long.
        MissingExtra: it is no plain WAV, and the packages that read others are not installed.
    """
    most_s = ONE_MESSAGE_S if in_one_message else MOST_S
    with open_given(path) as (file, size_bytes):
        try:
            wav = read_wav_header(file, size_bytes)
        except EndsInHeader as error:
            raise ConfigError(f"{path} ends in its header, before any audio. Copy or record it again.") from error
        if wav is not None and wav.promised_bytes > wav.held_bytes:
            per_s = wav.bytes_per_s or math.inf
            raise _cut_off(path, wav.promised_bytes / per_s, wav.held_bytes / per_s)
        if wav is None and promises_too_much(file, size_bytes):
            raise _cut_off(path)
        pcm = _decoded(path, file, size_bytes, most_s) if wav is None or not wav.plain else _plain(file, wav, most_s)
    if not pcm:
        raise ConfigError(f"{path} holds no audio. Record it again.")
    length_s = duration_s(len(pcm))
    if length_s < LEAST_S:
        step = f"A spoken question has at least {LEAST_S:g} s: record it again."
        raise ConfigError(f"{path} holds {length_s:.3f} s of audio. {step}")
    if length_s > most_s:
        step = f"A spoken question has {_minutes(most_s)} at the most: cut it."
        if in_one_message:
            step = (
                f"A question that knows nothing of those before it is sent in one message, which takes "
                f"{_minutes(most_s)}: cut it, or ask it in the conversation."
            )
        raise ConfigError(f"{path} holds more than {_minutes(most_s)} of audio. {step}")
    return pcm


def _plain(file: FileIO, wav: Wav, most_s: float) -> bytes:
    """Return the audio, or a frame more than the most of it."""
    most_bytes = (int(most_s * SAMPLE_RATE_HZ) + 1) * FRAME_BYTES
    file.seek(wav.at)
    return read_exactly(file, whole_frames_bytes(min(wav.held_bytes, most_bytes)))


def _decoded(path: Path, file: FileIO, size_bytes: int, most_s: float) -> bytes:
    file.seek(0)
    install = (
        f"{path} is no WAV of one channel, 16 bit, {SAMPLE_RATE_HZ:,} Hz: to read other files, run "
        '`python3 -m pip install "geppetto[audio]"`.'
    )
    limit_bytes = int(most_s * SAMPLE_RATE_HZ) * FRAME_BYTES
    try:
        decoded = decode(file.fileno(), limit_bytes=limit_bytes, install=install)
    except NoAudio as error:
        msg = f"{path} is no audio that can be read ({error}). Convert it to WAV, FLAC, OGG or MP3."
        raise ConfigError(msg) from error
    if len(decoded.pcm) <= limit_bytes:
        _refuse_partial(path, file, size_bytes, decoded)
    return decoded.pcm


def _refuse_partial(path: Path, file: FileIO, size_bytes: int, decoded: Decoded) -> None:
    """
    Let *decoded* pass if it is all of the file.

    Raises:
        ConfigError: the file is shorter than it says, or damaged, or longer than libsndfile believes.
    """
    read_s = decoded.frames / decoded.rate_hz
    if decoded.broken:
        msg = f"{path} is damaged or ends too soon, after {read_s:.1f} s ({decoded.broken}). Copy or record it again."
        raise ConfigError(msg)
    if decoded.format == "MP3":
        # Its length may be an estimate, and libsndfile stops there.
        tolerated_s = max(0.1, read_s / 20)
        if size_bytes - file.tell() > size_bytes // _UNREAD_SHARE:
            msg = f"{path} has no table of contents and was read in part only. Convert it to WAV, FLAC or OGG."
            raise ConfigError(msg)
    else:
        tolerated_s = 0.0
    promised_s = read_s if decoded.promised_frames is None else decoded.promised_frames / decoded.rate_hz
    if promised_s > read_s + tolerated_s:
        raise _cut_off(path, promised_s, read_s)


def _cut_off(path: Path, promised_s: float = 0.0, held_s: float = 0.0) -> ConfigError:
    known = f": its header promises {promised_s:.1f} s of audio, and there are {held_s:.1f} s"
    return ConfigError(f"{path} ends too soon{known if promised_s else ''}. Copy or record it again.")


def _minutes(length_s: float) -> str:
    minutes, rest_s = divmod(round(length_s), 60)
    return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
