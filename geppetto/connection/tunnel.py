"""
A way through a proxy: a byte stream that ends at the server.

Two libraries, each for what it is made for. h11 speaks CONNECT: python-socks takes what one read brings for the
whole reply, and leaves the rest of a reply in two segments to the TLS handshake (measured with 3.2.1).
python-socks speaks SOCKS5. The proxy is told host and port of the server, and its own credentials: nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import h11
import trio

from geppetto import __version__
from geppetto.connection.failures import (
    not_a_proxy,
    proxy_hung_up,
    proxy_refusal,
    proxy_unreachable,
    socks_refusal,
)
from geppetto.connection.proxy import basic_credentials
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from geppetto.connection.proxy import Proxy


async def connect_through(stream: trio.abc.Stream, proxy: Proxy, host: str, port: int) -> None:
    """
    Ask the HTTP proxy on *stream* for a tunnel to *host*; on return *stream* ends there.

    Closes: nothing, whatever happens.

    Cancellation: leaves *stream* in the middle of the handshake; only close it.

    Raises:
        TransientConnectFailed: the proxy closed the connection, or could not reach *host* this time.
        ConnectFailed: the proxy refused, or is none.

    Source: RFC 9110, 9.3.6 (CONNECT) and 11.7.2 (Proxy-Authorization); RFC 7617 (Basic, UTF-8).
    """
    name = _ascii_name(host)
    authority = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    headers = [("Host", authority), ("User-Agent", f"geppetto/{__version__}")]
    if proxy.username is not None:
        headers.append(("Proxy-Authorization", f"Basic {basic_credentials(proxy)}"))
    connection = h11.Connection(h11.CLIENT)
    request = connection.send(h11.Request(method="CONNECT", target=authority, headers=headers))
    end = connection.send(h11.EndOfMessage())
    assert request is not None
    assert end is not None
    try:
        await stream.send_all(request + end)
        response = await _response(stream, connection)
    except trio.BrokenResourceError as error:
        raise proxy_hung_up(proxy) from error
    except h11.RemoteProtocolError as error:
        raise not_a_proxy(proxy) from error
    if response is None:
        begun = connection.trailing_data[0][:5]
        raise proxy_hung_up(proxy) if b"HTTP/".startswith(begun) else not_a_proxy(proxy)
    if not 200 <= response.status_code < 300:
        raise proxy_refusal(proxy, authority, response.status_code)
    if connection.trailing_data[0]:
        raise not_a_proxy(proxy)  # in TLS and in HTTP the client speaks first, so nobody had anything to say yet


async def _response(stream: trio.abc.Stream, connection: h11.Connection) -> h11.Response | None:
    """Return the proxy's final response, or None when it closed the connection instead."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await stream.receive_some()
            if not data:
                return None
            connection.receive_data(bytes(data))


async def open_socks(proxy: Proxy, host: str, port: int) -> trio.abc.Stream:
    """
    Return a stream to *host* through a SOCKS5 proxy; with `socks5h` the proxy resolves the name.

    Closes: what it opened, on failure and on cancellation.

    Raises:
        OSError: *host* cannot be resolved here (`socks5`).
        TransientConnectFailed: the proxy cannot be reached, or could not reach *host* this time.
        ConnectFailed: the proxy refused, or is none.

    Source: RFC 1928, RFC 1929.
    """
    from python_socks import ProxyConnectionError, ProxyError, ProxyType
    from python_socks.async_.trio.v2 import Proxy as SocksProxy

    socks = SocksProxy(
        ProxyType.SOCKS5,
        proxy.host,
        proxy.port,
        proxy.username,
        proxy.password,
        rdns=proxy.scheme == "socks5h",
    )
    name = _ascii_name(host)
    try:
        stream = await socks.connect(name, port, timeout=math.inf)  # the caller's deadline counts
    except ProxyConnectionError as error:
        cause = error.__cause__
        raise proxy_unreachable(proxy, cause if isinstance(cause, OSError) else error) from error
    except ProxyError as error:
        raise socks_refusal(proxy, f"{host}:{port}", error.error_code, str(error)) from error
    except trio.BrokenResourceError as error:
        raise proxy_hung_up(proxy) from error
    except ValueError as error:  # an address in the reply that is none
        raise not_a_proxy(proxy) from error
    return stream.trio_stream


def _ascii_name(host: str) -> str:
    """Return *host* as protocols carry it."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError as error:
        msg = f"{host!r} is not a name that a host can have. Check the address."
        raise ConfigError(msg) from error
