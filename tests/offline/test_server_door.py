"""The embedded server over real sockets on loopback: who comes in, how it ends, and what hostile clients can do."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed

from geppetto.errors import ConfigError, MissingExtra
from geppetto.offline.server import open_offline_server
from geppetto.offline.voice import ToneVoice
from tests.fakes.offline_client import OfflineClient, bearer, connected, dial, opened
from tests.official_types import check_server_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from trio_websocket import WebSocketConnection

    from geppetto.offline.brain import Exchange
    from geppetto.offline.server import OfflineServer

LIMIT_S = 10
LEAVING_S = 1.2


def quick_server(**settings: Any) -> AbstractAsyncContextManager[OfflineServer]:  # noqa: ANN401 - any setting
    defaults: dict[str, Any] = {"voice": ToneVoice(), "lead_s": 0}
    return open_offline_server(**(defaults | settings))


class Endless:
    """A voice that takes longer than any test, until it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.called = threading.Event()

    def warm(self) -> None:
        pass

    def speak(self, sentence: str) -> bytes:
        self.called.set()
        self.release.wait(LIMIT_S)
        return bytes(4_800)


async def ending(ws: WebSocketConnection) -> tuple[list[dict[str, Any]], int, str | None]:
    """Return the events until the server closes, the close code and the reason."""
    events: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        while True:
            events.append(json.loads(await ws.get_message()))
            check_server_event(events[-1])
    assert ws.closed is not None
    return events, ws.closed.code, ws.closed.reason


@asynccontextmanager
async def guests() -> AsyncIterator[Callable[[OfflineServer], Awaitable[OfflineClient]]]:
    """Yield a function that connects a client, which outlives its server."""
    streams: list[trio.SocketStream] = []
    async with trio.open_nursery() as nursery:

        async def arrive(server: OfflineServer) -> OfflineClient:
            ws, stream = await dial(nursery, f"{server.url}?model=m", bearer(server.key))
            streams.append(stream)
            client = OfflineClient(ws)
            await client.until("session.created")
            return client

        try:
            yield arrive
        finally:
            for stream in streams:
                await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("query", "headers", "code", "close"),
    [
        ("?model=m", [("Authorization", "Bearer wrong")], "invalid_api_key", 3000),
        ("?model=m", [], "invalid_api_key", 3000),
        ("", bearer("right"), "missing_model", 4000),
        ("?model=m", [*bearer("right"), ("OpenAI-Beta", "realtime=v1")], "beta_api_shape_disabled", 4000),
    ],
)
async def test_refused_clients_are_told_why(
    query: str, headers: list[tuple[str, str]], code: str, close: int
) -> None:
    """A refused client is upgraded, gets one error event, and the close code and reason of the live service."""
    with trio.fail_after(LIMIT_S):
        async with (
            quick_server(key="right") as server,
            opened(server.url + query, headers) as ws,
        ):
            events, close_code, reason = await ending(ws)
    assert [event["error"]["code"] for event in events] == [code]
    assert (close_code, reason) == (close, f"invalid_request_error.{code}")


async def test_other_paths_are_not_found() -> None:
    """A path that is not the API's is refused at the handshake with HTTP 404 and a hint."""
    with trio.fail_after(LIMIT_S):
        async with quick_server() as server:
            stream = await trio.open_tcp_stream("127.0.0.1", _port(server))
            await stream.send_all(_handshake(server).replace(b"/v1/", b"/v2/"))
            answer = b"".join([chunk async for chunk in stream])
            await stream.aclose()
    assert answer.startswith(b"HTTP/1.1 404")
    assert answer.endswith(b"The Realtime API is at /v1/realtime.\n")


async def test_no_key_lets_everyone_in_and_any_model_will_do() -> None:
    """Without a key no header is needed; the model that was asked for is echoed."""
    with trio.fail_after(LIMIT_S):
        async with (
            quick_server(key=None, now=lambda: 1_000.9) as server,
            connected(server, model="my%20own") as client,
        ):
            session = client.seen[0]["session"]
    assert server.key is None
    assert session["model"] == "my own"
    assert session["expires_at"] == 4_600


