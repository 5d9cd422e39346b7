"""The chat itself: from flags and environment to an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto import __version__
from geppetto.chat import Terminal, open_chat, run_with_signals
from geppetto.cli.screen import PARTING_PATIENCE_S, STDERR_FD, Streams, TerminalScreen, write_all
from geppetto.config import OPENAI_URL, load_config
from geppetto.errors import ConfigError, GeppettoError
from geppetto.keys import KeyStore
from geppetto.records.metrics import Metrics, write_metrics
from geppetto.redaction import Redactor
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from geppetto.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from geppetto.config import ClientConfig

_OFFLINE_URL = "ws://127.0.0.1/v1/realtime"
"""Until the embedded server has its port."""
_KEEPS_ALL = Redactor()


@attrs.define
class _Outcome:
    """What is known when the event loop has ended."""

    error: GeppettoError | None = None
    log_path: Path | None = None


def say(sentence: str) -> None:
    """Write one line to stderr, in our name; nobody listening there is no reason to fail."""
    with suppress(OSError):
        write_all(STDERR_FD, f"{sentence}\n", patience_s=PARTING_PATIENCE_S)


def say_error(error: GeppettoError, redactor: Redactor = _KEEPS_ALL) -> None:
    """Write what went wrong as one line to stderr, without what *redactor* takes for the key."""
    if str(error):
        say(f"geppetto: {escape(redactor.clean(str(error)))}")


def hide_in_tracebacks(redactor: Redactor) -> None:
    """From now on, let the traceback of a bug show no key: libraries put what they were given into messages."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        with suppress(OSError):
            write_all(STDERR_FD, redactor.clean("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = show


def standard_streams() -> Streams:
    """Return what the standard streams of this process are."""
    return Streams(
        has_stdin=sys.stdin is not None,
        stdin_is_tty=sys.stdin is not None and os.isatty(0),
        stdout_is_tty=os.isatty(1),
        stderr_is_tty=os.isatty(2),
    )


def chat(
    settings: Mapping[str, object],
    *,
    offline: bool,
    offline_lead_s: float,
    key_env: str | None,
    metrics_file: Path | None,
    quiet: bool,
) -> ExitStatus:
    """Run one session with *settings* (flags by field name) and return the exit status."""
    try:
        config = _configure(settings, offline=offline, key_env=key_env)
    except ConfigError as error:
        say_error(error)
        return error.status
    streams = standard_streams()
    metrics = Metrics()
    redactor = config.redactor
    hide_in_tracebacks(redactor)
    screen = TerminalScreen(streams, quiet=quiet, redactor=redactor)
    outcome = _Outcome()
    greet = streams.interactive and not quiet
    trio.run(_session, config, screen, streams, metrics, outcome, offline_lead_s if offline else None, greet)
    status = ExitStatus.OK if outcome.error is None else outcome.error.status
    with suppress(GeppettoError):  # the reader of stdout may be gone, and then that is the outcome already
        screen.close()
    if metrics_file is not None:
        try:
            write_metrics(metrics_file, metrics, modes=config.file_modes, redactor=redactor)
        except GeppettoError as error:
            say_error(error)
            status = error.status if status is ExitStatus.OK else status
    if outcome.error is not None:
        say_error(outcome.error, redactor)
    if outcome.log_path is not None and not quiet:
        say(redactor.clean(metrics.summary_line(outcome.log_path)))
    return status


def _configure(settings: Mapping[str, object], *, offline: bool, key_env: str | None) -> ClientConfig:
    if not offline:
        return load_config(settings, os.environ, key_env=key_env, stored_keys=KeyStore.of(os.environ))
    if settings.get("url") is not None or key_env is not None:
        msg = "--offline talks to the embedded server. Leave out --url and --key-env, or leave out --offline."
        raise ConfigError(msg)
    return load_config({**settings, "url": _OFFLINE_URL}, os.environ)


async def _session(
    config: ClientConfig,
    screen: TerminalScreen,
    streams: Streams,
    metrics: Metrics,
    outcome: _Outcome,
    offline_lead_s: float | None,
    greet: bool,
) -> None:
    """Run the session in the event loop; *outcome* is filled in."""
    stopper = Stopper()
    terminal = Terminal(screen=screen, stdin_fd=0 if streams.has_stdin else None, interactive=streams.interactive)

    async def talk(config: ClientConfig, server_name: str) -> None:
        if greet:
            say(f"Geppetto {__version__} · {server_name} · .quit or Ctrl+D leaves")
        async with open_chat(config, terminal=terminal, stopper=stopper, metrics=metrics) as chat:
            outcome.log_path = chat.log_path
            await trio.sleep_forever()

    async def main() -> None:
        try:
            if offline_lead_s is None:
                model = config.model or config.protocol.default_model
                name = f"{config.host}, {model}" if config.url == OPENAI_URL else config.host
                await talk(config, name)
                return
            from geppetto.offline.server import open_offline_server

            async with open_offline_server(lead_s=offline_lead_s, dialect=config.dialect) as server:
                await talk(
                    attrs.evolve(config, url=server.url, api_key=server.key),
                    f"offline server, voice {server.voice_name}",
                )
        except GeppettoError as error:
            outcome.error = error

    await run_with_signals(stopper, main)
