"""The line below the prompt: how the session stands."""

from __future__ import annotations

import attrs

from geppetto.repl.cells import cut, width
from geppetto.text import escape_line

_SEPARATOR = " · "
_MINUTE_S = 60
_BAR_CELLS = 10


@attrs.frozen(kw_only=True)
class Status:
    """What there is to tell. Compared, so that the line is drawn only when it changes."""

    connection: str = "connecting"
    """`connecting`, `connected`, `reconnecting`."""
    model: str = ""
    voice: str = ""
    sending: str = ""
    """What of a spoken question has gone out; empty when none is on its way."""
    receiving: str = ""
    """What of an answer has come; empty when none is asked for."""
    waiting: int = 0
    """Questions that wait for their turn."""
    rtt_ms: int | None = None
    age_min: int | None = None
    limit_min: int | None = None
    """How long the server lets a session last; None when it did not say."""
    cost: str = ""
    """So far; empty when it is not known."""

    def line(self, columns: int) -> str:
        """Return what fits into *columns* cells; what matters least is left out first."""
        parts = [(importance, escape_line(text)) for importance, text in self._parts() if text]
        while len(parts) > 1 and width(_SEPARATOR.join(text for _, text in parts)) > columns:
            parts.remove(max(parts, key=lambda part: part[0]))
        return cut(_SEPARATOR.join(text for _, text in parts), columns)

    def _parts(self) -> list[tuple[int, str]]:
        """Return the parts as they stand, each with its rank; 0 matters most."""
        return [
            (0, self.connection),
            (1, self.sending),
            (1, self.receiving),
            (2, f"{self.waiting} queued" if self.waiting else ""),
            (4, " ".join(name for name in (self.model, self.voice) if name)),
            (6, f"{self.rtt_ms} ms" if self.rtt_ms is not None else ""),
            (5, self._age()),
            (3, self.cost),
        ]

    def _age(self) -> str:
        if self.age_min is None:
            return ""
        return f"{self.age_min} min" if self.limit_min is None else f"{self.age_min} of {self.limit_min} min"


def minutes(seconds: float) -> int:
    """Return the whole minutes in *seconds*."""
    return int(max(0.0, seconds) // _MINUTE_S)


def bar(part: float) -> str:
    """Return *part*, 0 to 1, as a bar with its percentage."""
    full = int(part * _BAR_CELLS)
    return f"{'█' * full}{'·' * (_BAR_CELLS - full)} {part:.0%}"
