"""
One WebSocket connection: text messages in, text messages out, pings, and an end that always comes.

The only module of the client that imports trio_websocket. Measured traps it is built around:

- `aclose()` can wait for a peer that never closes TCP, so closing is bounded, then forced.
- `ping()` never returns on a dead connection, so it always has a deadline.
- A cancelled `send_message` leaves half a frame on the wire: after one, only closing is possible.
- The reader ends silently when TCP closes before the handshake is done, and nobody wakes the one who waits
  for it; the stream is watched for that. An HTTP answer whose body ends with TCP is lost with it.
- The reader answers a ping that comes behind our Close, which wsproto does not allow, and dies of it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11
import msgspec
import trio
import trio_websocket
import wsproto.utilities

from geppetto.connection.dial import DIRECT, dial
from geppetto.connection.failures import not_a_websocket, rejection, transient
from geppetto.connection.stream import MessageStream
from geppetto.connection.turnstile import turn_to_speak
from geppetto.errors import ConnectionEnded, ConnectionLost
from geppetto.realtime.verdicts import close_ending, is_final_close
from geppetto.text import escape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from geppetto.connection.dial import Route
    from geppetto.errors import GeppettoError

_MESSAGE_QUEUE = 64
"""Messages that the library holds, of those that it gets: see `MessageStream`."""
_NO_WEBSOCKET = (
    wsproto.utilities.ProtocolError,
    trio_websocket.HandshakeError,
    h11.ProtocolError,  # wsproto would reject what is no HTTP with an HTTP response, which a client cannot send
    UnicodeDecodeError,  # wsproto takes the values of headers for ASCII
)


class Transport:
    """
    An open WebSocket. Made by `open_transport`.

    Somebody must be receiving: `send` and `ping` tell that the connection is closed only after `receive` has
    returned every message before that and told it first. A server that refuses says why in its last message.
    """

    def __init__(
        self, ws: trio_websocket.WebSocketConnection, stream: MessageStream, *, write_timeout: float
    ) -> None:
        """Speak over *ws*, which stands on *stream*; *write_timeout* in seconds bounds each message."""
        self._ws = ws
        self._stream = stream
        self._write_timeout = write_timeout
        self._drained = trio.Event()
        """Set when `receive` has told how the connection ended."""

    async def send(self, *texts: str) -> None:
        """
        Send text messages, one at least, in one piece.

        Cancellation: leaves the connection unusable for further messages; only close it then.

        Raises:
            ConnectionLost: the connection is closed, or the peer did not take them in time.
        """
        try:
            if self._ws.closed is None:
                with trio.fail_after(self._write_timeout):
                    await turn_to_speak()
                    await self._stream.send_texts(texts)
                return
        except trio.TooSlowError as error:
            msg = f"The server took no message for {self._write_timeout:g} s. Check the network."
            raise ConnectionLost(msg) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # trio-websocket's reader gets to know it, too, and says why
        await self._drained.wait()
        raise self._closed(self._ws.closed)

    async def receive(self) -> str | bytes:
        """Return the next message; otherwise as `receive_some`."""
        texts = await self._stream.messages(1)
        return texts[0] if texts else await self._next()

    async def receive_some(self) -> Sequence[str | bytes]:
        """
        Return the next message, and some of those that have come behind it.

        Cancellation: nothing is lost; call again.

        Raises:
            GeppettoError: the connection is closed: `ConnectionLost`, or `ServerRefused` where the close
                code says that another try would end the same way.
        """
        return await self._stream.messages() or [await self._next()]

    async def listen(self, take: Callable[[Sequence[str | bytes]], bool]) -> None:
        """Hand messages to *take*, as `receive_some` returns them, until it returns False; otherwise as that."""
        while take(await self.receive_some()):
            if await self._stream.hand_to(take):
                return

    async def _next(self) -> str | bytes:
        """Return what is not plain text, or tell how the connection ended."""
        try:
            return await self._ws.get_message()
        except trio_websocket.ConnectionClosed as error:
            self._drained.set()
            raise self._closed(error.reason) from error

    def read_on(self) -> None:
        """
        Answer pings also while nobody receives.

        Whoever receives, and then waits for something else than messages, says so with this: receiving is what reads.
        """
        self._stream.read_on()

    async def ping(self) -> float:
        """
        Return the seconds until the pong came. Bound it: on a dead connection it never does.

        Raises:
            GeppettoError: the connection is closed.
        """
        started = trio.current_time()
        self.read_on()
        try:
            await self._ws.ping()
        except trio_websocket.ConnectionClosed as error:
            await self._drained.wait()
            raise self._closed(error.reason) from error
        return trio.current_time() - started

    def _closed(self, reason: trio_websocket.CloseReason | None) -> GeppettoError:
        code = reason.code if reason is not None else None
        text = escape((reason.reason if reason is not None else None) or "")
        if code == 1009 and text.startswith("Exceeded maximum message size"):
            return ConnectionEnded(
                "The server sent a message over the limit (1009). Raise the limit with --max-message-bytes."
            )
        ending = close_ending(code, text)
        if is_final_close(code, text):
            return ConnectionEnded(ending.why)
        return ending.error or ConnectionLost(ending.why)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one connection."""

    connect_timeout: float
    """Seconds for TCP, TLS and the opening handshake together."""
    write_timeout: float
    """Seconds for one message."""
    close_timeout: float
    """Seconds for the Close handshake."""
    max_message_bytes: int


