"""Settings that can be changed in the middle of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from geppetto.config import SETTINGS
from geppetto.connection.proxy import shown_proxy
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from geppetto.config import ClientConfig

CHANGEABLE: Final = (
    "model",
    "voice",
    "instructions",
    "modality",
    "speed",
    "temperature",
    "max_output_tokens",
    "read_timeout",
    "max_retries",
    "history_budget",
    "rollover_margin",
)
"""Not the server, nor what decides where the key goes or who reads the files."""


def change(config: ClientConfig, name: str, text: str) -> ClientConfig:
    """
    Return *config* with *name* set to what *text* says.

    Raises:
        ConfigError: there is no such setting here, or the value is wrong.
    """
    setting = next((one for one in SETTINGS if one.name == name and name in CHANGEABLE), None)
    if setting is None:
        raise ConfigError(f"{name} cannot be changed here. What can: {', '.join(CHANGEABLE)}.")
    try:
        value = setting.parse(text)
    except ConfigError as error:
        raise ConfigError(str(error).replace(setting.variable, name)) from error
    sources = {other: source for other, source in config.sources.items() if other != name}
    changed: dict[str, Any] = {name: value, "sources": sources}
    return attrs.evolve(config, **changed)


def shown(config: ClientConfig) -> str:
    """Return every setting with its source in a row of its own, without the key."""
    rows = []
    for setting in SETTINGS:
        value = getattr(config, setting.name, None)
        text = shown_proxy(config.proxy) if setting.name == "proxy" else "not set" if value is None else str(value)
        source = config.sources.get(setting.name)
        rows.append(f"  {setting.name:<18}{text}" + (f"  ({source})" if source is not None else ""))
    return "\n".join(rows)
