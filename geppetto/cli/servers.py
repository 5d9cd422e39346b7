"""Which server a run talks to: the one of the settings, or the embedded one."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import msgspec

from geppetto.cli.interrupts import cleaned_up
from geppetto.config import OPENAI_URL, load_config
from geppetto.errors import ConfigError
from geppetto.keys import config_directory
from geppetto.keystore.store import KeyStore
from geppetto.providers import OFFLINE_URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from geppetto.config import ClientConfig


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What the flags say about the server, and about what every run does."""

    settings: Mapping[str, object]
    """Flags by the name of the field; None is not given."""
    offline: bool
    offline_lead_s: float
    key_env: str | None
    metrics_file: Path | None
    quiet: bool
    profile: str | None = None
    plain: bool = False
    """At a terminal: lines one below the other, and nothing that is drawn anew."""
    goes_on_with: str | None = None
    """An earlier conversation, by id or name; empty is the last one, None a new one."""

    def configure(self, *, needs_key: bool = True) -> ClientConfig:
        """
        Return the configuration; with the embedded server its address is not known yet.

        Whoever does not connect has no *needs_key*.

        Raises:
            ConfigError: a value is wrong or missing, or two flags go against each other.
            KeyboardInterrupt: Ctrl+C, while a keyring is asked for the key.
        """
        if not self.offline_lead_s >= 0:  # nor when it is no number
            raise ConfigError(f"--offline-lead is {self.offline_lead_s:g}, but must be zero or more seconds.")
        from geppetto.settings.loading import read_files  # not for --help

        settings = self.settings
        if self.offline:
            if self.key_env is not None or any(settings.get(name) is not None for name in ("url", "provider")):
                msg = (
                    "--offline talks to the embedded server. Leave out --url, --provider and --key-env, or leave out "
                    "--offline."
                )
                raise ConfigError(msg)
            settings = {**settings, "provider": "offline", "url": OFFLINE_URL}
        with cleaned_up():  # a keyring may ask for a password, with the echo of the terminal off
            return load_config(
                settings,
                os.environ,
                key_env=self.key_env,
                stored_keys=KeyStore.of(os.environ),
                files=read_files(Path(), config_directory(os.environ)),
                profile=self.profile,
                needs_key=needs_key,
            )

    @asynccontextmanager
    async def server(self, config: ClientConfig) -> AsyncIterator[tuple[ClientConfig, str]]:
        """
        Yield the configuration with a server to talk to, and what that one is called.

        Closes: the embedded server, if that is the one.

        Raises:
            GeppettoError: the embedded server cannot be started.
        """
        if config.provider != "offline":
            source = config.sources.get("url")
            if source is not None and source.kind == "project" and not self.quiet:
                # Whoever works in somebody else's directory is to see whose server hears the questions.
                import trio  # not for --help

                from geppetto.cli.saying import say

                sentence = f"The settings of this directory ({source}) lead to {config.host}."
                await trio.to_thread.run_sync(say, sentence)
            yield config, f"{config.host}, {config.model_name}" if config.url == OPENAI_URL else config.host
            return
        from geppetto.offline.server import open_offline_server

        async with open_offline_server(lead_s=self.offline_lead_s, dialect=config.dialect) as server:
            yield (
                attrs.evolve(config, url=server.url, api_key=server.key),
                f"offline server, voice {server.voice_name}",
            )
