"""What a setting may be: validators for `ClientConfig`. Each raises `ConfigError` and names the setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from geppetto.connection.proxy import parse_proxy
from geppetto.errors import ConfigError
from geppetto.keys import check_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import attrs

EXAMPLE_URL = "wss://api.openai.com/v1/realtime"
DAY_S = 86_400.0

T = TypeVar("T", float, int, float | None, int | None)


def websocket_url(_instance: object, _attribute: object, value: str) -> None:
    """Refuse what is no `ws://` or `wss://` URL, and one that holds credentials."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        msg = f"{value!r} is not a URL ({error}). It should look like {EXAMPLE_URL}."
        raise ConfigError(msg) from error
    if parts.scheme not in {"ws", "wss"} or not host:
        msg = f"{value!r} is not a WebSocket URL. It should look like {EXAMPLE_URL}."
        raise ConfigError(msg)
    if any(character.isspace() or not character.isprintable() or not character.isascii() for character in value):
        msg = f"{value!r} holds characters that no URL has. It should look like {EXAMPLE_URL}."
        raise ConfigError(msg)
    if parts.username is not None or parts.password is not None:
        msg = "The URL holds a user name or a password. Leave them out: the key goes in a variable (--key-env)."
        raise ConfigError(msg)


def number(low: float, high: float, *, above: bool = False) -> Callable[[object, attrs.Attribute[T], T], None]:
    """Return a validator for a finite number from *low* (or above it) to *high*."""

    def check(_instance: object, attribute: attrs.Attribute[T], value: T) -> None:
        if value is None:
            return
        fits = low < value <= high if above else low <= value <= high  # which NaN never does
        if not fits:
            lower = f"more than {low:g}" if above else f"{low:g}"
            msg = f"{attribute.name} is {str(value)[:20]}, but must be from {lower} to {high:,.10g}."
            raise ConfigError(msg)

    return check


def one_of(*choices: str) -> Callable[[object, attrs.Attribute[str], str], None]:
    """Return a validator for one of *choices*."""

    def check(_instance: object, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in choices:
            msg = f"{attribute.name} is {value!r}, but must be one of: {', '.join(choices)}."
            raise ConfigError(msg)

    return check


def key(_instance: object, _attribute: object, value: str | None) -> None:
    """Refuse what cannot be a key."""
    if value is not None:
        check_key(value)


def given_or_none(text: str | None) -> str | None:
    """Return None for an empty text."""
    return text or None


def proxy(_instance: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    """Refuse what is no proxy URL."""
    if value is not None:
        parse_proxy(value, source=attribute.name)
