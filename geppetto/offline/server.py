"""
The embedded Realtime server: a WebSocket on this machine that speaks the protocol of the live service.

This is the only module of the wing with sockets, tasks and threads. Each client is one task, shielded from the
cancellation of the server: it ends when its own scope is cancelled, so that it can still say goodbye. A client's
events are answered by a `Desk`; what is sent goes through one bounded channel to one writer, which is never
cancelled in the middle of a frame (trio-websocket cannot send after that).
"""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import attrs
import trio
from trio_websocket import ConnectionClosed, wrap_server_stream
from wsproto.utilities import ProtocolError

from geppetto.errors import GeppettoError
from geppetto.offline.address import listen, url_of
from geppetto.offline.brain import Brain
from geppetto.offline.client_events import error_event
from geppetto.offline.desk import open_desk
from geppetto.offline.door import PATH, NotFound, TurnedAway, asked_model
from geppetto.offline.performing import Speaker, answered, make_speech, perform, type_out
from geppetto.offline.responses import Pace
from geppetto.offline.voice import HeartVoice, sentences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from trio_websocket import WebSocketConnection, WebSocketRequest

    from geppetto.offline.desk import Desk
    from geppetto.offline.performing import Mind, Post
    from geppetto.offline.responses import Ending, Event, OngoingResponse
    from geppetto.offline.voice import Voice

HANDSHAKE_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 0.4
"""For the last events of a client, and again for its closing handshake."""
MAX_MESSAGE_CHARS: Final = 24 * 1024 * 1024
"""An append of 15 MiB takes 20 MiB of base64. trio-websocket closes with 1009 above this."""
OUTBOX_BATCHES: Final = 64
"""Batches of events waiting for a client that reads slowly; then its responses wait."""
VOICE_TIMEOUT_S: Final = 5.0
"""For a voice that is at work when the server ends."""
Dialect = Literal["ga", "beta"]


class RandomKey(Enum):
    """Stands for a bearer key made anew for each server."""

    NEW = auto()


@attrs.frozen(kw_only=True)
class OfflineServer:
    """Where the server listens, and the key that it wants."""

    url: str
    """`ws://HOST:PORT/v1/realtime`, without the `model` query."""
    key: str | None = attrs.field(repr=False)
    voice_name: str


