"""Who is told how a run goes: the bar, or lines now and then, on stderr; the file for CI at the end."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec

from geppetto.cli.screen import write_stderr

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from geppetto.batch.junit import JUnitReport
    from geppetto.batch.result import Result
    from geppetto.batch.tally import Tally
    from geppetto.cli.progress import Progress
    from geppetto.config import ClientConfig


class Reports(msgspec.Struct, kw_only=True):
    """Everything about a run that is not its results."""

    junit: Path | None
    bar: bool
    """Whether there is to be a bar, once there is more than one question."""
    lines: bool
    """Whether there are to be lines instead."""
    _report: JUnitReport | None = None
    _progress: Progress | None = None
    _tally: Tally | None = None
    _early: list[Result] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin the report."""
        if self.junit is not None:
            from geppetto.batch.junit import JUnitReport  # few runs want one

            self._report = JUnitReport()

    def begin(self, tally: Tally) -> None:
        """Show how far *tally* is from now on."""
        self._tally = tally

    def say(self, text: str) -> None:
        """Write lines to stderr, above the bar."""
        if self._progress is None:
            write_stderr(text)
        else:
            self._progress.write_above(text)

    def above(self) -> AbstractContextManager[None]:
        """Take the bar away while somebody else writes whole lines to the terminal."""
        return nullcontext() if self._progress is None else self._progress.above()

    def add(self, result: Result) -> None:
        """Take a result into account."""
        if self._report is not None:
            self._report.add(result)
        if self._progress is not None:
            self._progress.count(result)
        elif self.bar or self.lines:
            self._early = [*self._early, result][-2:]

    def tick(self) -> None:
        """Let time go by."""
        tally = self._tally
        if tally is None or not (self.bar or self.lines):
            return
        if self._progress is None:
            if tally.questions < 2:
                return
            from geppetto.cli.progress import Progress  # not for one question

            self._progress = Progress(bar=self.bar, now=time.monotonic)
            for result in self._early:
                self._progress.count(result)
        self._progress.skipped = tally.skipped
        if tally.read_all:
            self._progress.total = tally.questions
        self._progress.tick()

    def close_bar(self) -> None:
        """Leave the terminal as it was."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def write(self, config: ClientConfig) -> None:
        """
        Write the report, if one is wanted.

        Raises:
            OutputFailed: it cannot be written.
        """
        if self._report is not None and self.junit is not None:
            self._report.write(self.junit, config.file_modes, config.redactor)
