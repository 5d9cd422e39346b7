"""Every effective setting with its source, as people and programs may see it: no key, no password."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import attrs

from geppetto.config import SETTINGS
from geppetto.connection.proxy import parse_proxy
from geppetto.settings.source import DEFAULT

if TYPE_CHECKING:
    from geppetto.config import ClientConfig

EFFECTIVE: Final = "endpoint"
"""The first row that is no setting: what follows comes of them."""
_SECRET: Final = re.compile(r"((?:^|[&;])[^=&;]*(?:key|token|secret|sig)[^=&;]*=)[^&;]*", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Row:
    """One setting."""

    name: str
    value: str | int | float | bool | None
    source: str
    """`flag --model`, `variable GEPPETTO_MODEL`, `geppetto.toml:3`, `provider xai`, `default`."""


def rows(config: ClientConfig) -> list[Row]:
    """Return every setting of *config*, then the address that is called, and whether there is a key; may block."""
    listed = [
        Row(
            name=setting.name,
            value=_shown(config, setting.name),
            source=str(config.sources.get(setting.name, DEFAULT)),
        )
        for setting in SETTINGS
    ]
    listed.append(Row(name=EFFECTIVE, value=without_secrets(config.endpoint), source="url and model"))
    if config.api_key is not None:
        listed.append(Row(name="api_key", value="(not shown)", source=str(config.sources.get("api_key", DEFAULT))))
    return listed


def without_secrets(url: str) -> str:
    """Return *url* without the values of parameters that servers take keys from."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=_SECRET.sub(r"\1***", parts.query)))


def _shown(config: ClientConfig, name: str) -> str | int | float | bool | None:
    value = getattr(config, name)
    if name == "proxy" and value is not None:
        return parse_proxy(value).shown
    if name == "url":
        return without_secrets(value)
    if name == "model":
        return config.model_name
    if name == "voice":
        return config.session_settings.voice
    if isinstance(value, Path):
        return str(value)
    assert value is None or isinstance(value, str | int | float)
    return value