@asynccontextmanager
async def open_offline_server(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    key: str | RandomKey | None = RandomKey.NEW,
    brain: Mind | None = None,
    voice: Voice | None = None,
    dialect: Dialect = "ga",
    lead_s: float = 2.0,
    session_limit_s: float = 3600.0,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[OfflineServer]:
    """
    Serve the Realtime protocol until the block is left. Entering returns once the socket listens.

    Args:
        port: 0 for any free one.
        key: The bearer key that clients must show; None lets everyone in.
        brain: Answers the questions; the built-in one by default.
        voice: Speaks the answers; `HeartVoice` by default. It is warmed in a thread while the server listens.
        dialect: `"ga"` refuses a client with the beta header, as the live service does; `"beta"` speaks the beta
            to every client.
        lead_s: Audio is sent at most this far ahead of real time; 0 sends it as fast as it is made.
        session_limit_s: After this long a session ends with `session_expired`.
        now: Unix time, for `expires_at`.

    Closes: the socket, and every client with 1001, within about a second. A voice that is at work is waited for,
        at most `VOICE_TIMEOUT_S` seconds: native code that runs when Python exits can abort the process.

    Cancellation: the same. An exception of the block leaves as it is, not in a group; a bug in the server leaves
        in a group and cancels the block.

    Raises:
        ConfigError: the address is taken, or not one to listen on.
        MissingExtra: the built-in voice is not installed.
    """
    voice = HeartVoice() if voice is None else voice
    bearer = secrets.token_urlsafe(24) if isinstance(key, RandomKey) else key
    server = _Server(
        key=bearer,
        brain=Brain() if brain is None else brain,
        speaker=Speaker(voice),
        dialect=dialect,
        lead_s=lead_s,
        session_limit_s=session_limit_s,
        now=now,
    )
    listeners = await listen(host, port)
    name = getattr(voice, "name", type(voice).__name__)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        # The clients live in this nursery: in one of their own, a bug in one would wait there for all the others.
        nursery.start_soon(partial(trio.serve_listeners, handler_nursery=nursery), server.serve, listeners)
        nursery.start_soon(server.speaker.warm)
        try:
            yield OfflineServer(url=url_of(listeners[0]), key=bearer, voice_name=name)
        except Exception as error:  # raised again below, outside of the nursery, which would wrap it
            failure = error
        finally:
            server.stop()
            with trio.move_on_after(VOICE_TIMEOUT_S) as scope:
                scope.shield = True
                await server.speaker.rest()
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


@attrs.frozen
class _Farewell:
    code: int
    reason: str = ""


_Outbox = trio.MemorySendChannel[list[str]]


@attrs.define(kw_only=True)
class _Server:
    key: str | None = attrs.field(repr=False)
    brain: Mind
    speaker: Speaker
    dialect: Dialect
    lead_s: float
    session_limit_s: float
    now: Callable[[], float]
    _stopped: bool = False
    _scopes: set[trio.CancelScope] = attrs.field(factory=set)

    def stop(self) -> None:
        """End every session: each client is told that the server is going away."""
        self._stopped = True
        for scope in self._scopes:
            scope.cancel()

    @contextmanager
    def _until_stopped(self) -> Iterator[trio.CancelScope]:
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            if self._stopped:
                scope.cancel()
            try:
                yield scope
            finally:
                self._scopes.discard(scope)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one client until it leaves, its time is up, or the server stops. Raises nothing but bugs."""
        with trio.CancelScope(shield=True):
            try:
                async with trio.open_nursery() as reader_nursery:
                    try:
                        await self._admit(reader_nursery, stream)
                    finally:
                        reader_nursery.cancel_scope.cancel()
            except* (ProtocolError, ConnectionClosed):
                pass  # not a WebSocket client, or not for long: wsproto's errors come out of the reader task

    async def _admit(self, reader_nursery: trio.Nursery, stream: trio.SocketStream) -> None:
        request: WebSocketRequest | None = None
        with self._until_stopped(), trio.move_on_after(HANDSHAKE_TIMEOUT_S):
            request = await wrap_server_stream(
                reader_nursery,
                stream,
                message_queue_size=16,
                max_message_size=MAX_MESSAGE_CHARS,
                receive_buffer_size=64 * 1024,
            )
        if request is None:
            return
        model, turned_away = "", None
        try:
            model = asked_model(request.path, request.headers, key=self.key, dialect=self.dialect)
        except NotFound:
            await request.reject(404, body=f"Not found. The Realtime API is at {PATH}.\n".encode())
            return
        except TurnedAway as error:
            turned_away = error
        ws = await request.accept()
        desk = open_desk(model, dialect=self.dialect, expires_at=int(self.now() + self.session_limit_s))
        farewell = _Farewell(1011, "The offline server failed.")
        try:
            farewell = await self._session(ws, desk, turned_away)
        finally:
            with trio.move_on_after(CLOSE_TIMEOUT_S) as scope:
                scope.shield = True
                await ws.aclose(farewell.code, farewell.reason)

    async def _session(self, ws: WebSocketConnection, desk: Desk, turned_away: TurnedAway | None) -> _Farewell:
        outbox, letters = trio.open_memory_channel[list[str]](OUTBOX_BATCHES)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, ws, letters)
            with outbox:
                if turned_away is None:
                    farewell = await self._attend(ws, desk, outbox)
                else:
                    farewell = _Farewell(turned_away.close_code, turned_away.close_reason)
                    await outbox.send(desk.wire([error_event(turned_away.code, turned_away.message)]))
            nursery.cancel_scope.deadline = trio.current_time() + CLOSE_TIMEOUT_S
        return farewell

    async def _attend(self, ws: WebSocketConnection, desk: Desk, outbox: _Outbox) -> _Farewell:
        with self._until_stopped() as stopped, trio.move_on_after(self.session_limit_s):
            await outbox.send(desk.wire(desk.open()))
            async with trio.open_nursery() as responses:
                await self._receive(ws, desk, outbox, responses)
                responses.cancel_scope.cancel()
            return _Farewell(1000)  # the client has left
        if stopped.cancel_called:
            return _Farewell(1001, "The offline server is going away.")
        why = f"Your session hit the maximum duration of {self.session_limit_s / 60:g} minutes."
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            await outbox.send(desk.wire([error_event("session_expired", why)]))
        return _Farewell(1001, why)

    async def _receive(self, ws: WebSocketConnection, desk: Desk, outbox: _Outbox, responses: trio.Nursery) -> None:
        scopes: dict[str, trio.CancelScope] = {}
        while True:
            try:
                message = await ws.get_message()
            except ConnectionClosed:
                return
            reaction = desk.receive(message)
            if reaction.cancelled is not None:
                scopes.pop(reaction.cancelled.response_id).cancel()
            if reaction.events:
                await outbox.send(desk.wire(reaction.events))
            if reaction.started is not None:
                scope = scopes[reaction.started.response_id] = trio.CancelScope()
                responses.start_soon(self._respond, desk, reaction.started, outbox, scope)
            for response_id in scopes.keys() - desk.running:
                del scopes[response_id]

    async def _respond(self, desk: Desk, response: OngoingResponse, outbox: _Outbox, scope: trio.CancelScope) -> None:
        async def post(events: list[Event]) -> None:
            await outbox.send(desk.wire(events))

        with scope:
            answer = answered(self.brain, response.prompt)
            ending = await (self._speak if response.spoken else type_out)(response, answer, post)
            closing = response.finish(*ending)
            desk.settle(response)  # before the client hears of it: what it asks next finds nothing in its way
            await post(closing)

    async def _speak(self, response: OngoingResponse, answer: str, post: Post) -> Ending:
        parts = sentences(answer)
        # No buffer: the next sentence is made while this one is sent, and not the one after it.
        speech_send, speech_receive = trio.open_memory_channel[bytes | GeppettoError](0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(make_speech, self.speaker, parts, speech_send)
            with speech_receive:
                ending = await perform(response, parts, speech_receive, post, Pace(lead_s=self.lead_s))
            nursery.cancel_scope.cancel()
        return ending


async def _write(ws: WebSocketConnection, letters: trio.MemoryReceiveChannel[list[str]]) -> None:
    """Send what the session posts, in order. Once the client has left, take it and drop it."""
    gone = False
    with letters:
        async for batch in letters:
            for letter in batch:
                if not gone:
                    try:
                        await ws.send_message(letter)
                    except ConnectionClosed:
                        gone = True
