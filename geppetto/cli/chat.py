"""The chat at a terminal: from flags and environment to an exit status."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto import __version__
from geppetto.chat import Terminal, open_chat, run_with_signals
from geppetto.cli.saying import hide_in_tracebacks, say, say_error, standard_streams
from geppetto.cli.screen import TerminalScreen
from geppetto.errors import ConfigError, GeppettoError
from geppetto.records.metrics import Metrics, write_metrics
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig


@attrs.define
class Outcome:
    """What is known when the event loop has ended."""

    error: GeppettoError | None = None
    log_path: Path | None = None


def chat(target: Target) -> ExitStatus:
    """Run one session for a person at a terminal and return the exit status."""
    try:
        config = target.configure()
    except ConfigError as error:
        say_error(error)
        return error.status
    hide_in_tracebacks(config.redactor)
    metrics = Metrics()
    screen = TerminalScreen(standard_streams(), quiet=target.quiet, redactor=config.redactor)
    outcome = Outcome()
    trio.run(_session, target, config, screen, metrics, outcome)
    with suppress(GeppettoError):  # the reader of stdout may be gone, and then that is the outcome already
        screen.close()
    return finish(target, config, metrics, outcome)


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
        say(redactor.clean(metrics.summary_line(outcome.log_path)))
    return status


async def _session(
    target: Target, config: ClientConfig, screen: TerminalScreen, metrics: Metrics, outcome: Outcome
) -> None:
    """Run the session in the event loop; *outcome* is filled in."""
    stopper = Stopper()
    terminal = Terminal(screen=screen, stdin_fd=0, interactive=True)

    async def main() -> None:
        try:
            async with target.server(config) as (ready, name):
                if not target.quiet:
                    hello = f"Geppetto {__version__} · {name} · .quit or Ctrl+D leaves"
                    await trio.to_thread.run_sync(say, hello)
                async with open_chat(ready, terminal=terminal, stopper=stopper, metrics=metrics) as chat:
                    outcome.log_path = chat.log_path
                    await trio.sleep_forever()
        except GeppettoError as error:
            outcome.error = error

    await run_with_signals(stopper, main)
