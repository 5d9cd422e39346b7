"""
Flushes to the disk, for a few files one by one, and for those of a crowd with one call for their file system.

Each flush of a file waits for the disk and costs as much CPU as ten batches of audio; hundreds of sessions would do
little else. `syncfs` writes everything of a file system that was not written yet, other programs' data too, in less
time than a few dozen files take one by one. So it is what a crowd does, and nobody else; where it turns out to take
long, because somebody copies a large disk, the crowd goes back to its own files for a while.

Before Linux 5.8 it tells no errors; then the flush at the end of each reply, which is one of its own files, does.

Source: syncfs(2), fsync(2).
"""

from __future__ import annotations

import os
import threading
import time
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from geppetto.audio.wav import cannot_write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

CROWD: Final = 32
"""So many who have something to flush are a crowd."""
_LONG_S: Final = 0.5
_LONG_AGAIN_S: Final = 60.0


class Unsynced(NamedTuple):
    """A file that was written to, by a descriptor of its own: whoever writes may close his meanwhile."""

    path: Path
    fd: int

    def flush(self) -> None:
        """
        Flush it to the disk.

        Raises:
            OutputFailed: the disk did not take it.
        """
        try:
            os.fsync(self.fd)
        except OSError as error:
            raise cannot_write(self.path, error) from error


class Place(msgspec.Struct, eq=False):
    """What those have in common who write into one directory. Made by `place_of`; any thread may call it."""

    _members: int = 0
    """Who has something to flush."""
    _lock: threading.Lock = msgspec.field(default_factory=threading.Lock)
    _flushing: threading.Lock = msgspec.field(default_factory=threading.Lock)
    flushed_until: float = -inf
    """What was written before this moment, by `time.monotonic`, is on the disk."""
    _one_by_one_until: float = -inf

    def enter(self) -> None:
        """Somebody has something to flush."""
        with self._lock:
            self._members += 1

    def leave(self) -> None:
        """Somebody has nothing to flush any more."""
        with self._lock:
            self._members -= 1

    def flush(self, files: Sequence[Unsynced], since: float) -> float:
        """
        Flush *files*, the first of which were written at *since*, and return until when they are on the disk now.

        Both are moments of `time.monotonic`.

        Raises:
            OutputFailed: the disk did not take it.
        """
        with self._lock:
            crowd = self._members + 1 >= CROWD  # with the one that asks, who is no member any more
        with self._flushing:  # whoever waits for it has it done with it
            if self.flushed_until > since:
                return self.flushed_until
            began_at = time.monotonic()
            if crowd and began_at >= self._one_by_one_until and (syncfs := _syncfs()) is not None:
                try:
                    syncfs(files[0].fd)
                except OSError as error:
                    raise cannot_write(files[0].path, error) from error
                self.flushed_until = began_at
                if time.monotonic() - began_at > _LONG_S:
                    self._one_by_one_until = time.monotonic() + _LONG_AGAIN_S
                return began_at
        for file in files:
            file.flush()
        return began_at


_places: Final[dict[Path, Place]] = {}


def place_of(directory: Path) -> Place:
    """Return what those have in common who write into *directory*."""
    return _places.setdefault(directory, Place())


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Return a call that flushes the file system of a descriptor; None where there is none."""
    import ctypes  # 10 ms, and only a crowd needs it

    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None

    def syncfs(fd: int) -> None:
        if call(fd) != 0:
            errno = ctypes.get_errno()
            raise OSError(errno, os.strerror(errno))

    return syncfs
