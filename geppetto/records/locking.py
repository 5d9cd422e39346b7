"""Locks that go away with their process: they tell the files of a running session from those of a killed one."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock(fd: int) -> bool:
    """
    Lock *fd* for as long as it is open, and return whether nobody else had.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True


def is_at(fd: int, path: Path | str) -> bool:
    """Return whether *path* names the open file *fd*."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except OSError:
        return False
