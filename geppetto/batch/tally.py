"""How far a run is, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.batch.result import Result


class Tally(msgspec.Struct, kw_only=True):
    """What a run came to."""

    questions: int = 0
    """Read, malformed lines included."""
    skipped: int = 0
    """Answered by an earlier run."""
    done: int = 0
    failed: int = 0
    failed_checks: int = 0
    """Of those that are done."""
    read_all: bool = False
    """Whether the end of the input was reached: only then is the number of questions known."""
    sessions: int = 0
    """Opened, one after another or side by side."""
    log_path: Path | None = None
    """The wire log of the first one."""
    limit: str = ""
    """The limit that ended it; empty when none did."""

    @property
    def unasked(self) -> int:
        """Read, and never told."""
        return self.questions - self.skipped - self.done - self.failed

    def count(self, result: Result) -> None:
        """Take a result into account."""
        if result.answered:
            self.done += 1
            self.failed_checks += bool(result.failed_checks)
        else:
            self.failed += 1
