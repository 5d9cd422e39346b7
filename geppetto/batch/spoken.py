"""A spoken question from a file."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, Final

from geppetto.audio.pcm import SAMPLE_RATE_HZ
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MOST_S: Final = 300.0
"""The API takes 15 MiB of audio in one message, which is 5 min 27 s (Realtime API reference, 2026-11)."""
LEAST_S: Final = 0.1
"""Less is refused by the API."""


def read_spoken(path: Path) -> bytes:
    """
    Return the audio of the WAV at *path*: PCM16, mono, 24,000 Hz. Blocks.

    Raises:
        ConfigError: it cannot be read, or is something else.
    """
    try:
        with wave.open(str(path), "rb") as wav:
            given = (wav.getnchannels(), wav.getsampwidth(), wav.getframerate())
            if given != (1, 2, SAMPLE_RATE_HZ):
                channels, width, rate_hz = given
                msg = (
                    f"{path} has {channels} {'channel' if channels == 1 else 'channels'} of {8 * width} bit at "
                    f"{rate_hz} Hz. A spoken question is a WAV of one channel, 16 bit, {SAMPLE_RATE_HZ} Hz."
                )
                raise ConfigError(msg)
            length_s = wav.getnframes() / SAMPLE_RATE_HZ
            if not LEAST_S <= length_s <= MOST_S:
                msg = f"{path} holds {length_s:.2f} s of audio. A spoken question has {LEAST_S:g} to {MOST_S:g} s."
                raise ConfigError(msg)
            pcm = wav.readframes(wav.getnframes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from error
    except (wave.Error, EOFError) as error:
        raise ConfigError(f"{path} is no WAV that can be read ({str(error) or 'it ends too soon'}).") from error
    return pcm[: len(pcm) // 2 * 2]
