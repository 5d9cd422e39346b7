"""
TCP and TLS, up to a byte stream on which a WebSocket can be spoken.

Done here and not by trio-websocket, because `open_websocket_url` hides a certificate failure behind a time-out
and loses the cause. The TLS handshake is finished before any protocol object exists.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trio

from geppetto.connection.failures import certificate_failure, dns_failure, tls_failure, transient

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_DEFAULT_PORTS = {"ws": 80, "wss": 443}


def port_of(address: SplitResult) -> int:
    """Return the port that *address* names, or its scheme's."""
    return address.port or _DEFAULT_PORTS[address.scheme]


def _default_context() -> ssl.SSLContext:
    return ssl.create_default_context()  # reads files


async def dial(address: SplitResult, *, tls: ssl.SSLContext | None = None) -> trio.abc.Stream:
    """
    Connect to the host of *address* and, for `wss`, finish the TLS handshake.

    Args:
        address: the parts of a `ws://` or `wss://` URL.
        tls: the context to verify with; None is the system's default, which always verifies.

    Resource handling: the caller closes the stream; on failure and on cancellation it is closed here.

    Raises:
        TransientConnectFailed: DNS, refused or reset: the next try may do better.
        ConnectFailed: the certificate cannot be verified, or the server does not speak TLS.
    """
    host = address.hostname or ""
    try:
        tcp = await trio.open_tcp_stream(host, port_of(address))
    except OSError as error:
        raise dns_failure(address.netloc, error) from error
    if address.scheme == "ws":
        return tcp
    context = tls if tls is not None else await trio.to_thread.run_sync(_default_context)
    stream: trio.SSLStream[trio.SocketStream] = trio.SSLStream(
        tcp, context, server_hostname=host, https_compatible=True
    )
    try:
        await stream.do_handshake()
    except BaseException as error:
        await trio.aclose_forcefully(tcp)
        if isinstance(error, trio.BrokenResourceError):
            cause = error.__cause__
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise certificate_failure(address.netloc, cause) from cause
            if isinstance(cause, ssl.SSLError):
                raise tls_failure(address.netloc, cause) from cause
            raise transient(f"{address.netloc} closed the connection during the TLS handshake.") from error
        raise
    return stream