async def test_key_is_new_each_time_and_not_shown() -> None:
    """Each server makes its own key, which its repr does not show."""
    async with quick_server() as one, quick_server() as other:
        assert one.key is not None
        assert one.key != other.key
        assert one.key not in repr(one)
        assert one.voice_name == "tone"


async def test_session_expires() -> None:
    """At the session limit the client gets session_expired, then close 1001."""
    with trio.fail_after(LIMIT_S):
        async with (
            quick_server(session_limit_s=0.05) as server,
            connected(server) as client,
        ):
            events, code, reason = await ending(client.ws)
    assert events[-1]["error"]["code"] == "session_expired"
    assert code == 1001
    assert reason == events[-1]["error"]["message"]


async def test_leaving_says_goodbye_to_every_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving the block closes each client with 1001, idle or in the middle of an answer, within about a second."""
    monkeypatch.setattr("geppetto.offline.server.VOICE_TIMEOUT_S", 0.1)
    voice = Endless()
    with trio.fail_after(LIMIT_S):
        async with guests() as arrive:
            async with quick_server(voice=voice) as server:
                idle = await arrive(server)
                busy = await arrive(server)
                await busy.say("Speak.")
                await busy.send("response.create")
                await trio.to_thread.run_sync(voice.called.wait, LIMIT_S)
                started_s = trio.current_time()
            assert trio.current_time() - started_s < LEAVING_S
            for client in (idle, busy):
                _, code, _ = await ending(client.ws)
                assert code == 1001
            voice.release.set()


async def test_leaving_does_not_wait_for_a_client_that_does_not_read() -> None:
    """A client whose receive window is full cannot hold up the end of the server."""
    with trio.fail_after(LIMIT_S):
        async with quick_server(voice=ToneVoice(5_000)) as server:
            stream = await _upgraded(server)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            content = [{"type": "input_text", "text": "Repeat after me: " + "a long story, " * 30}]
            item = {"type": "message", "role": "user", "content": content}
            await stream.send_all(_frame({"type": "conversation.item.create", "item": item}))
            await stream.send_all(_frame({"type": "response.create"}))
            await trio.testing.wait_all_tasks_blocked(0.05)  # the socket buffers are full
            started_s = trio.current_time()
        assert trio.current_time() - started_s < LEAVING_S
        await trio.aclose_forcefully(stream)


async def test_cancelling_the_block_ends_the_server() -> None:
    """A cancelled block still says goodbye, and lets the cancellation go on."""
    with trio.fail_after(LIMIT_S):
        async with guests() as arrive:
            with trio.move_on_after(0.1) as scope:
                async with quick_server() as server:
                    client = await arrive(server)
                    await trio.sleep_forever()
            assert scope.cancelled_caught
            _, code, _ = await ending(client.ws)
            assert code == 1001


async def test_exception_of_the_block_is_not_wrapped() -> None:
    """What the block raises leaves as it is, not in a group."""
    with pytest.raises(LookupError, match="mine"):
        async with quick_server():
            raise LookupError("mine")


async def test_port_in_use() -> None:
    """A taken port is a ConfigError with a sentence, before anything runs."""
    async with quick_server() as server:
        with pytest.raises(ConfigError, match=rf"Port {_port(server)} on 127\.0\.0\.1 is in use"):
            async with quick_server(port=_port(server)):
                pass


async def test_address_that_is_none() -> None:
    """An address that cannot be listened on is a ConfigError too."""
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1"):
        async with quick_server(host="192.0.2.1"):
            pass


async def test_missing_voice_is_told_on_entering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of the built-in voice, entering raises a plain MissingExtra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra):
        async with open_offline_server():
            pass


async def test_entering_does_not_wait_for_the_voice() -> None:
    """The server listens while its voice is still being warmed; a voice that cannot be warmed does not end it."""

    class Slow(ToneVoice):
        release = threading.Event()

        def warm(self) -> None:
            self.release.wait(LIMIT_S)
            raise MissingExtra("Never mind.")

    with trio.fail_after(LIMIT_S):
        async with quick_server(voice=Slow()) as server, connected(server) as client:
            Slow.release.set()
            await client.ask("Hello.")


async def test_bug_in_the_brain_is_not_hidden() -> None:
    """A bug leaves the server in a group, and the clients hear 1011 and 1001."""

    class Broken:
        def answer(self, question: str, history: Sequence[Exchange], instructions: str = "") -> str:
            raise ZeroDivisionError(question)

    with trio.fail_after(LIMIT_S):
        async with guests() as arrive:
            with pytest.RaisesGroup(pytest.RaisesExc(ZeroDivisionError, match="One\\?"), flatten_subgroups=True):
                async with quick_server(brain=Broken()) as server:
                    other = await arrive(server)
                    client = await arrive(server)
                    await client.say("One?")
                    await client.send("response.create")
                    await trio.sleep_forever()
            assert (await ending(client.ws))[1] == 1011
            assert (await ending(other.ws))[1] == 1001


async def test_client_that_vanishes_in_the_middle_of_an_answer() -> None:
    """A dropped connection is silent: the next client is served."""
    voice = Endless()
    with trio.fail_after(LIMIT_S):
        async with quick_server(voice=voice) as server:
            stream = await _upgraded(server)
            await stream.send_all(_frame({"type": "response.create"}))
            await trio.to_thread.run_sync(voice.called.wait, LIMIT_S)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not a FIN
            await trio.aclose_forcefully(stream)
            voice.release.set()
            async with connected(server) as client:
                await client.ask("Still there?")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello \r\n\r\n",
        b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/realtime HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody",
        b"GET //[ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"\r\n" * 100,
        b"",
    ],
)
async def test_strangers_do_not_take_the_server_down(garbage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not a WebSocket handshake ends that connection only."""
    monkeypatch.setattr("geppetto.offline.server.HANDSHAKE_TIMEOUT_S", 0.2)
    with trio.fail_after(LIMIT_S):
        async with quick_server() as server:
            stream = await trio.open_tcp_stream("127.0.0.1", _port(server))
            if garbage:
                await stream.send_all(garbage)
            await stream.send_eof()
            while await stream.receive_some():
                pass
            await stream.aclose()
            async with connected(server) as client:
                await client.ask("Still there?")


