"""Which server a run talks to: the one of the settings, or the embedded one."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from geppetto.config import OPENAI_KEY_VARIABLE, OPENAI_URL, load_config
from geppetto.errors import ConfigError
from geppetto.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from geppetto.config import ClientConfig

_OFFLINE_URL = "ws://127.0.0.1/v1/realtime"
"""Until the embedded server has its port."""


@attrs.frozen(kw_only=True)
class Target:
    """What the flags say about the server, and about what every run does."""

    settings: Mapping[str, object]
    """Flags by the name of the field; None is not given."""
    offline: bool
    offline_lead_s: float
    key_env: str | None
    metrics_file: Path | None
    quiet: bool

    def configure(self, *, needs_key: bool = True) -> ClientConfig:
        """
        Return the configuration; with the embedded server its address is not known yet.

        Whoever does not connect has no *needs_key*.

        Raises:
            ConfigError: a value is wrong or missing, or two flags go against each other.
        """
        if not self.offline:
            stored = KeyStore.of(os.environ)
            environ = dict(os.environ) if needs_key else {**os.environ, OPENAI_KEY_VARIABLE: "not-needed-here"}
            return load_config(
                self.settings, environ, key_env=self.key_env if needs_key else None, stored_keys=stored
            )
        if self.settings.get("url") is not None or self.key_env is not None:
            msg = "--offline talks to the embedded server. Leave out --url and --key-env, or leave out --offline."
            raise ConfigError(msg)
        return load_config({**self.settings, "url": _OFFLINE_URL}, os.environ)

    @asynccontextmanager
    async def server(self, config: ClientConfig) -> AsyncIterator[tuple[ClientConfig, str]]:
        """
        Yield the configuration with a server to talk to, and what that one is called.

        Closes: the embedded server, if that is the one.

        Raises:
            GeppettoError: the embedded server cannot be started.
        """
        if not self.offline:
            yield config, f"{config.host}, {config.model_name}" if config.url == OPENAI_URL else config.host
            return
        from geppetto.offline.server import open_offline_server

        async with open_offline_server(lead_s=self.offline_lead_s, dialect=config.dialect) as server:
            yield (
                attrs.evolve(config, url=server.url, api_key=server.key),
                f"offline server, voice {server.voice_name}",
            )
