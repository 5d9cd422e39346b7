"""One gate before the server for all sessions: what slows one down slows all down."""

from __future__ import annotations

import msgspec
import trio


class Pacing(msgspec.Struct):
    """Nothing is asked before a moment that only moves on."""

    _open_at: float = float("-inf")
    """In the event loop's seconds."""

    def slow_down(self, pause_s: float) -> None:
        """Close the gate for *pause_s* seconds, unless it is closed for longer."""
        self._open_at = max(self._open_at, trio.current_time() + pause_s)

    async def wait(self) -> None:
        """Wait until the gate is open. Cancellation: leaves at once."""
        open_at = float("-inf")
        while open_at < self._open_at:  # it may have been closed for longer meanwhile
            open_at = self._open_at
            await trio.sleep_until(open_at)
