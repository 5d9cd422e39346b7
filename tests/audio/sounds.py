"""Files of sound in every format, written with libsndfile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class _SoundFile(Protocol):
    """What is used of the module `soundfile`, which has no types."""

    def write(self, path: Path, samples: NDArray[np.floating], rate_hz: int, **more: str | float | None) -> None: ...


def write_sound(
    path: Path,
    samples: NDArray[np.floating],
    rate_hz: int,
    *,
    format: str | None = None,  # noqa: A002 - as soundfile calls it
    subtype: str | None = None,
    **more: str | float,
) -> Path:
    """
    Write *samples*, of -1 to 1, frames in rows where there are several channels; return *path*.

    Skips the test where the extra is not installed that reads such a file.
    """
    pytest.importorskip("soxr", reason="needs the extra geppetto[audio]")
    soundfile = cast("_SoundFile", pytest.importorskip("soundfile", reason="needs the extra geppetto[audio]"))
    soundfile.write(path, samples, rate_hz, format=format, subtype=subtype, **more)
    return path
