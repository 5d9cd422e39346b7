"""What hostile servers try before there is a WebSocket: headers, bodies, bytes and time without end."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.chat import open_chat
from geppetto.connection.dial import dial
from geppetto.connection.failures import TransientConnectFailed
from geppetto.connection.transport import Limits, open_transport
from geppetto.errors import ConnectFailed, GeppettoError, ServerRefused
from geppetto.status import ExitStatus
from tests.fakes.chatting import BOUND_S, configure
from tests.fakes.fault_wire import FaultyStream
from tests.fakes.program import wavs
from tests.fakes.scripted_server import Gone, listening

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


NO_WEBSOCKET = "answered, but not as a WebSocket server does. Check the address."
_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"
_UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
_ENOUGH_BYTES = 64 * 1024 * 1024
"""Much more than anybody may take: what the sockets between hold comes on top of the limit."""


async def request(stream: trio.abc.Stream) -> bytes:
    """Return the whole request of a client."""
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        text += await stream.receive_some()
    return text


def accept(key_of: bytes) -> bytes:
    """Return the header that accepts the key in the request *key_of*."""
    found = re.search(rb"(?i)sec-websocket-key: (\S+)", key_of)
    assert found is not None
    digest = hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # RFC 6455, 4.2.2
    return b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n"


def limits(connect_s: float) -> Limits:
    """Return limits with a time for the handshake."""
    return Limits(connect_timeout=connect_s, write_timeout=2.0, close_timeout=0.2, max_message_bytes=100_000)


async def refusal(serve: Callable[[trio.SocketStream], Awaitable[None]], connect_s: float = 3600.0) -> GeppettoError:
    """Return why there is no connection to a server that does *serve*."""
    with trio.fail_after(BOUND_S):
        async with listening(serve) as port:
            with pytest.raises(GeppettoError) as caught:
                async with open_transport(f"ws://127.0.0.1:{port}/", [], limits(connect_s)):
                    pass
    return caught.value


@pytest.mark.parametrize(
    "headers",
    [
        b"Sec-WebSocket-Protocol: \xe9\r\n",
        b"Sec-WebSocket-Protocol: unasked\r\n",
        b"Sec-WebSocket-Extensions: \xff\xfe\r\n",
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
        b"Sec-WebSocket-Accept: \xe9\r\n",
        b"Connection: \xe9\r\n",
        b"Upgrade: \xe9\r\n",
        b"No colon\r\n",
        b"\x00: \x1b[2J\r\n",
    ],
)
async def test_odd_headers_are_no_websocket(headers: bytes) -> None:
    """Headers that no WebSocket server sends end the handshake for good, in whatever bytes they come."""

    async def serve(stream: trio.SocketStream) -> None:
        key = accept(await request(stream))
        accepted = b"" if headers.startswith(b"Sec-WebSocket-Accept") else key
        upgrade = b"" if headers.startswith((b"Connection", b"Upgrade")) else _UPGRADE
        await stream.send_all(_SWITCHING + upgrade + headers + accepted + b"\r\n")
        await stream.receive_some()

    error = await refusal(serve)
    assert error.status is ExitStatus.NO_CONNECTION
    assert NO_WEBSOCKET in str(error)
    assert not isinstance(error, TransientConnectFailed)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 401 Unauthorized\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n",
    ],
    ids=["1.0", "close", "cut off"],
)
async def test_a_refusal_that_ends_with_tcp_is_told(head: bytes) -> None:
    """An HTTP answer whose length is the connection's says why, like any other."""

    async def serve(stream: trio.SocketStream) -> None:
        await request(stream)
        await stream.send_all(head + b"wrong key")

    error = await refusal(serve)
    assert error.status is ExitStatus.REFUSED
    assert "answered HTTP 401 (wrong key): it refused the key." in str(error)


async def test_a_refusal_that_never_ends_is_told() -> None:
    """An HTTP answer that just stops says why, when the time for the handshake is over."""

    async def serve(stream: trio.SocketStream) -> None:
        await request(stream)
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nnobody here")
        await stream.receive_some()

    assert "answered HTTP 404 (nobody here)" in str(await refusal(serve, connect_s=0.2))


@pytest.mark.parametrize(
    ("head", "piece", "error", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", b"x" * 65_536, ServerRefused, "answered HTTP 404"),
        (
            b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"4\r\nabcd\r\n" * 8_192,
            ServerRefused,
            "answered HTTP 404: no Realtime server is there",
        ),
        (_SWITCHING + _UPGRADE, b"X-Header: yes\r\n" * 4_096, ConnectFailed, NO_WEBSOCKET),
        (_SWITCHING + b"X-Header: ", b"x" * 65_536, ConnectFailed, NO_WEBSOCKET),
    ],
    ids=["body", "chunked body", "headers", "one header"],
)
async def test_an_answer_of_any_size_is_bounded(
    head: bytes, piece: bytes, error: type[GeppettoError], said: str
) -> None:
    """Who sends headers or a body without end is left after half a megabyte, long before the time is over."""
    sent = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal sent
        await request(stream)
        try:
            await stream.send_all(head)
            while sent < _ENOUGH_BYTES:
                await stream.send_all(piece)
                sent += len(piece)
        except trio.BrokenResourceError:
            return

    caught = await refusal(serve)
    assert isinstance(caught, error)
    assert said in str(caught)
    assert sent < _ENOUGH_BYTES


async def test_a_handshake_in_single_bytes_is_bounded() -> None:
    """Who sends a byte now and then does not get more time than who sends none."""

    async def serve(stream: trio.SocketStream) -> None:
        await request(stream)
        try:
            for at in range(1_000_000):
                await stream.send_all((_SWITCHING + b"X: " + b"x" * 1_000_000)[at : at + 1])
                await trio.sleep(0.01)
        except trio.BrokenResourceError:
            return

    error = await refusal(serve, connect_s=0.3)
    assert isinstance(error, TransientConnectFailed)
    assert "did not finish the opening handshake within 0.3 s" in str(error)


async def test_a_request_that_nobody_takes_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is reset before the request is sent does not wait for `connect_timeout`."""
    gone = trio.Event()

    async def serve(stream: trio.SocketStream) -> None:
        try:
            await FaultyStream(stream).reset()
        except Gone:
            gone.set()

    async def dial_in_vain(*args: object) -> trio.abc.Stream:
        stream = await dial(*args)  # type: ignore[arg-type]  # whatever it takes
        await gone.wait()
        return stream

    monkeypatch.setattr("geppetto.connection.transport.dial", dial_in_vain)
    assert "closed the connection during the opening handshake" in str(await refusal(serve))


async def test_a_redirect_is_told_and_not_followed(tmp_path: Path) -> None:
    """A redirect is an end with status 4, with the body made safe, and leaves no audio."""

    async def serve(stream: trio.SocketStream) -> None:
        await request(stream)
        await stream.send_all(b"HTTP/1.1 302 Found\r\nLocation: ws://other/\r\nContent-Length: 4\r\n\r\n\x1b[2J")

    with trio.fail_after(BOUND_S):
        async with listening(serve) as port:
            with pytest.raises(ConnectFailed, match=r"HTTP 302 \(\\x1b\[2J\): a redirect, which is not followed"):
                async with open_chat(configure(f"ws://127.0.0.1:{port}/", tmp_path)):
                    pass
    assert not wavs(tmp_path)
