"""
Which proxy leads to a server, if any: from a setting, or from the variables that curl reads, too.

Pure: the environment is handed in, nothing is opened. What a proxy is told of itself stays here, too: `shown` is
the only form in which a proxy may be named to anyone, and no error holds the text of a URL that cannot be read.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import msgspec

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_ORIGIN_PORTS: Final = {"ws": 80, "wss": 443}
_EXAMPLE: Final = "http://USER:PASSWORD@proxy.example:3128"
_VARIABLES: Final = {
    "wss": ("wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    # HTTP_PROXY in capitals is a request header "Proxy:" in a CGI program, so nobody reads it.
    "ws": ("ws_proxy", "http_proxy", "all_proxy", "ALL_PROXY"),
}
_SOCKS_CREDENTIAL_MOST_BYTES: Final = 255


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy. Made by `parse_proxy`."""

    scheme: str
    """`http`, `https`, `socks5` (names are resolved here) or `socks5h` (names are resolved by the proxy)."""
    host: str
    port: int
    username: str | None = None
    """None when the proxy wants no credentials."""
    password: str = ""
    shown: str
    """Its URL as people may see it: `http://user:***@proxy.example:3128`."""

    def __repr__(self) -> str:
        return f"Proxy(shown={self.shown!r})"  # nobody sees the password


def parse_proxy(text: str, *, source: str = "proxy") -> Proxy:
    """
    Return the proxy that *text* names; without a scheme it is `http://`.

    Args:
        text: a URL; user name and password are percent-encoded in it.
        source: what the text came from, for the sentence.

    Raises:
        ConfigError: not a proxy that can be used. The sentence never holds *text*, which may hold a password.
    """
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    # A password with "/", "?" or "#" as they are would end the host too early, and the rest would be shown.
    # A pair of brackets before the host is let through by urlsplit, but RFC 3986, 3.2.1 has none there.
    torn = parts.path not in {"", "/"} or parts.query or parts.fragment or "[" in parts.netloc.rpartition("@")[0]
    if not host or port == 0 or torn or any(character.isspace() or not character.isprintable() for character in text):
        msg = f"{source} is not the URL of a proxy. It should look like {_EXAMPLE}, with %2F for / in a password."
        raise ConfigError(msg)  # the cause would quote the URL
    if parts.scheme not in _DEFAULT_PORTS:
        msg = f"{source} must begin with one of: {', '.join(f'{scheme}://' for scheme in _DEFAULT_PORTS)}."
        raise ConfigError(msg)
    port = port or _DEFAULT_PORTS[parts.scheme]
    username = None if parts.username is None else unquote(parts.username)
    password = unquote(parts.password or "")
    if username is not None:
        _check_credentials(parts.scheme, username, password, source)
    bracketed = f"[{host}]" if ":" in host else host
    return Proxy(
        scheme=parts.scheme,
        host=host,
        port=port,
        username=username,
        password=password,
        shown=f"{parts.scheme}://{_masked(parts)}{bracketed}:{port}",
    )


def _masked(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    # A lone user name may be a token, and so the secret itself.
    return "***@" if parts.password is None else f"{parts.username}:***@"


def _check_credentials(scheme: str, username: str, password: str, source: str) -> None:
    """Check what RFC 7617 and RFC 1929 cannot carry."""
    if scheme.startswith("socks"):
        if all(text.isascii() and 0 < len(text) <= _SOCKS_CREDENTIAL_MOST_BYTES for text in (username, password)):
            return
        msg = f"{source}: a SOCKS5 proxy takes a user name and a password of 1 to 255 ASCII characters each."
        raise ConfigError(msg)
    if ":" in username:
        msg = f"{source}: the user name for an HTTP proxy cannot hold a colon. Check the URL."
        raise ConfigError(msg)


def shown_proxy(text: str | None) -> str:
    """Return the repr of a valid setting *text*, without what is secret in it."""
    return repr(text and parse_proxy(text).shown)


def proxy_secrets(text: str | None) -> tuple[str, ...]:
    """
    Return what is secret in a valid setting *text*, as it is given and as it is sent.

    That is the password, or a user name without one, which may be a token; and both in `Proxy-Authorization`.
    """
    if text is None:
        return ()
    proxy = parse_proxy(text)
    if proxy.username is None:
        return ()
    given = urlsplit(text if "://" in text else f"http://{text}")
    lone = given.password is None
    as_given, as_sent = (given.username, proxy.username) if lone else (given.password, proxy.password)
    return tuple(secret for secret in (as_given, as_sent, basic_credentials(proxy)) if secret)


def basic_credentials(proxy: Proxy) -> str:
    """Return user name and password of *proxy* as `Proxy-Authorization: Basic` carries them (RFC 7617, UTF-8)."""
    return base64.b64encode(f"{proxy.username or ''}:{proxy.password}".encode()).decode()


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine, by its name or its address alone."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """
    Return the proxy that *environ* names for *url*; None is no proxy.

    For wss the variables are `wss_proxy`, `https_proxy` and `all_proxy`, for ws `ws_proxy`, `http_proxy` and
    `all_proxy`: the first that is not empty. Each counts in capitals, too, except `ws_proxy` and `http_proxy`.
    A host of this machine, and one that `no_proxy` names, is reached directly.

    Raises:
        ConfigError: the variable does not hold the URL of a proxy; the sentence names it.

    Source: curl(1), ENVIRONMENT.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    name = next((name for name in _VARIABLES[parts.scheme] if environ.get(name, "").strip()), None)
    if name is None:
        return None
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if _is_excepted(host, parts.port or _ORIGIN_PORTS[parts.scheme], exceptions):
        return None
    text = environ[name].strip()
    parse_proxy(text, source=name)
    return text


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Return whether the list *exceptions* of `no_proxy` names *host*."""
    host = host.rstrip(".").lower()
    return any(_matches(host, port, entry.lower()) for entry in re.split(r"[,\s]+", exceptions) if entry)


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, only_port = _split_port(entry)
    if only_port is not None and only_port != port:
        return False
    address = _address(host)
    if address is not None:
        try:
            network = ipaddress.ip_network(name, strict=False)
        except ValueError:
            return False
        return address in network
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    """Take `host:port` and `[v6]:port` apart; a bare IPv6 address has colons and no port."""
    match = re.fullmatch(r"\[([^]]+)\](?::(\d+))?|([^:]+):(\d+)", entry)
    if match is None:
        return entry, None
    port = match[2] or match[4]
    return match[1] or match[3], int(port) if port else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
