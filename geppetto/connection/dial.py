"""
TCP, a proxy if there is one, and TLS, up to a byte stream on which a WebSocket can be spoken.

Done here and not by trio-websocket, because `open_websocket_url` hides a certificate failure behind a time-out,
loses the cause, and knows no proxies. The TLS handshake is finished before any protocol object exists, and it is
always with the server itself: a proxy carries it and cannot read it.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import msgspec
import trio

from geppetto.connection.failures import (
    certificate_failure,
    dns_failure,
    proxy_unreachable,
    tls_failure,
    transient,
)
from geppetto.connection.sockets import PatientStream
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path
    from urllib.parse import SplitResult

    from geppetto.connection.proxy import Proxy

_DEFAULT_PORTS = {"ws": 80, "wss": 443}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is reached."""

    proxy: Proxy | None = None
    """None is directly."""
    tls: ssl.SSLContext | None = None
    """Verifies the server, and an `https://` proxy; None is the system's default, which always verifies."""

    @property
    def via(self) -> str:
        """The end of a sentence about a server that this route should lead to."""
        return "" if self.proxy is None else f" through the proxy {self.proxy.shown}"


DIRECT = Route()
"""Without a proxy, trusting whom the system trusts."""


def port_of(address: SplitResult) -> int:
    """Return the port that *address* names, or its scheme's."""
    return address.port or _DEFAULT_PORTS[address.scheme]


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """
    Return a context that verifies, and trusts the authorities in *ca_file* besides the default ones.

    Reads files: call it in a thread. The default ones are the system's, or those that SSL_CERT_FILE names.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate in PEM.
    """
    context = ssl.create_default_context()
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as error:
        msg = f"The CA file {ca_file} holds no certificate in PEM form. Check --ca-file."
        raise ConfigError(msg) from error
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        msg = f"The CA file {ca_file} cannot be read ({reason}). Check --ca-file."
        raise ConfigError(msg) from error
    return context


async def dial(address: SplitResult, route: Route = DIRECT) -> trio.abc.Stream:
    """
    Connect to the host of *address* along *route* and, for `wss`, finish the TLS handshake with it.

    Args:
        address: the parts of a `ws://` or `wss://` URL.
        route: the proxy, and whom to trust.

    Resource handling: the caller closes the stream; on failure and on cancellation it is closed here.

    Raises:
        TransientConnectFailed: DNS, refused or reset, at the proxy too: the next try may do better.
        ConnectFailed: a certificate cannot be verified, the server does not speak TLS, or the proxy refused.
    """
    proxy = route.proxy
    context = route.tls
    if context is None and (address.scheme == "wss" or (proxy is not None and proxy.scheme == "https")):
        context = await trio.to_thread.run_sync(trusting, None)
    stream = await _reach(address, proxy, context)
    if address.scheme == "ws":
        return stream
    assert context is not None
    return await _secure(stream, address.hostname or "", context, address.netloc, plain="ws")


async def _reach(address: SplitResult, proxy: Proxy | None, context: ssl.SSLContext | None) -> trio.abc.Stream:
    """Return a stream to the host of *address*, still without TLS of its own."""
    host, port = address.hostname or "", port_of(address)
    if proxy is None or proxy.scheme.startswith("socks"):
        try:
            if proxy is None:
                return PatientStream(await trio.open_tcp_stream(host, port))
            from geppetto.connection.tunnel import open_socks

            return await open_socks(proxy, host, port)
        except OSError as error:
            raise dns_failure(address.netloc, error) from error
        except UnicodeError as error:  # of the system's resolver: a label of more than 63 characters
            msg = f"{host!r} is not a name that a host can have. Check the address."
            raise ConfigError(msg) from error
    from geppetto.connection.tunnel import connect_through

    try:
        stream: trio.abc.Stream = await trio.open_tcp_stream(proxy.host, proxy.port)
    except OSError as error:
        raise proxy_unreachable(proxy, error) from error
    if proxy.scheme == "https":
        assert context is not None
        stream = await _secure(stream, proxy.host, context, f"The proxy {proxy.shown}", plain="http")
    try:
        await connect_through(stream, proxy, host, port)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def _secure(
    stream: trio.abc.Stream, host: str, context: ssl.SSLContext, shown: str, *, plain: str
) -> trio.abc.Stream:
    """
    Do the TLS handshake with *host* on *stream*, which is closed on failure.

    Sentences name the host *shown*; *plain* is the scheme it would have without TLS.
    """
    secured: trio.SSLStream[trio.abc.Stream] = trio.SSLStream(
        stream, context, server_hostname=host, https_compatible=True
    )
    try:
        await secured.do_handshake()
    except BaseException as error:
        await trio.aclose_forcefully(stream)
        if isinstance(error, trio.BrokenResourceError):
            cause = error.__cause__
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise certificate_failure(shown, cause) from cause
            if isinstance(cause, ssl.SSLError):
                raise tls_failure(shown, cause, plain=plain) from cause
            raise transient(f"{shown} closed the connection during the TLS handshake.") from error
        raise
    return secured
