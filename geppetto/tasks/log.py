"""The task that brings the wire log and its disk together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from geppetto.records.wirelog import WireLog

FLUSH_INTERVAL_S = 0.25
"""What `kill -9` can cost the log."""


MUCH_BYTES = 16 * 1024 * 1024
"""So much that whoever adds to it had better wait."""


async def keep_up(log: WireLog, patience_s: float) -> None:
    """
    Let *log* catch up with what was noted, if much is waiting: a server that floods us is read as fast as we write.

    Not for longer than *patience_s* seconds, because whoever waits here sends no pongs.

    Cancellation: leaves at once.

    Raises:
        OutputFailed: the log cannot be written.
    """
    if log.pending_bytes > MUCH_BYTES:
        with trio.move_on_after(patience_s):
            await trio.to_thread.run_sync(log.flush, abandon_on_cancel=True)


async def write_log(log: WireLog) -> None:
    """
    Flush *log* to its file every `FLUSH_INTERVAL_S` seconds, in a thread. The caller closes it.

    Cancellation: leaves at once; closing the log writes the rest.

    Raises:
        OutputFailed: the log cannot be written.
    """
    while True:
        await trio.sleep(FLUSH_INTERVAL_S)
        if log.pending_bytes:
            await trio.to_thread.run_sync(log.flush, abandon_on_cancel=True)
