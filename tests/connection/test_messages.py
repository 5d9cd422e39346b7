"""Messages of a connection over real sockets: their order, where they begin, and those that wait."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from geppetto.connection.transport import Limits, open_transport
from geppetto.errors import ConnectionEnded, ConnectionLost
from tests.fakes.scripted_server import listening, scripted_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.connection.transport import Transport
    from tests.fakes.scripted_server import Peer

BOUND_S = 10.0
LIMITS = Limits(connect_timeout=5.0, write_timeout=5.0, close_timeout=5.0, max_message_bytes=1_000_000)
SAID = '{"type": "x"}'
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def hear(transport: Transport) -> list[str | bytes]:
    """Return every message up to the end of the connection, one call at a time."""
    heard: list[str | bytes] = []
    while True:
        try:
            heard += await transport.receive_some()
        except ConnectionLost:
            return heard


async def listen(transport: Transport) -> list[str | bytes]:
    """Return every message up to the end of the connection, as they are handed over; every third ends a call."""
    heard: list[str | bytes] = []

    def take(messages: Sequence[str | bytes]) -> bool:
        heard.extend(messages)
        return len(heard) % 3 > 0

    while True:
        try:
            await transport.listen(take)
        except ConnectionLost:
            return heard


BOTH_WAYS = pytest.mark.parametrize("hear", [hear, listen])
Way = Callable[["Transport"], Awaitable[list["str | bytes"]]]


@BOTH_WAYS
async def test_no_message_overtakes_another_one(hear: Way) -> None:
    """Texts, texts in pieces and binary messages come in the order in which they were sent, pings between them."""

    async def story(peer: Peer) -> None:
        await peer.send_raw(b"\x81\x01a" + b"\x01\x01b" + b"\x89\x00" + b"\x80\x01c" + b"\x81\x01d")
        await peer.send_raw(b"\x02\x01e" + b"\x80\x01f" + b"\x81\x01g" + b"\x01\x01h" + b"\x80\x01i" + b"\x82\x01j")
        await peer.close(1000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            assert await hear(transport) == ["a", "bc", "d", b"ef", "g", "hi", b"j"]
    assert server.seen.pongs == 1


@BOTH_WAYS
@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_messages_may_come_with_the_opening_handshake(hear: Way, step: int) -> None:
    """Frames in the same packet as the 101, and a 101 in many packets: nothing is lost or taken for the other."""

    async def serve(stream: trio.SocketStream) -> None:
        request = bytearray()
        while b"\r\n\r\n" not in request:
            request += await stream.receive_some()
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(bytes(key).split(b":")[1].strip() + _GUID).digest())
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: "
            + b"y" * 9_000  # more than is kept of the answer
            + b"\r\nSec-WebSocket-Accept: %b\r\n\r\n\x81\x02Hi\x81\x7e\x00\x80" % accept
            + b"x" * 128
        )
        for at in range(0, len(answer), step if step > 7 else 3 * step):
            await stream.send_all(answer[at : at + (step if step > 7 else 3 * step)])
            if step == 7:
                await trio.lowlevel.checkpoint()
        await stream.send_all(b"\x88\x00")

    with trio.fail_after(BOUND_S):
        async with (
            listening(serve) as port,
            open_transport(f"ws://127.0.0.1:{port}/", [], LIMITS) as transport,
        ):
            assert await hear(transport) == ["Hi", "x" * 128]


async def test_a_message_in_endless_pieces_ends_the_connection() -> None:
    """The server gets the reason, and the user the sentence about the limit, however little the pieces hold."""

    async def story(peer: Peer) -> None:
        await peer.send_raw(b"\x81\x01a\x01\x00" + b"\x00\x00" * 20_000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            assert await transport.receive_some() == ["a"]
            with pytest.raises(ConnectionEnded, match="over the limit"):
                await transport.receive_some()
    assert server.seen.close_code == 1009


async def test_one_message_at_a_time_or_all_that_have_come() -> None:
    """Whoever wants one gets one, and the others stay."""

    async def story(peer: Peer) -> None:
        await peer.send_raw(b"".join(b"\x81\x01%d" % number for number in range(5)))
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            assert [await transport.receive() for _ in range(2)] == ["0", "1"]
            assert await transport.receive_some() == ["2", "3", "4"]


async def test_what_is_raised_while_a_message_is_taken_comes_out() -> None:
    """Whoever listens gets it, for the first message and for a later one, and the messages behind it."""

    async def story(peer: Peer) -> None:
        for text in "abcd":
            await peer.receive()
            await peer.send_text(text)
        await peer.client_left()

    heard: list[str | bytes] = []
    fails = {"a", "c"}

    def take(messages: Sequence[str | bytes]) -> bool:
        heard.extend(messages)
        if heard[-1] in fails:
            raise ZeroDivisionError("a bug")
        return heard[-1] != "d"

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            await transport.send(SAID)
            with pytest.raises(ZeroDivisionError):
                await transport.listen(take)
            await transport.send(SAID, SAID)
            with pytest.raises(ZeroDivisionError):
                await transport.listen(take)
            await transport.send(SAID)
            await transport.listen(take)
    assert heard == list("abcd")


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    """The next wait gets the message."""
    heard: list[str | bytes] = []

    async def story(peer: Peer) -> None:
        await peer.receive()
        await peer.send_text("Hi")
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            with trio.CancelScope() as scope:
                scope.cancel()
                await transport.receive_some()
            async with trio.open_nursery() as nursery:
                with trio.CancelScope() as scope:

                    async def ask() -> None:
                        await trio.testing.wait_all_tasks_blocked()
                        await transport.send('{"type": "x"}')
                        scope.cancel()

                    nursery.start_soon(ask)
                    heard += await transport.receive_some()
            heard += [] if heard else await transport.receive_some()
    assert heard == ["Hi"]


@BOTH_WAYS
async def test_whoever_does_not_listen_is_not_poured_over(hear: Way) -> None:
    """A server is read as fast as its messages are taken: it waits, and then all come, in order."""
    poured = trio.Event()

    async def story(peer: Peer) -> None:
        for number in range(500):
            await peer.send_text(f"{number:05}" + "x" * 100_000)
        poured.set()
        await peer.close(1000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            with trio.move_on_after(0.5):
                await poured.wait()  # 50 MB, where buffers hold some
            assert not poured.is_set()
            heard = await hear(transport)
    assert [message[:5] for message in heard] == [f"{number:05}" for number in range(500)]


async def test_leaving_with_messages_that_nobody_took_says_1000() -> None:
    """The answer to our Close stands behind them on the wire, and is found."""

    async def story(peer: Peer) -> None:
        for _ in range(2_000):
            await peer.send_text("x" * 10_000)

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server:
            async with open_transport(server.url, [], LIMITS) as transport:
                await transport.receive()
                started = trio.current_time()
            took_s = trio.current_time() - started
    assert server.seen.close_code == 1000
    assert took_s < LIMITS.close_timeout


@BOTH_WAYS
async def test_pings_are_answered_while_a_few_messages_wait(hear: Way) -> None:
    """A short stall of whoever takes the messages does not stop the pongs."""

    async def story(peer: Peer) -> None:
        for _ in range(40):
            await peer.send_text("x")
        await peer.ping()
        await peer.close(1000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            await server.seen.over.wait()
            assert await hear(transport) == ["x"] * 40
    assert server.seen.pongs == 1


@BOTH_WAYS
async def test_pings_are_answered_while_whoever_takes_messages_waits_for_something_else(hear: Way) -> None:
    """One who says so is read for; the messages that come meanwhile are there afterwards, and are read as before."""
    released = trio.Event()

    async def story(peer: Peer) -> None:
        await peer.send_text("first")
        await released.wait()
        await peer.send_text("second")
        await peer.ping()
        await peer.send_text("third")
        await peer.close(1000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], LIMITS) as transport:
            assert await transport.receive_some() == ["first"]
            transport.read_on()
            released.set()
            await server.seen.over.wait()
            assert server.seen.pongs == 1
            assert await hear(transport) == ["second", "third"]
