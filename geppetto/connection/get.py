"""
One HTTP request to the server of a WebSocket address, on the same way: proxy, TLS and certificate as for a session.

h11 does it, which speaks to proxies already: an HTTP client of its own would bring a second way through each proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs
import h11
import trio

from geppetto import __version__
from geppetto.connection.dial import DIRECT, dial
from geppetto.connection.failures import transient
from geppetto.errors import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.connection.dial import Route

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Ten thousand models take less."""
_CLOSE_S: Final = 0.5


@attrs.frozen(kw_only=True)
class HttpAnswer:
    """A whole answer."""

    status_code: int
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""
    body: bytes = attrs.field(repr=False)

    def header(self, name: bytes) -> str | None:
        """Return the first header *name* (in lower case) as Latin-1, or None."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


async def get(
    url: str, target: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float, route: Route = DIRECT
) -> HttpAnswer:
    """
    Return the answer to `GET target` of the server of *url*. Redirects are not followed.

    Args:
        url: `ws://` or `wss://`; only scheme, host and port count.
        target: path and query.
        headers: beside Host, User-Agent and Accept.
        timeout_s: for all of it, in seconds.
        route: the proxy, and whom to trust.

    Closes: the connection, whatever happens.

    Raises:
        ConnectFailed: no connection, no HTTP, an answer over `MAX_BODY_BYTES`, or none in time.
            `TransientConnectFailed` where the next try may do better.
    """
    address = urlsplit(url)
    with trio.move_on_after(timeout_s):
        stream = await dial(address, route)
        try:
            return await _exchange(stream, address.netloc, target, headers)
        finally:
            with trio.move_on_after(_CLOSE_S, shield=True):
                await trio.aclose_forcefully(stream)
    raise transient(f"{address.netloc} did not answer within {timeout_s:g} s{route.via}.")


async def _exchange(
    stream: trio.abc.Stream, netloc: str, target: str, headers: Sequence[tuple[str, str]]
) -> HttpAnswer:
    connection = h11.Connection(h11.CLIENT)
    own = [("Host", netloc), ("User-Agent", f"geppetto/{__version__}"), ("Accept", "application/json")]
    request = connection.send(
        h11.Request(method="GET", target=target, headers=[*own, *headers, ("Connection", "close")])
    )
    end = connection.send(h11.EndOfMessage())
    assert request is not None
    assert end is not None
    response: h11.Response | None = None
    body = bytearray()
    begun, ended = b"", False
    try:
        await stream.send_all(request + end)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = bytes(await stream.receive_some())
                begun, ended = (begun + data)[:5], not data
                connection.receive_data(data)
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    msg = f"{netloc} answered with more than {MAX_BODY_BYTES // 2**20} MiB. Check the address."
                    raise ConnectFailed(msg)
            elif response is not None and not isinstance(event, h11.InformationalResponse):
                return HttpAnswer(status_code=response.status_code, headers=tuple(response.headers), body=bytes(body))
    except trio.BrokenResourceError as error:
        raise transient(f"{netloc} closed the connection.") from error
    except h11.RemoteProtocolError as error:
        if ended and b"HTTP/".startswith(begun):
            raise transient(f"{netloc} closed the connection before its answer was whole.") from error
        msg = f"{netloc} answered, but not as an HTTP server does. Check the address."
        raise ConnectFailed(msg) from error
