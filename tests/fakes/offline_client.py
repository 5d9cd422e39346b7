"""A plain client of the embedded server, which referees every event of both sides."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import trio
from trio_websocket import wrap_client_stream

from tests.official_types import check_client_event, check_server_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio_websocket import WebSocketConnection

    from geppetto.offline.server import OfflineServer
    from tests.official_types import Dialect

Json = dict[str, Any]


@attrs.define
class OfflineClient:
    """One connection. `seen` holds every event that the server sent, in order."""

    ws: WebSocketConnection
    dialect: Dialect = "ga"
    seen: list[Json] = attrs.field(factory=list)

    async def send(self, kind: str, **fields: object) -> None:
        """Send one documented event."""
        event = {"type": kind, **fields}
        check_client_event(event, self.dialect)
        await self.send_raw(event)

    async def send_raw(self, event: object) -> None:
        """Send any JSON, also what no client should send."""
        await self.ws.send_message(json.dumps(event))

    async def receive(self) -> Json:
        """Return the next event of the server."""
        event: Json = json.loads(await self.ws.get_message())
        check_server_event(event, self.dialect)
        self.seen.append(event)
        return event

    async def until(self, kind: str) -> Json:
        """Return the next event of this type."""
        while (event := await self.receive())["type"] != kind:
            pass
        return event

    async def error(self, event: object) -> Json:
        """Send any JSON, and return the inner error that comes back before anything else."""
        await self.send_raw(event)
        answer = await self.receive()
        assert answer["type"] == "error", answer
        error: Json = answer["error"]
        return error

    async def say(self, text: str, **fields: object) -> None:
        """Add a user's message to the conversation."""
        content = [{"type": "input_text", "text": text}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}, **fields
        )

    async def ask(self, text: str, **settings: object) -> list[Json]:
        """Ask one question, and return every event up to `rate_limits.updated`."""
        start = len(self.seen)
        await self.say(text)
        await self.send("response.create", **({"response": settings} if settings else {}))
        await self.until("rate_limits.updated")
        return self.seen[start:]

    async def update(self, **session: object) -> Json:
        """Update the session, and return it as the server has it now."""
        body = session if self.dialect == "beta" else {"type": "realtime", **session}
        await self.send("session.update", session=body)
        updated: Json = (await self.until("session.updated"))["session"]
        return updated


async def dial(
    nursery: trio.Nursery, url: str, headers: list[tuple[str, str]]
) -> tuple[WebSocketConnection, trio.SocketStream]:
    """Open a WebSocket whose reader runs in *nursery*; the caller closes both, the socket last."""
    parts = urlsplit(url)
    stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
    ws = await wrap_client_stream(
        nursery,
        stream,
        parts.netloc,
        f"{parts.path}?{parts.query}",
        extra_headers=[(name.encode(), value.encode()) for name, value in headers],
        message_queue_size=16,
        max_message_size=2**26,
    )
    return ws, stream


def bearer(key: str | None) -> list[tuple[str, str]]:
    """Return the header that shows *key*."""
    return [] if key is None else [("Authorization", f"Bearer {key}")]


@asynccontextmanager
async def opened(url: str, headers: list[tuple[str, str]]) -> AsyncIterator[WebSocketConnection]:
    """Open a WebSocket, and close it with its socket, which trio-websocket leaves open if the server closed first."""
    async with trio.open_nursery() as nursery:
        ws, stream = await dial(nursery, url, headers)
        try:
            yield ws
        finally:
            with trio.move_on_after(1) as scope:
                scope.shield = True
                await ws.aclose()
            await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def connected(
    server: OfflineServer, dialect: Dialect = "ga", model: str = "gpt-realtime"
) -> AsyncIterator[OfflineClient]:
    """Connect to *server* and wait for `session.created`."""
    async with opened(f"{server.url}?model={model}", bearer(server.key)) as ws:
        client = OfflineClient(ws, dialect)
        await client.until("session.created")
        yield client


def pcm_of(events: list[Json]) -> bytes:
    """Return the audio of *events*, joined."""
    return b"".join(base64.b64decode(event["delta"]) for event in events if event["type"].endswith("audio.delta"))


def text_of(events: list[Json]) -> str:
    """Return the words of *events*, joined."""
    kinds = ("transcript.delta", "text.delta")
    return "".join(event["delta"] for event in events if event["type"].endswith(kinds))


def kinds_of(events: list[Json]) -> list[str]:
    """Return the types of *events*, repeated ones once."""
    kinds = [event["type"] for event in events]
    return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]
