"""Where the embedded server listens."""

from __future__ import annotations

import errno
from typing import Final

import trio

from geppetto.errors import ConfigError
from geppetto.offline.door import PATH

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound


async def listen(host: str, port: int) -> list[trio.SocketListener]:
    """
    Open the listening sockets of *host*; a *port* of 0 is any free one.

    Raises:
        ConfigError: the port is in use, or the address is not one to listen on.
    """
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"Port {port} on {host} is in use by another program. Choose another port, or 0 for any free one."
            ) from error
        raise ConfigError(f"The offline server cannot listen on {host}, port {port} ({error}).") from error


def url_of(listener: trio.SocketListener) -> str:
    """Return the URL at which a client on this machine finds *listener*."""
    host, port = listener.socket.getsockname()[:2]
    host = _WILDCARDS.get(host, host)
    return f"ws://[{host}]:{port}{PATH}" if ":" in host else f"ws://{host}:{port}{PATH}"
