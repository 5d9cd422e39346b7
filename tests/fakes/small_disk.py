"""A disk with little room."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import pytest


@attrs.define
class SmallDisk:
    """Everything that is written with `os.write` shares its room; what does not fit is refused, as a disk does."""

    room_bytes: int

    @classmethod
    def mount(cls, monkeypatch: pytest.MonkeyPatch, room_bytes: int) -> SmallDisk:
        """Write to a disk that has *room_bytes* left, until the test is over."""
        disk, write = cls(room_bytes), os.write

        def write_until_full(fd: int, data: bytes) -> int:
            if not disk.room_bytes:
                raise OSError(errno.ENOSPC, "No space left on device")
            written = write(fd, bytes(data)[: disk.room_bytes])
            disk.room_bytes -= written
            return written

        monkeypatch.setattr(os, "write", write_until_full)
        return disk
