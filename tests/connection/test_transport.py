"""One WebSocket connection against real sockets: how it opens, speaks, fails and always ends."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing
import trustme

from geppetto.connection.failures import TransientConnectFailed
from geppetto.connection.transport import Limits, open_transport
from geppetto.errors import ConnectFailed, ConnectionLost, ServerRefused
from tests.fakes.scripted_server import listening, scripted_server

if TYPE_CHECKING:
    from tests.fakes.scripted_server import Peer

BOUND_S = 5.0


def limits(*, connect: float = 2.0, write: float = 2.0, close: float = 0.2, message_bytes: int = 1_000_000) -> Limits:
    """Return short limits."""
    return Limits(connect_timeout=connect, write_timeout=write, close_timeout=close, max_message_bytes=message_bytes)


async def echo(peer: Peer) -> None:
    """Send back every event."""
    while True:
        await peer.send(await peer.receive())


async def test_messages_go_both_ways_and_leaving_says_1000() -> None:
    """Text comes back as it was sent, headers and query arrive, and leaving is a Close 1000."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(echo) as server:
            url = f"{server.url}?model=m"
            async with open_transport(url, [("X-Test", "yes")], limits()) as transport:
                text = json.dumps({"type": "a", "text": "Grüße 🐙"}, ensure_ascii=False)
                await transport.send(text)
                received = await transport.receive()
                assert json.loads(received) == json.loads(text)
                assert await transport.ping() < BOUND_S
    assert server.seen.target == "/v1/realtime?model=m"
    assert server.seen.header("X-Test") == "yes"
    assert server.seen.close_code == 1000


async def test_an_exception_of_the_body_is_in_a_group_of_one_and_closes_with_1000() -> None:
    """Whatever the body raises gets out, after the Close frame."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(echo) as server:
            with pytest.RaisesGroup(ZeroDivisionError):
                async with open_transport(server.url, [], limits()):
                    raise ZeroDivisionError
    assert server.seen.close_code == 1000


async def test_cancelling_inside_of_the_block_closes_with_1000() -> None:
    """The connection outlives whatever is cancelled inside of it."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(echo) as server, open_transport(server.url, [], limits()) as transport:
            with trio.move_on_after(0.01):
                await transport.receive()
    assert server.seen.close_code == 1000


async def test_a_ping_behind_our_close_is_no_bug() -> None:
    """A server may ping until it has read our Close; the library's pong would be against the protocol."""

    async def story(peer: Peer) -> None:
        await peer.seen.over.wait()
        await peer.send_raw(b"\x89\x00")
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story, answers_close=False) as server:
            async with open_transport(server.url, [], limits()) as transport:
                await transport.send('{"type": "x"}')
            with pytest.RaisesGroup(ZeroDivisionError):
                async with open_transport(server.url, [], limits()):
                    raise ZeroDivisionError
    assert [seen.close_code for seen in server.connections] == [1000, 1000]


