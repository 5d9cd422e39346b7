"""The task that brings the wire log and its disk together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from geppetto.hops import in_thread

if TYPE_CHECKING:
    from geppetto.records.wirelog import WireLog

FLUSH_INTERVAL_S = 0.25
"""What `kill -9` can cost the log."""


MUCH_BYTES = 256 * 1024
"""So much that whoever adds to it had better wait: the end of a session has time for no more."""


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
            await in_thread(log.path.parent, log.flush)


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
            await in_thread(log.path.parent, log.flush)