@asynccontextmanager
async def open_transport(
    url: str, headers: Sequence[tuple[str, str]], limits: Limits, route: Route = DIRECT
) -> AsyncIterator[Transport]:
    """
    Connect to *url* along *route* and do the opening handshake.

    On leaving, send Close 1000 and force the stream shut.

    Closes: everything it opened, within `limits.close_timeout`, also when the body raises or is cancelled.

    Cancellation: cancel inside the block and the peer still gets its Close; cancel around the block and it
    may see 1006.

    Raises:
        ConnectFailed: no connection. `TransientConnectFailed` where the next try may do better.
        ServerRefused: HTTP 4xx at the handshake.
    """
    address = urlsplit(url)
    with trio.CancelScope(deadline=trio.current_time() + limits.connect_timeout) as connecting:
        stream = await dial(address, route)
    if connecting.cancelled_caught:
        raise transient(f"{address.netloc} did not answer within {limits.connect_timeout:g} s{route.via}.")
    refusal: GeppettoError | None = None
    established = leaving = False
    try:
        async with trio.open_nursery() as reader_nursery:
            ws: trio_websocket.WebSocketConnection | None = None
            try:
                with trio.CancelScope(deadline=connecting.deadline) as handshake:
                    watched = MessageStream(stream, handshake, limits.max_message_bytes)
                    ws = await trio_websocket.wrap_client_stream(
                        reader_nursery,
                        # Typed for sockets, but it only receives, sends and closes.
                        watched,  # type: ignore[arg-type]
                        address.netloc,
                        f"{address.path or '/'}?{address.query}" if address.query else address.path or "/",
                        extra_headers=[(name.encode(), value.encode()) for name, value in headers],
                        message_queue_size=_MESSAGE_QUEUE,
                        max_message_size=limits.max_message_bytes,
                    )
                if ws is not None:
                    established = True
                    yield Transport(ws, watched, write_timeout=limits.write_timeout)
                elif (answer := watched.opening.refusal()) is not None:
                    refusal = rejection(address.netloc, *answer)
                elif watched.opening.overflowed:
                    refusal = not_a_websocket(address.netloc)
                elif trio.current_time() >= handshake.deadline:
                    refusal = transient(
                        f"{address.netloc} did not finish the opening handshake within {limits.connect_timeout:g} s."
                    )
                else:
                    refusal = transient(f"{address.netloc} closed the connection during the opening handshake.")
            finally:
                leaving = not reader_nursery.cancel_scope.cancel_called  # else the reader has died before
                with trio.move_on_after(limits.close_timeout, shield=True):
                    if ws is not None:
                        watched.discard()
                        await ws.aclose()
                with trio.CancelScope(shield=True):  # forced closing does not wait
                    await trio.aclose_forcefully(stream)
                reader_nursery.cancel_scope.cancel()  # stays the last statement: an await after it hides a bug
    except BaseExceptionGroup as group:
        if established:
            if not leaving or (rest := group.split(wsproto.utilities.LocalProtocolError)[1]) is group:
                raise
            if rest is not None:
                raise rest from None
            return
        cancelled, others = group.split(trio.Cancelled)
        refusal = None if others is None else _handshake_failure(address.netloc, others)
        if refusal is None or others is None:
            raise
        if cancelled is not None:
            raise cancelled from None  # we were leaving as the refusal came
        raise refusal from others.exceptions[0]
    if refusal is not None:
        raise refusal


def _handshake_failure(netloc: str, group: BaseExceptionGroup[BaseException]) -> GeppettoError | None:
    """Return what the reader task raised during the handshake, if it is the server's fault."""
    error = group.exceptions[0]
    if len(group.exceptions) > 1:
        return None
    if isinstance(error, trio_websocket.ConnectionRejected):
        return rejection(netloc, error.status_code, error.body, error.headers or ())
    return not_a_websocket(netloc) if isinstance(error, _NO_WEBSOCKET) else None