async def test_a_close_that_nobody_answers_is_bounded() -> None:
    """A server that ignores our Close costs `close_timeout`, and no more."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(echo, answers_close=False) as server:
            async with open_transport(server.url, [], limits(close=0.2)):
                started = trio.current_time()
            took_s = trio.current_time() - started
    assert 0.15 < took_s < 1.0
    assert server.seen.close_code == 1000


async def test_a_server_that_stops_reading_cannot_hold_a_message() -> None:
    """A message that the network does not take is a `ConnectionLost` after `write_timeout`."""

    async def deaf(stream: trio.SocketStream) -> None:
        from wsproto import ConnectionType, WSConnection
        from wsproto.events import AcceptConnection, Request

        ws = WSConnection(ConnectionType.SERVER)
        while not any(isinstance(event, Request) for event in ws.events()):
            ws.receive_data(bytes(await stream.receive_some()))
        await stream.send_all(ws.send(AcceptConnection()))
        await trio.sleep_forever()

    with trio.fail_after(BOUND_S):
        async with listening(deaf) as port:
            with pytest.RaisesGroup(pytest.RaisesExc(ConnectionLost, match="took no message for 0.2 s")):
                async with open_transport(f"ws://127.0.0.1:{port}/", [], limits(write=0.2)) as transport:
                    await transport.send("x" * 50_000_000)


@pytest.mark.parametrize(
    ("code", "reason", "error", "said"),
    [
        (1000, "", ConnectionLost, "(1000)"),
        (1011, "keepalive ping timeout", ConnectionLost, "(1011, keepalive ping timeout)"),
        (3000, "invalid_request_error.invalid_api_key", ServerRefused, "Check the key."),
        (1008, "policy", ServerRefused, "(1008, policy)"),
        (4001, "\x1b[31m", ServerRefused, r"\\x1b\[31m"),
    ],
)
async def test_a_close_of_the_server_is_told_by_receive_and_send(
    code: int, reason: str, error: type[Exception], said: str
) -> None:
    """Both directions raise the same error, with code and reason made safe."""

    async def story(peer: Peer) -> None:
        await peer.close(code, reason)

    pattern = said if "\\" in said else said.replace("(", r"\(").replace(")", r"\)")
    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], limits()) as transport:
            with pytest.raises(error, match=pattern):
                await transport.receive()
            with pytest.raises(error, match=pattern):
                await transport.send("{}")
    assert server.seen.close_code == code


async def test_what_was_said_before_a_close_is_heard_before_anybody_tells_of_it() -> None:
    """A sender that meets the Close first waits until the messages before it are received."""
    told: list[str] = []

    async def story(peer: Peer) -> None:
        await peer.send({"type": "error"})
        await peer.close(3000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], limits()) as transport:
            await server.connections[0].over.wait()

            async def send() -> None:
                with pytest.raises(ServerRefused):
                    await transport.send("{}")
                told.append("send")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                await trio.testing.wait_all_tasks_blocked()
                told.append(str(await transport.receive()))
                with pytest.raises(ServerRefused):
                    await transport.receive()
    assert told == ['{"type": "error"}', "send"]


async def test_a_dropped_connection_is_1006() -> None:
    """TCP that ends without a Close frame is told as such."""

    async def story(peer: Peer) -> None:
        await peer.drop()

    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_transport(server.url, [], limits()) as transport:
            with pytest.raises(ConnectionLost, match="1006"):
                await transport.receive()


async def test_a_message_over_the_limit_names_the_flag() -> None:
    """Too large a message closes with 1009 on our side, and says what to raise."""

    async def story(peer: Peer) -> None:
        await peer.send_text("x" * 2_000)
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(story) as server,
            open_transport(server.url, [], limits(message_bytes=1_000)) as transport,
        ):
            with pytest.raises(ConnectionLost, match="--max-message-bytes"):
                await transport.receive()
    assert server.seen.close_code == 1009


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, ConnectFailed),
        (400, ServerRefused),
        (401, ServerRefused),
        (403, ServerRefused),
        (404, ServerRefused),
        (429, TransientConnectFailed),
        (500, TransientConnectFailed),
        (503, TransientConnectFailed),
    ],
)
async def test_an_http_answer_is_told_with_its_body(status: int, error: type[Exception]) -> None:
    """What is not a WebSocket says why, and whether another try makes sense."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(echo, reject=(status, b"because")) as server:
            with pytest.raises(error, match=rf"HTTP {status} \(because\)"):
                async with open_transport(server.url, [], limits()):
                    pass


async def test_garbage_for_an_answer_is_final() -> None:
    """Something that is no HTTP is not worth another try."""

    async def babble(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n")

    with trio.fail_after(BOUND_S):
        async with listening(babble) as port:
            with pytest.raises(ConnectFailed, match="not as a WebSocket server") as caught:
                async with open_transport(f"ws://127.0.0.1:{port}/", [], limits()):
                    pass
    assert not isinstance(caught.value, TransientConnectFailed)


@pytest.mark.parametrize("accept", [b"wrong", b""])
async def test_a_wrong_accept_header_is_final(accept: bytes) -> None:
    """A 101 with a key that does not match is not a WebSocket server."""

    async def impostor(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        header = b"Sec-WebSocket-Accept: " + accept + b"\r\n" if accept else b""
        with suppress(trio.BrokenResourceError):
            await stream.send_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + header
                + b"\r\n"
            )
            await stream.receive_some()

    with trio.fail_after(BOUND_S):
        async with listening(impostor) as port:
            with pytest.raises(ConnectFailed, match="not as a WebSocket server"):
                async with open_transport(f"ws://127.0.0.1:{port}/", [], limits()):
                    pass


async def test_a_stream_that_ends_in_the_handshake_is_told_at_once() -> None:
    """TCP closed before the handshake is done does not wait for `connect_timeout`."""

    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    with trio.fail_after(BOUND_S):
        async with listening(hang_up) as port:
            with pytest.raises(TransientConnectFailed, match="closed the connection during the opening handshake"):
                async with open_transport(f"ws://127.0.0.1:{port}/", [], limits(connect=3600)):
                    pass


async def test_a_handshake_that_never_ends_is_bounded() -> None:
    """A server that says nothing is left after `connect_timeout`."""

    async def mute(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    with trio.fail_after(BOUND_S):
        async with listening(mute) as port:
            for scheme, said in (("ws", "did not finish the opening handshake"), ("wss", "did not answer")):
                with pytest.raises(TransientConnectFailed, match=said):
                    async with open_transport(f"{scheme}://127.0.0.1:{port}/", [], limits(connect=0.2)):
                        pass


async def test_a_self_signed_certificate_is_final_and_quick() -> None:
    """The reason that the certificate is not trusted is told, without waiting for anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with trio.fail_after(BOUND_S):
        async with scripted_server(echo, tls=context) as server:
            with pytest.raises(ConnectFailed, match="certificate that cannot be verified") as caught:
                async with open_transport(server.url, [("Authorization", "Bearer sk-secret")], limits(connect=60)):
                    pass
    assert not isinstance(caught.value, TransientConnectFailed)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert all(seen.headers == [] for seen in server.connections)
