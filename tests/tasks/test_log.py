"""The wire log reaches its file while the session goes on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from geppetto.errors import OutputFailed
from geppetto.records.wirelog import WireLog
from geppetto.tasks.log import FLUSH_INTERVAL_S, MUCH_BYTES, LogKeeper

if TYPE_CHECKING:
    from pathlib import Path

    from trio.testing import MockClock

NOW = datetime(2026, 11, 21, 10, 15, 2, tzinfo=UTC)


class Told(WireLog):
    """A log that tells when it was flushed, or fails to be."""

    token: trio.lowlevel.TrioToken
    flushed: trio.Event
    flushes = 0
    full = False
    disk: threading.Event | None = None
    """What a flush waits for before it ends."""

    def watch(self) -> None:
        """Tell from now on."""
        self.token = trio.lowlevel.current_trio_token()
        self.flushed = trio.Event()

    def flush(self) -> None:
        """Flush, and tell."""
        if self.full:
            raise OutputFailed("The log cannot be written.")
        super().flush()
        if self.disk is not None:
            self.token.run_sync_soon(self.flushed.set)
            self.disk.wait(5)
        self.flushes += 1
        self.token.run_sync_soon(self.flushed.set)


@pytest.fixture
def log(tmp_path: Path) -> Told:
    """Return a log in an empty directory."""
    log = Told.open(tmp_path, NOW)
    assert isinstance(log, Told)
    return log


async def test_what_is_noted_is_in_the_file_soon(log: Told) -> None:
    """After an interval lines that were noted are in the file, all at once, without anybody closing it."""
    log.watch()
    keeper = LogKeeper(log)
    for number in range(3):
        keeper.noted()
        log.note("sent", "response.create", f'{{"type":"response.create","n":{number}}}', NOW)
        await trio.lowlevel.checkpoint()
    assert b"response.create" not in log.path.read_bytes()
    with trio.fail_after(5):
        await log.flushed.wait()
    assert log.path.read_bytes().count(b'"sent"') == 3
    assert log.flushes == 1
    log.close()


async def test_what_is_not_looked_after_is_not_written(log: Told, autojump_clock: MockClock) -> None:
    """An idle session does not trouble the disk, nor does one that is over: closing its log does."""
    log.watch()
    keeper = LogKeeper(log)
    await trio.sleep(100 * FLUSH_INTERVAL_S)
    keeper.noted()
    keeper.leave()
    keeper.noted()
    await trio.sleep(100 * FLUSH_INTERVAL_S)
    assert not log.flushes
    log.close()


async def test_a_log_that_cannot_be_written_is_told_of_once(log: Told) -> None:
    """Whoever owns it gets what `flush` raises, and nothing more is tried."""
    log.watch()
    log.full = True
    failures: list[Exception] = []
    failed = trio.Event()

    def fail(error: Exception) -> None:
        failures.append(error)
        failed.set()

    keeper = LogKeeper(log)
    keeper.tell(fail)
    with trio.fail_after(5):
        keeper.noted()
        await failed.wait()
        keeper.noted()
        await wait_all_tasks_blocked(FLUSH_INTERVAL_S)
    (failure,) = failures
    assert isinstance(failure, OutputFailed)
    assert "cannot be written" in str(failure)
    log.close()


async def test_the_end_waits_for_what_is_being_written(log: Told) -> None:
    """When the log is closed, no thread is at it any more."""
    log.watch()
    log.disk = threading.Event()
    keeper = LogKeeper(log)
    keeper.noted()
    log.note("sent", "response.create", '{"type":"response.create"}', NOW)
    closed = trio.Event()

    async def close() -> None:
        await keeper.close()
        closed.set()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await log.flushed.wait()
            nursery.start_soon(close)
            await wait_all_tasks_blocked(0.05)
            assert not closed.is_set()
            log.disk.set()
    assert log.flushes == 1
    with pytest.raises(ValueError, match="is closed"):
        log.note("sent", "response.create", "{}", NOW)


async def test_a_flood_waits_for_the_log(log: Told) -> None:
    """Little is left for later; much is written before anything more is heard."""
    log.watch()
    keeper = LogKeeper(log)
    log.note("received", "x", '{"type":"x"}', NOW)
    waited: list[None] = []
    await keeper.keep_up(10, lambda: waited.append(None))
    assert log.pending_bytes > 0
    for _ in range(MUCH_BYTES // 1_000_000 + 1):
        log.note("received", "x", "y" * 1_000_000, NOW)
    assert not waited
    await keeper.keep_up(10, lambda: waited.append(None))
    assert waited
    assert log.pending_bytes == 0
    log.close()
