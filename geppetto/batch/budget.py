"""How much a run may cost, and how long it may take."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from geppetto.pricing.cost import dollars

_WARN_AT = Decimal("0.8")


class Budget(msgspec.Struct, kw_only=True):
    """
    Two limits after which nothing more is asked. What runs is finished, so a run can pass its limit by that.

    Callers bring the clock.
    """

    max_usd: Decimal | None = None
    max_s: float | None = None
    started_at: float
    spent_usd: Decimal = Decimal(0)
    unpriced: bool = False
    """Whether tokens were used whose price is not known: then the limit of cost does not hold."""
    _warned: set[str] = msgspec.field(default_factory=set)

    def spend(self, usd: Decimal) -> None:
        """Take the cost of an answer into account."""
        self.spent_usd += usd

    @property
    def ends_at(self) -> float:
        """When nothing more is asked; infinity without such a limit."""
        return float("inf") if self.max_s is None else self.started_at + self.max_s

    def reached(self, now: float) -> str | None:
        """Return which limit is reached, as a sentence; None while there is something left."""
        if self.max_usd is not None and self.spent_usd >= self.max_usd:
            return f"The limit of {dollars(self.max_usd)} is reached ({dollars(self.spent_usd)} spent)."
        if now >= self.ends_at:
            assert self.max_s is not None
            return f"The limit of {_minutes(self.max_s)} is reached."
        return None

    def warning(self, now: float) -> str | None:
        """Return a warning when four fifths of a limit are used, or one cannot hold, once for each."""
        if self.max_usd is not None and self.unpriced and "unpriced" not in self._warned:
            self._warned.add("unpriced")
            return (
                f"an answer used tokens whose price is not known, so the limit of {dollars(self.max_usd)} does not "
                "hold for it; --prices-file tells the price"
            )
        if self.max_usd is not None and "usd" not in self._warned and self.spent_usd >= self.max_usd * _WARN_AT:
            self._warned.add("usd")
            return f"{dollars(self.spent_usd)} of {dollars(self.max_usd)} are spent"
        if (
            self.max_s is not None
            and "s" not in self._warned
            and now - self.started_at >= self.max_s * float(_WARN_AT)
        ):
            self._warned.add("s")
            return f"{(now - self.started_at) / 60:.1f} of {_minutes(self.max_s)} are over"
        return None


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} {'minute' if seconds == 60 else 'minutes'}"
