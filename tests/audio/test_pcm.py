"""How long PCM16 plays."""

from __future__ import annotations

import pytest

from geppetto.audio.pcm import FRAME_BYTES, SAMPLE_RATE_HZ, duration_ms, duration_s, whole_frames_bytes


def test_one_second() -> None:
    """48,000 bytes are one second at the API's rate, three at 8,000 Hz."""
    assert FRAME_BYTES * SAMPLE_RATE_HZ == 48_000
    assert duration_s(48_000) == 1.0
    assert duration_s(48_000, 8_000) == 3.0
    assert duration_ms(48_000) == 1000
    assert duration_ms(48_000, 8_000) == 3000


def test_milliseconds_round_down() -> None:
    """A truncation never lies past the end of the audio."""
    assert duration_ms(95) == 1
    assert duration_ms(96) == 2


@pytest.mark.parametrize(("n_bytes", "whole"), [(0, 0), (1, 0), (2, 2), (7, 6)])
def test_whole_frames(n_bytes: int, whole: int) -> None:
    """The byte of a frame that is not complete does not count."""
    assert whole_frames_bytes(n_bytes) == whole
