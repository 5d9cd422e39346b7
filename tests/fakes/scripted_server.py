"""
A Realtime server that does what a test tells it, and keeps what it heard.

A *story* is a coroutine that gets the `Peer` and plays one connection: it expects client events and sends server
events, or anything else that a socket can carry. The server stands on wsproto itself, because a polite library
would answer pings and closes that a story wants to leave unanswered.
"""

from __future__ import annotations

import base64
import itertools
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs
import trio
import wsproto
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    Story = Callable[["Peer"], Awaitable[None]]

Event = dict[str, Any]
"""One event as JSON has it."""
NO_CLOSE_FRAME = 1006


@attrs.define(kw_only=True)
class Seen:
    """What one client did on one connection."""

    target: str = ""
    headers: list[tuple[str, str]] = attrs.field(factory=list)
    events: list[Event] = attrs.field(factory=list)
    texts: list[str] = attrs.field(factory=list)
    close_code: int | None = None
    """As in its Close frame; `NO_CLOSE_FRAME` when the stream ended without one; None while it stands."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """Set with `close_code`."""
    pongs: int = 0
    """How many of our pings it answered."""
    heard_pong: trio.Event = attrs.field(factory=trio.Event)
    """Set with the next pong, and replaced."""
    created_while_active: int = 0
    """How often `response.create` came while an earlier one had no `response.done` yet."""

    def header(self, name: str) -> str | None:
        """Return the header *name*, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def types(self) -> list[str]:
        """The types of the client events, in order."""
        return [event["type"] for event in self.events]

    @property
    def questions(self) -> list[str]:
        """The texts of the items that the client created."""
        return [
            event["item"]["content"][0]["text"]
            for event in self.events
            if event["type"] == "conversation.item.create"
        ]


class Gone(Exception):
    """The client has left while the story still wanted something of it."""


@attrs.define(kw_only=True, eq=False)
class Peer:
    """One client, for a story."""

    seen: Seen
    _stream: trio.abc.Stream
    _ws: wsproto.WSConnection
    _inbox: trio.MemoryReceiveChannel[Event]
    cut_bytes: int | None = None
    """The most that goes to TCP at once."""
    _active: bool = False
    _sending: trio.StrictFIFOLock = attrs.field(factory=trio.StrictFIFOLock)
    _reading: trio.Event = attrs.field(factory=trio.Event)

    async def receive(self) -> Event:
        """Return the next client event."""
        try:
            return await self._inbox.receive()
        except trio.EndOfChannel as error:
            raise Gone from error

    async def expect(self, kind: str) -> Event:
        """Skip client events up to the next *kind*, and return that."""
        while (event := await self.receive())["type"] != kind:
            pass
        return event

    async def greet(self) -> None:
        """Open the session: `session.created`, and `session.updated` when the client has said what it wants."""
        await self.send(session_created())
        await self.expect("session.update")
        await self.send({"type": "session.updated", "session": {"id": "sess_1"}})

    async def send(self, *events: Event) -> None:
        """Send *events*, each as one text message."""
        for event in events:
            if event.get("type") in {"response.done", "error"}:
                self._active = False
            await self.send_text(json.dumps(event))

    def wire(self, *events: Event) -> bytes:
        """Return the bytes that *events* are on the wire, for `send_raw`."""
        return b"".join(self._ws.send(TextMessage(data=json.dumps(event))) for event in events)

    async def send_text(self, text: str) -> None:
        """Send one text message, whatever is in it."""
        await self.send_raw(self._ws.send(TextMessage(data=text)))

    async def send_binary(self, data: bytes) -> None:
        """Send one binary message."""
        await self.send_raw(self._ws.send(BytesMessage(data=data)))

    async def send_raw(self, data: bytes) -> None:
        """Put *data* on the wire as it is, in pieces of `cut_bytes`."""
        step = self.cut_bytes or max(1, len(data))
        try:
            async with self._sending:
                for at in range(0, len(data), step):
                    await self._stream.send_all(data[at : at + step])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Gone from error

    async def ping(self) -> None:
        """Send a ping, and wait for its pong."""
        before = self.seen.pongs
        await self.send_raw(self._ws.send(Ping(payload=b"%d" % before)))
        while self.seen.pongs == before:
            await self.seen.heard_pong.wait()

    async def close(self, code: int, reason: str = "") -> None:
        """Send a Close frame."""
        await self.send_raw(self._ws.send(CloseConnection(code=code, reason=reason)))

    async def drop(self) -> None:
        """Close TCP without a Close frame."""
        await trio.aclose_forcefully(self._stream)

    def stop_reading(self) -> None:
        """Take no more from TCP, behind what is on its way, until `go_on_reading`."""
        self._reading = trio.Event()

    def go_on_reading(self) -> None:
        """Take from TCP again."""
        self._reading.set()

    async def take(self) -> bytes:
        """Return what TCP brings, when it is to be read; empty at the end."""
        await self._reading.wait()
        return bytes(await self._stream.receive_some())

    async def client_left(self) -> None:
        """Wait until the client has left."""
        async for _ in self._inbox:
            pass

    def note(self, text: str) -> Event:
        """Keep a client event."""
        event: Event = json.loads(text)
        self.seen.texts.append(text)
        self.seen.events.append(event)
        if event["type"] == "response.create":
            self.seen.created_while_active += self._active
            self._active = True
        return event


