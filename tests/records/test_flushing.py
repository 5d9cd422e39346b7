"""Flushes to the disk: each file by itself, and a crowd of them with one call."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import pytest

from geppetto.errors import OutputFailed
from geppetto.realtime.happenings import ReplyAudio
from geppetto.realtime.reply import Reply
from geppetto.records import flushing
from geppetto.records.flushing import CROWD
from geppetto.records.recorder import FSYNC_INTERVAL_S, Recorder

if TYPE_CHECKING:
    from pathlib import Path

PCM = bytes(480)


@attrs.define
class Disk:
    """Counts flushes, at a time that stands still until it is moved."""

    now: float = 1000.0
    files: int = 0
    whole: int = 0
    takes_s: float = 0.0
    error: OSError | None = None

    def fsync(self, fd: int) -> None:
        """Flush a file."""
        os.fstat(fd)  # it is open
        self.files += 1

    def syncfs(self, fd: int) -> None:
        """Flush all."""
        os.fstat(fd)
        if self.error is not None:
            raise self.error
        self.whole += 1
        self.now += self.takes_s


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return the disk that all flushes of a test go to."""
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    monkeypatch.setattr(flushing, "_syncfs", lambda: disk.syncfs)
    monkeypatch.setattr(time, "monotonic", lambda: disk.now)
    return disk


@attrs.define
class Session:
    """A recorder and the reply that it writes."""

    recorder: Recorder
    reply: Reply = attrs.field(factory=lambda: Reply(response_id="resp_1"))

    def hear(self) -> None:
        """Write a piece."""
        self.recorder.put(ReplyAudio(reply=self.reply, item_id="item", content_index=0, pcm=PCM))
        self.recorder.write()


def sessions(directory: Path, number: int) -> list[Session]:
    """Return so many sessions that have all written a piece."""
    made = [Session(Recorder(directory, datetime.now)) for _ in range(number)]
    for session in made:
        session.hear()
    return made


def close(crowd: list[Session]) -> None:
    """Close their files."""
    for session in crowd:
        session.recorder.close()


def test_a_few_flush_their_own_files(tmp_path: Path, disk: Disk) -> None:
    """Nobody else's data is their business."""
    few = sessions(tmp_path, CROWD - 1)
    for session in few:
        session.recorder.sync()
    assert (disk.files, disk.whole) == (CROWD - 1, 0)
    close(few)


def test_a_crowd_flushes_all_at_once(tmp_path: Path, disk: Disk) -> None:
    """What one of them does in the name of all is not done again by the others, until something new is due."""
    crowd = sessions(tmp_path, CROWD)
    disk.now += 1
    for session in crowd:
        session.recorder.sync()
    assert (disk.files, disk.whole) == (0, 1)
    assert {session.recorder.sync_due_s() for session in crowd} == {float("inf")}
    for session in crowd:
        session.hear()
    disk.now += FSYNC_INTERVAL_S
    for session in crowd:
        session.recorder.sync()
    assert (disk.files, disk.whole) == (0, 2)
    close(crowd)


def test_what_came_behind_a_flush_of_the_crowd_is_due_in_time(tmp_path: Path, disk: Disk) -> None:
    """Whoever wrote on after it began has only the rest to flush, no later than an interval after it."""
    crowd = sessions(tmp_path, CROWD)
    disk.now += 1
    crowd[0].recorder.sync()
    disk.now += 0.5
    crowd[0].hear()
    crowd[1].hear()
    crowd[1].recorder.sync()
    assert disk.whole == 1
    assert crowd[1].recorder.sync_due_s() == pytest.approx(FSYNC_INTERVAL_S - 0.5)
    disk.now += FSYNC_INTERVAL_S - 0.5
    crowd[1].recorder.sync()
    assert disk.whole == 2
    assert crowd[1].recorder.sync_due_s() == float("inf")
    close(crowd)


def test_files_that_were_removed_are_missed_though_others_have_flushed(tmp_path: Path, disk: Disk) -> None:
    """Each looks for its own: a disk that took everything does not help who has lost the file."""
    crowd = sessions(tmp_path, CROWD)
    disk.now += 1
    crowd[0].recorder.sync()
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(OutputFailed, match="was removed"):
        crowd[1].recorder.sync()
    assert disk.whole == 1
    close(crowd)


def test_a_crowd_that_has_gone_is_none(tmp_path: Path, disk: Disk) -> None:
    """Who has nothing to flush, because the files are closed or flushed, does not count."""
    crowd = sessions(tmp_path, CROWD + 1)
    crowd[0].recorder.close()
    crowd[1].recorder.sync()
    assert disk.whole == 1
    disk.now += 1
    crowd[2].hear()
    crowd[2].recorder.sync()
    assert (disk.files, disk.whole) == (1, 1)
    close(crowd)


def test_a_disk_that_is_busy_with_something_else(tmp_path: Path, disk: Disk) -> None:
    """Where all at once takes long, the crowd flushes its own files for a while, and then tries again."""
    crowd = sessions(tmp_path, CROWD + 2)
    disk.takes_s = 10.0
    crowd[0].recorder.sync()
    for session in crowd[1:]:
        session.hear()
    crowd[1].recorder.sync()
    assert (disk.files, disk.whole) == (1, 1)
    disk.now += 100
    crowd[0].hear()
    crowd[1].hear()
    crowd[2].recorder.sync()
    assert (disk.files, disk.whole) == (1, 2)
    close(crowd)


def test_a_disk_that_takes_nothing(tmp_path: Path, disk: Disk) -> None:
    """It is told with the file that it is about."""
    crowd = sessions(tmp_path, CROWD)
    disk.error = OSError(5, "Input/output error")
    with pytest.raises(OutputFailed, match=r"\.wav\.part cannot be written \(Input/output error\)"):
        crowd[0].recorder.sync()
    close(crowd)


def test_the_call_of_the_system_works(tmp_path: Path) -> None:
    """A real file system is flushed, and a descriptor that is none is an error."""
    syncfs = flushing._syncfs()
    if syncfs is None:
        pytest.skip("this system has no syncfs")
    with (tmp_path / "file").open("wb") as file:
        syncfs(file.fileno())
    with pytest.raises(OSError, match="Bad file descriptor"):
        syncfs(1_000_000)
