"""How a run ended, for people and for the shell: after a chat and after a script alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from geppetto.cli.saying import say, say_error
from geppetto.cli.screen import STDERR_FD
from geppetto.cli.terminals import beside
from geppetto.errors import GeppettoError
from geppetto.records.metrics import write_metrics
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics


class Outcome(msgspec.Struct):
    """What is known when the event loop has ended."""

    error: GeppettoError | None = None
    log_path: Path | None = None


def finish(target: Target, config: ClientConfig, metrics: Metrics, outcome: Outcome) -> ExitStatus:
    """Write the figures, say how it ended, and return the exit status."""
    status = ExitStatus.OK if outcome.error is None else outcome.error.status
    redactor = config.redactor
    if target.metrics_file is not None:
        try:
            write_metrics(target.metrics_file, metrics, modes=config.file_modes, redactor=redactor)
        except GeppettoError as error:
            say_error(error)
            status = error.status if status is ExitStatus.OK else status
    if outcome.error is not None:
        say_error(outcome.error, redactor)
    if outcome.log_path is not None and not target.quiet:
        say("\n".join(beside("", [redactor.clean(metrics.summary_line(outcome.log_path))], STDERR_FD)))
    return status