@attrs.define(kw_only=True)
class ScriptedServer:
    """Plays its story to every client. Made by `scripted_server`."""

    story: Story
    pongs: bool = True
    """Whether pings are answered."""
    answers_close: bool = True
    """Whether the client's Close frame is answered."""
    reject: tuple[int, bytes] | None = None
    """HTTP status and body instead of a WebSocket."""
    connections: list[Seen] = attrs.field(factory=list)
    url: str = ""

    @property
    def seen(self) -> Seen:
        """The only connection there was."""
        (seen,) = self.connections
        return seen

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Play the story to one client; leaves when both are done, or the client is gone."""
        seen = Seen()
        self.connections.append(seen)
        ws = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        inbox_send, inbox = trio.open_memory_channel[Event](10_000)
        peer = Peer(seen=seen, stream=stream, ws=ws, inbox=inbox)
        async with trio.open_nursery() as nursery:
            try:
                if await self._admit(peer, stream, ws):
                    nursery.start_soon(self._play, peer)
                    with inbox_send:
                        await self._hear(peer, ws, inbox_send)
            except (trio.BrokenResourceError, trio.ClosedResourceError, Gone):
                pass
            finally:
                seen.close_code = seen.close_code or NO_CLOSE_FRAME
                seen.over.set()
        await trio.aclose_forcefully(stream)

    async def _admit(self, peer: Peer, stream: trio.abc.Stream, ws: wsproto.WSConnection) -> bool:
        while True:
            data = await stream.receive_some()
            if not data:
                return False
            ws.receive_data(bytes(data))
            for event in ws.events():
                if not isinstance(event, Request):
                    continue
                peer.seen.target = event.target
                peer.seen.headers = [(name.decode(), value.decode()) for name, value in event.extra_headers]
                if self.reject is None:
                    await stream.send_all(ws.send(AcceptConnection()))
                    return True
                status, body = self.reject
                await stream.send_all(
                    ws.send(RejectConnection(status_code=status, has_body=True)) + ws.send(RejectData(data=body))
                )
                return False

    async def _play(self, peer: Peer) -> None:
        with suppress(Gone, LocalProtocolError):  # the client left first; what it did is what the test looks at
            await self.story(peer)

    async def _hear(
        self,
        peer: Peer,
        ws: wsproto.WSConnection,
        inbox_send: trio.MemorySendChannel[Event],
    ) -> None:
        """Hear the client until its stream ends."""
        text: list[str] = []
        peer.go_on_reading()
        while data := await peer.take():
            ws.receive_data(data)
            for event in ws.events():
                match event:
                    case TextMessage():
                        text.append(event.data)
                        if event.message_finished:
                            inbox_send.send_nowait(peer.note("".join(text)))
                            text.clear()
                    case Ping() if self.pongs and ws.state is ConnectionState.OPEN:
                        await peer.send_raw(ws.send(event.response()))
                    case Pong():
                        peer.seen.pongs += 1
                        peer.seen.heard_pong.set()
                        peer.seen.heard_pong = trio.Event()
                    case CloseConnection():
                        peer.seen.close_code = event.code
                        peer.seen.over.set()
                        if self.answers_close:
                            if ws.state is ConnectionState.REMOTE_CLOSING:
                                await peer.send_raw(ws.send(event.response()))
                            return


@asynccontextmanager
async def scripted_server(
    story: Story,
    *,
    pongs: bool = True,
    answers_close: bool = True,
    reject: tuple[int, bytes] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ScriptedServer]:
    """Listen on a free port and play *story* to whoever comes, until the block is left."""
    server = ScriptedServer(story=story, pongs=pongs, answers_close=answers_close, reject=reject)

    async def serve_tls(stream: trio.SocketStream) -> None:
        assert tls is not None
        with suppress(trio.BrokenResourceError):  # the client did not like the certificate
            await server.serve(trio.SSLStream(stream, tls, server_side=True))

    async with listening(serve_tls if tls is not None else server.serve) as port:
        server.url = (
            f"wss://localhost:{port}/v1/realtime" if tls is not None else f"ws://127.0.0.1:{port}/v1/realtime"
        )
        yield server


@asynccontextmanager
async def listening(serve: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    """Give every TCP client on the yielded port to *serve*, until the block is left."""
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(trio.serve_tcp, serve, 0)
        try:
            yield int(listeners[0].socket.getsockname()[1])
        except Exception as error:  # raised again below, outside of the nursery, which would wrap it
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


# --- what servers say


def tone(n_frames: int = 2400, start: int = 0) -> bytes:
    """Return PCM16 in which every frame is another one, so that a lost or moved byte shows."""
    return b"".join(((start + frame) % 65_536).to_bytes(2, "little") for frame in range(n_frames))


def session_created(session_id: str = "sess_1") -> Event:
    """Return the first event of a session."""
    return {"type": "session.created", "session": {"id": session_id, "model": "gpt-realtime"}}


def created(response_id: str) -> Event:
    """Return `response.created`."""
    return {"type": "response.created", "response": {"id": response_id, "status": "in_progress", "usage": None}}


def words(response_id: str, delta: str, item_id: str = "item_1") -> Event:
    """Return a piece of the transcript."""
    return {
        "type": "response.output_audio_transcript.delta",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": 0,
        "content_index": 0,
        "delta": delta,
    }


def audio(response_id: str, pcm: bytes, item_id: str = "item_1") -> Event:
    """Return a piece of the audio."""
    return {
        "type": "response.output_audio.delta",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(pcm).decode(),
    }


def done(response_id: str, status: str = "completed", **details: object) -> Event:
    """Return `response.done`; *details* become its `status_details`."""
    return {
        "type": "response.done",
        "response": {
            "id": response_id,
            "status": status,
            "status_details": {"type": status, **details} if details else None,
            "output": [],
            "usage": None,
        },
    }


def error(code: str, message: str = "", *, event_id: str | None = None) -> Event:
    """Return an `error` event."""
    return {
        "type": "error",
        "error": {"type": "invalid_request_error", "code": code, "message": message, "event_id": event_id},
    }


def answer(response_id: str, text: str, pcm: bytes = b"", *, pieces: int = 3) -> list[Event]:
    """Return a whole answer: its words and its audio in *pieces*, cut wherever that falls."""
    cuts = [len(pcm) * index // pieces for index in range(pieces + 1)]
    sounds = [audio(response_id, pcm[a:b]) for a, b in itertools.pairwise(cuts) if a < b]
    half = len(text) // 2
    return [
        created(response_id),
        words(response_id, text[:half]),
        words(response_id, text[half:]),
        *sounds,
        done(response_id),
    ]


def answers(texts: Sequence[str] | Iterable[str], pcm: bytes = b"") -> Story:
    """Return the story of a server that answers one question after the other, and then listens on."""
    texts = list(texts)

    async def story(peer: Peer) -> None:
        await peer.greet()
        for number, text in enumerate(texts, 1):
            await peer.expect("response.create")
            await peer.send(*answer(f"resp_{number}", text, pcm or tone()))
        await peer.client_left()

    return story


async def silent(peer: Peer) -> None:
    """Open the session and never answer."""
    await peer.greet()
    await peer.client_left()