@pytest.mark.parametrize(
    "frames",
    [b"\x81\x02hi", b"\xf1\x80\0\0\0\0", b"\x81\x82\0\0\0\0\xff\xfe", b"\x88\x81\0\0\0\0x"],
    ids=["unmasked", "reserved bits", "not UTF-8", "short close"],
)
async def test_broken_frames_do_not_take_the_server_down(frames: bytes) -> None:
    """A client that breaks the framing loses its connection, and nobody else does."""
    with trio.fail_after(LIMIT_S):
        async with quick_server() as server, connected(server) as other:
            stream = await _upgraded(server)
            await stream.send_all(frames)
            while await stream.receive_some():
                pass
            await stream.aclose()
            await other.ask("Still there?")


async def test_ping_after_the_goodbye_does_not_take_the_server_down() -> None:
    """A client that pings instead of answering the close frame is dropped: wsproto has no answer to that."""
    with trio.fail_after(LIMIT_S):
        async with quick_server(session_limit_s=0.2) as server:
            stream = await _upgraded(server)
            received = b""
            while b"maximum duration" not in received or b"\x88" not in received:
                received += await stream.receive_some()
            await stream.send_all(b"\x89\x80\0\0\0\0")
            while await stream.receive_some():
                pass
            await stream.aclose()
            async with connected(server) as client:
                await client.ask("Hi.", output_modalities=["text"])


