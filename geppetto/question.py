"""A question under way, for those who wait for its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.records.metrics import Latency

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.errors import GeppettoError
    from geppetto.realtime.reply import Turn


@attrs.define(eq=False)
class Question:
    """Its clock, the words so far, and at last its answer."""

    turn: Turn
    asked_at: float | None = None
    first_text_at: float | None = None
    first_audio_at: float | None = None
    pieces: list[str] = attrs.field(factory=list)
    answer: Answer | None = None
    error: GeppettoError | None = None
    """Why there will be no answer."""
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def change(self) -> None:
        """Wake whoever waits for the next piece or the answer."""
        self._changed.set()
        self._changed = trio.Event()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.answer is not None or self.error is not None

    async def changes(self) -> None:
        """Wait for the next piece, or for the end."""
        await self._changed.wait()

    def latency(self, done_at: float) -> Latency:
        """Return how long things took, counted from the moment the question was sent."""

        def since_asked_ms(moment: float | None) -> float | None:
            return None if moment is None or self.asked_at is None else (moment - self.asked_at) * 1000

        return Latency(
            first_text_ms=since_asked_ms(self.first_text_at),
            first_audio_ms=since_asked_ms(self.first_audio_at),
            done_ms=since_asked_ms(done_at),
        )
