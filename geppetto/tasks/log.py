"""What brings the wire log and its disk together. No task: nobody would wake it but a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from geppetto.hops import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from geppetto.records.wirelog import WireLog

FLUSH_INTERVAL_S: Final = 0.25
"""What `kill -9` can cost the log."""


MUCH_BYTES: Final = 256 * 1024
"""So much that whoever adds to it had better wait: the end of a session has time for no more."""


def _nobody(_error: Exception) -> None:
    """Whoever closes the log is told that it cannot be written."""


class LogKeeper:
    """Flushes a log to its file, `FLUSH_INTERVAL_S` after something was noted, in a thread."""

    def __init__(self, log: WireLog) -> None:
        """Look after *log*, until it cannot be written."""
        self.log = log
        """What it looks after."""
        self._job = Job((log.path.parent, "log"), log.flush, self._flushed)
        self._failed: Callable[[Exception], None] = _nobody
        self._left = False

    def tell(self, failed: Callable[[Exception], None]) -> None:
        """Tell *failed*, once, why the log cannot be written any more."""
        self._failed = failed

    def noted(self) -> None:
        """Something is about to be noted."""
        if not self._job.wanted and not self._left:
            self._job.want(FLUSH_INTERVAL_S)

    def behind(self) -> bool:
        """Whether so much waits for the disk that whoever adds to it had better `keep_up`."""
        return self.log.pending_bytes > MUCH_BYTES

    async def keep_up(self, patience_s: float, waits: Callable[[], None]) -> None:
        """
        Let the log catch up with what was noted, if that is much: a flood is read as fast as we write.

        Not for longer than *patience_s* seconds; *waits* is called before.

        Cancellation: leaves at once.

        Raises:
            OutputFailed: the log cannot be written.
        """
        if self.behind():
            waits()
            with trio.move_on_after(patience_s):
                await self._job.done()

    def leave(self) -> None:
        """Look after it no more: the session is over, and closing the log writes the rest."""
        self._left = True
        self._job.drop()

    async def close(self) -> None:
        """
        Write the rest, and close the log. Nothing of it is done in any thread any more then.

        Cancellation: leaves at once; a thread that hangs on the disk is left behind.

        Raises:
            OutputFailed: the rest cannot be written.
        """
        self.leave()
        await self._job.at_rest()
        await trio.to_thread.run_sync(self.log.close, abandon_on_cancel=True)

    def _flushed(self) -> None:
        if self._job.error is not None and not self._left:
            self.leave()
            self._failed(self._job.error)
