"""The wire log reaches its file while the session goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from geppetto.errors import OutputFailed
from geppetto.records.wirelog import WireLog
from geppetto.tasks.log import FLUSH_INTERVAL_S, MUCH_BYTES, keep_up, write_log

if TYPE_CHECKING:
    from pathlib import Path

    from trio.testing import MockClock

NOW = datetime(2026, 11, 21, 10, 15, 2, tzinfo=UTC)


@attrs.define
class Told:
    """A log that tells when it was flushed."""

    log: WireLog
    flushed: trio.Event = attrs.field(factory=trio.Event)
    _trio: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.log.path

    @property
    def pending_bytes(self) -> int:
        """How much waits."""
        return self.log.pending_bytes

    def flush(self) -> None:
        """Flush, and tell."""
        self.log.flush()
        self._trio.run_sync_soon(self.flushed.set)


async def test_what_is_noted_is_in_the_file_soon(tmp_path: Path) -> None:
    """After an interval a line that was noted is in the file, without anybody closing it."""
    log = WireLog.open(tmp_path, NOW)
    told = Told(log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_log, told)  # type: ignore[arg-type]  # it has what `write_log` uses of one
        log.note("sent", "response.create", '{"type":"response.create"}', NOW)
        assert b"response.create" not in log.path.read_bytes()
        with trio.fail_after(5):
            await told.flushed.wait()
        assert b"response.create" in log.path.read_bytes()
        nursery.cancel_scope.cancel()
    log.close()


async def test_nothing_noted_is_nothing_written(tmp_path: Path, autojump_clock: MockClock) -> None:
    """An idle session does not trouble the disk."""
    log = WireLog.open(tmp_path, NOW)
    log.flush()
    told = Told(log)
    with trio.move_on_after(100 * FLUSH_INTERVAL_S):
        await write_log(told)  # type: ignore[arg-type]  # it has what `write_log` uses of one
    assert not told.flushed.is_set()
    log.close()


async def test_a_log_that_cannot_be_written_ends_the_session(tmp_path: Path) -> None:
    """The task raises what `flush` raises."""

    class Full:
        path = tmp_path / "log"
        pending_bytes = 1

        def flush(self) -> None:
            raise OutputFailed("The log cannot be written.")

    with trio.fail_after(5), pytest.raises(OutputFailed, match="cannot be written"):
        await write_log(Full())  # type: ignore[arg-type]  # a full disk cannot be had here


async def test_a_flood_waits_for_the_log(tmp_path: Path) -> None:
    """Little is left for later; much is written before anything more is heard."""
    log = WireLog.open(tmp_path, NOW)
    log.note("received", "x", '{"type":"x"}', NOW)
    await keep_up(log, 10)
    assert log.pending_bytes > 0
    for _ in range(MUCH_BYTES // 1_000_000 + 1):
        log.note("received", "x", "y" * 1_000_000, NOW)
    await keep_up(log, 10)
    assert log.pending_bytes == 0
    log.close()
