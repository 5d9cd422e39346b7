"""What the targets share: text out of bytes, a place for files, and checks of what is shown."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

WHEN: Final = datetime(2026, 11, 21, 10, 15, 2, tzinfo=UTC)
SECRET: Final = "5ecret-Passw0rd"
_STEERING: Final = frozenset(
    [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *map(chr, range(0x202A, 0x202F)), "\u2028", "\u2029"]
) - {"\n", "\t"}


@cache
def scratch() -> Path:
    """Return a directory that goes away with the process."""
    owner = os.getpid()
    directory = Path(tempfile.mkdtemp(prefix="geppetto-fuzz-"))

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    return directory


def text_of(data: bytes) -> str:
    """Return text that may hold lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def whole(text: str) -> str:
    """Return *text* with half surrogate pairs replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def check_shown(text: str) -> None:
    """Check that nothing in *text* steers a terminal."""
    text.encode()
    assert not _STEERING & set(text)
