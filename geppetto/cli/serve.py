"""`geppetto serve`: the embedded Realtime server alone, for other clients."""

from __future__ import annotations

import os

import click
import trio

from geppetto.chat import run_with_signals
from geppetto.cli.saying import say, say_error
from geppetto.errors import ConfigError, GeppettoError
from geppetto.offline.server import open_offline_server
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 is any free one.")
@click.option("--dialect", type=click.Choice(["ga", "beta"]), default="ga", show_default=True)
@click.option(
    "--key-env", metavar="NAME", help="Variable with the bearer key that clients must show; none is asked otherwise."
)
@click.option(
    "--lead",
    "lead_s",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Seconds of audio sent ahead of real time; 0 is no limit.",
)
@click.pass_context
def serve_command(
    context: click.Context, host: str, port: int, dialect: str, key_env: str | None, lead_s: float
) -> None:
    """Run the embedded Realtime server until Ctrl+C: any client of the protocol can talk to it."""
    key: str | None = None
    if key_env is not None:
        key = os.environ.get(key_env, "").strip() or None
        if key is None:
            say_error(ConfigError(f"The variable {key_env}, which --key-env names, is not set. Set it to the key."))
            context.exit(ExitStatus.USAGE)
    errors: list[GeppettoError] = []

    async def main() -> None:
        stopper = Stopper()

        async def serve() -> None:
            try:
                async with open_offline_server(
                    host=host,
                    port=port,
                    key=key,
                    dialect="beta" if dialect == "beta" else "ga",
                    lead_s=lead_s,
                ) as server:
                    say(f"Listening on {server.url} · voice {server.voice_name} · Ctrl+C stops")
                    with trio.CancelScope() as scope, stopper.cancels(scope):
                        await trio.sleep_forever()
            except GeppettoError as error:
                errors.append(error)

        await run_with_signals(stopper, serve)
        if stopper.ending is not None and stopper.ending.error is not None and not errors:
            errors.append(stopper.ending.error)

    trio.run(main)
    for error in errors:
        say_error(error)
        context.exit(error.status)