async def test_too_large_a_message_closes_with_1009(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message over the limit ends that connection with 1009."""
    monkeypatch.setattr("geppetto.offline.server.MAX_MESSAGE_CHARS", 10_000)
    with trio.fail_after(LIMIT_S):
        async with quick_server() as server, connected(server) as client:
            await client.send("input_audio_buffer.append", audio="A" * 20_000)
            assert (await ending(client.ws))[1] == 1009


async def test_what_no_client_should_send_is_answered_by_errors() -> None:
    """Binary frames, broken JSON and JSON that is no event get an error each; the session goes on."""
    with trio.fail_after(LIMIT_S):
        async with quick_server() as server, connected(server) as client:
            await _binary(client)
            for message in (
                "{",
                "[]",
                "[" * 100_000,
                '{"type": NaN}',
                '{"a":' * 900 + "1" + "}" * 900,
            ):
                await client.ws.send_message(message)
                assert (await client.receive())["error"]["code"] == "invalid_json"
            assert (await client.error({"type": 7}))["code"] == "invalid_type"
            await client.ask("Still there?")


async def test_leaving_waits_for_a_voice_at_work() -> None:
    """A sentence in the making is finished before the block ends: its thread must not outlive Python."""

    class Slow(Endless):
        finished = False

        def speak(self, sentence: str) -> bytes:
            pcm = super().speak(sentence)
            self.finished = True
            return pcm

    voice = Slow()
    with trio.fail_after(LIMIT_S):
        async with quick_server(voice=voice) as server, connected(server) as client:
            await client.send("response.create")
            await trio.to_thread.run_sync(voice.called.wait, LIMIT_S)
            threading.Timer(0.2, voice.release.set).start()
    assert voice.finished


async def test_client_that_arrives_while_the_server_leaves_does_not_hold_it_up() -> None:
    """The socket listens until the voice is done: who comes in then is let go at once."""
    voice = Endless()
    leave, left = trio.Event(), trio.Event()

    async def serve(task_status: trio.TaskStatus[OfflineServer]) -> None:
        async with quick_server(voice=voice) as server:
            task_status.started(server)
            await leave.wait()
        left.set()

    with trio.fail_after(LIMIT_S):
        async with guests() as arrive, trio.open_nursery() as nursery:
            server = await nursery.start(serve)
            client = await arrive(server)
            await client.send("response.create")
            await trio.to_thread.run_sync(voice.called.wait, LIMIT_S)
            leave.set()
            await ending(client.ws)
            stream = await trio.open_tcp_stream("127.0.0.1", _port(server))
            with trio.fail_after(LEAVING_S):
                assert await stream.receive_some() == b""
            voice.release.set()
            await left.wait()
            await stream.aclose()


LEAVE_AT_ONCE = """
import trio, trio.testing
from geppetto.offline import server
from geppetto.offline.voice import HeartVoice, ToneVoice
async def main():
    {setup}
    async with server.open_offline_server(voice=voice):
        await trio.testing.wait_all_tasks_blocked(0.2)
trio.run(main)
"""


def test_voice_that_never_ends_does_not_hold_up_the_exit() -> None:
    """A process whose voice is stuck ends all the same, after the bound."""
    setup = "import time; server.VOICE_TIMEOUT_S = 0.1; voice = ToneVoice(); voice.warm = lambda: time.sleep(30)"
    _leave_at_once(setup)


def test_process_that_leaves_while_the_real_voice_is_loading_ends_well() -> None:
    """Native code that runs when Python exits would abort the process: the server waits for it."""
    pytest.importorskip("hibari")
    _leave_at_once("voice = HeartVoice()")


def _leave_at_once(setup: str) -> None:
    script = [sys.executable, "-c", LEAVE_AT_ONCE.format(setup=setup)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def _binary(client: OfflineClient) -> None:
    await client.ws.send_message(b'{"type": "response.create"}')
    assert (await client.receive())["error"]["code"] == "invalid_event"


def _port(server: OfflineServer) -> int:
    return int(server.url.split(":")[2].split("/")[0])


async def _upgraded(server: OfflineServer) -> trio.SocketStream:
    """Return a raw connection after the opening handshake: no library keeps its frames in order."""
    stream = await trio.open_tcp_stream("127.0.0.1", _port(server))
    await stream.send_all(_handshake(server))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await stream.receive_some()
    return stream


def _handshake(server: OfflineServer) -> bytes:
    return (
        "GET /v1/realtime?model=m HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {server.key}\r\n\r\n"
    ).encode()


def _frame(event: object) -> bytes:
    """Return *event* as one masked text frame."""
    payload = json.dumps(event).encode()
    length = len(payload)
    head = bytes([0x81, 0x80 | length]) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
    return head + bytes(4) + payload
