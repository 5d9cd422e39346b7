"""PCM16 as the Realtime API speaks it: signed 16 bit, little-endian, mono."""

from __future__ import annotations

SAMPLE_RATE_HZ = 24_000
"""The only rate of `audio/pcm` (GA) and `pcm16` (beta) at OpenAI."""

FRAME_BYTES = 2
"""One frame is one sample of the one channel."""


def duration_s(n_bytes: int, sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Return how long *n_bytes* of PCM16 mono play, in seconds."""
    return n_bytes / (FRAME_BYTES * sample_rate_hz)


def duration_ms(n_bytes: int, sample_rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """
    Return how long *n_bytes* of PCM16 mono play, in whole milliseconds, rounded down.

    Down, because a `conversation.item.truncate` past the end of the audio is an error.
    """
    return n_bytes * 1000 // (FRAME_BYTES * sample_rate_hz)


def whole_frames_bytes(n_bytes: int) -> int:
    """Return *n_bytes* without the odd byte of a frame that is not complete."""
    return n_bytes - n_bytes % FRAME_BYTES
