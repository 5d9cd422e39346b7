"""What users give: variables, proxies, keys, prices, and lines on stdin."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from geppetto.config import SETTINGS, load_config
from geppetto.connection.proxy import parse_proxy, proxy_for, proxy_secrets
from geppetto.errors import ConfigError
from geppetto.keys import check_key, parse_server
from geppetto.keystore.store import KeyStore
from geppetto.pricing.table import MAX_USD, parse_prices
from geppetto.realtime.client_events import UpdateSession
from geppetto.realtime.usage import Usage
from geppetto.tasks.stdin import LineSplitter, LineTooLong
from tests.fuzz.bits import SECRET, WHEN, check_shown, scratch, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_MAX_LINE_CHARS = 50


def variables(data: bytes) -> None:
    """`NAME=VALUE` lines as the environment make a configuration that can be used, or a sentence."""
    environ = _environ(data)
    config = _or_sentence(lambda: load_config({}, {"OPENAI_API_KEY": "sk-" + "x" * 40, **environ}))
    if isinstance(config, str):
        assert config.endswith(".")
        return
    assert config.endpoint.isascii()
    assert config.endpoint.isprintable()
    parts = urlsplit(config.endpoint)
    assert parts.scheme in {"ws", "wss"}
    assert parts.hostname
    assert parts.port is None or 0 <= parts.port <= 65_535
    config.protocol.encode(UpdateSession(event_id="e", settings=config.session_settings)).encode()
    assert (config.api_key or "no key") not in repr(config)


def proxies(data: bytes) -> None:
    """A proxy URL is one or a sentence, and a password in it is in neither; `NO_PROXY` is any text."""
    url, proxy, no_proxy = (*(text_of(part).replace("\0", "") for part in data.split(b"\n", 2)), "", "")[:3]
    parsed = _or_sentence(lambda: parse_proxy(proxy))
    if isinstance(parsed, str):
        said = parsed
    else:
        assert 0 < parsed.port <= 65_535
        said = f"{parsed!r} {parsed.shown}"
        assert parse_proxy(parsed.shown).host == parsed.host
        assert all(proxy_secrets(proxy))
        assert bool(proxy_secrets(proxy)) == (parsed.username is not None)
    if f":{SECRET}@" in proxy:
        assert SECRET not in said
    for server in ("wss://voice.example:444/v1", "ws://127.0.0.2", "wss://[2001:db8::1]/", url):
        try:
            parts = urlsplit(server)
            usable = parts.scheme in {"ws", "wss"} and parts.hostname and (parts.port or 1)
        except ValueError:
            continue
        if usable:  # what `ClientConfig` lets through
            with suppress(ConfigError):
                proxy_for(server, {"wss_proxy": proxy, "ws_proxy": proxy, "no_proxy": no_proxy})


def keys(data: bytes) -> None:
    """A file of keys gives keys that a header can carry, or a sentence without them; so does the name of a server."""
    path = scratch() / "keys.json"
    path.touch(0o600)
    path.write_bytes(data)
    found = _or_sentence(lambda: dict(KeyStore(path).read().keys))
    if isinstance(found, str):
        assert "is damaged" in found
    else:
        for key in found.values():
            check_key(key)
    with suppress(ConfigError):
        server = parse_server(text_of(data))
        assert parse_server(server) == server
        assert "/" not in server


def lines(data: bytes) -> None:
    """However stdin is cut, the lines are the same, and those that are too long are told."""
    step, content = (data[0] % 7 + 1, data[1:]) if data else (1, b"")
    whole, cut = LineSplitter(_MAX_LINE_CHARS), LineSplitter(_MAX_LINE_CHARS)
    at_once = [_shown(line) for line in whole.feed(content, final=True)]
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    in_pieces = [_shown(line) for piece in pieces for line in cut.feed(piece)]
    in_pieces += [_shown(line) for line in cut.feed(b"", final=True)]
    assert at_once == in_pieces
    *ended, rest = content.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    meant = [line.removesuffix("\r") for line in (*ended, *([rest] if rest else []))]
    assert at_once == [line if len(line) <= _MAX_LINE_CHARS else None for line in meant]


def prices(data: bytes) -> None:
    """A prices file is a table whose costs can be counted, or a sentence that can be shown."""
    table = _or_sentence(lambda: parse_prices(text_of(data), "prices.toml", "prices.toml"))
    if isinstance(table, str):
        check_shown(table)
        return
    usage = Usage(input_tokens=7, input_text_tokens=4, input_audio_tokens=3, cached_tokens=2, output_audio_tokens=9)
    for model in table.rows:
        price = table.find(model, WHEN.date())
        cost = None if price is None else price.cost(model, usage)
        assert cost is None or 0 <= cost.usd <= MAX_USD


def _or_sentence(call: Callable[[], T]) -> T | str:
    """Return what *call* returns, or the sentence of its `ConfigError`."""
    try:
        return call()
    except ConfigError as error:
        return str(error)


def _environ(data: bytes) -> dict[str, str]:
    """Return `NAME=VALUE` lines; a name may be short, as `7` for the eighth setting."""
    environ = {}
    for line in data.split(b"\n"):
        name, _, value = line.partition(b"=")
        text = os.fsdecode(value.replace(b"\0", b""))
        if name.isdigit() and len(name) < 3:
            environ[SETTINGS[int(name) % len(SETTINGS)].variable] = text
        else:
            environ[os.fsdecode(name.replace(b"\0", b""))] = text
    return environ


def _shown(line: str | LineTooLong) -> str | None:
    return None if isinstance(line, LineTooLong) else line
