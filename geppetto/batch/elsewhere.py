"""What a run needs of those who ask its questions in other processes instead of sessions of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from geppetto.batch.ask import Ask
    from geppetto.batch.plan import Plan
    from geppetto.batch.result import Result
    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics
    from geppetto.stopper import Stopper


@attrs.frozen(kw_only=True)
class Seam:
    """What a run hands to them. The run reads, limits, keeps and emits; they ask."""

    config: ClientConfig
    plan: Plan
    stopper: Stopper
    metrics: Metrics
    begin: Callable[[], Path | None]
    """Makes the manifest, unless that was done, and returns where it is; None without one. Blocks."""
    next_ask: Callable[[], Awaitable[Ask | None]]
    """Waits for a question that may be asked; None when there are no more. For one caller at a time."""
    at_limit: Callable[[], bool]
    """Whether there are no more because a limit is reached."""
    keep: Callable[[Result], None]
    """Makes a result durable; blocks. Raises `OutputFailed`."""
    tell: Callable[[Result], Awaitable[None]]
    """Takes a result that is durable."""
    warn: Callable[[str], Awaitable[None]]
    """Takes a sentence that is no result."""


class Askers(Protocol):
    """Ask every question that comes, and tell of every one that is over, as `geppetto.batch.pool.Pool` does."""

    async def run(self) -> None:
        """Ask until there are no more questions, or the stopper stops."""


class Elsewhere(Protocol):
    """Where a run is asked, if not here."""

    @property
    def window(self) -> int:
        """How many results may wait for an older one; at least as many questions as are held back at once."""

    def askers(self, seam: Seam) -> Askers:
        """Return who asks."""
