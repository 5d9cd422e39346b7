"""A server that speaks HTTP to those who want no WebSocket, and plays a story to the others."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import trio

from tests.fakes.scripted_server import ScriptedServer, listening, silent

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from tests.fakes.scripted_server import Story


@attrs.define(kw_only=True)
class HttpServer:
    """What it says, and what it heard. Made by `http_server`."""

    answer: bytes
    """To everything but a WebSocket; empty hangs up."""
    port: int = 0
    url: str = ""
    requests: list[str] = attrs.field(factory=list)
    """Of those who want no WebSocket."""
    scripted: ScriptedServer


class _Again(trio.abc.Stream):
    """A stream whose beginning was read already, and is read once more."""

    def __init__(self, stream: trio.abc.Stream, begun: bytes) -> None:
        self._stream, self._begun = stream, begun

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        begun, self._begun = self._begun, b""
        return begun or await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


def reply(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return an answer of HTTP; *headers* are lines that end with CRLF."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def http_server(
    answer: bytes = b"", *, story: Story = silent, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpServer]:
    """Give *answer* to each request, and play *story* to each WebSocket, until the block is left."""
    server = HttpServer(answer=answer, scripted=ScriptedServer(story=story))

    async def serve(tcp: trio.SocketStream) -> None:
        stream: trio.abc.Stream = tcp if tls is None else trio.SSLStream(tcp, tls, server_side=True)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            begun = b""
            while not begun.endswith(b"\r\n\r\n"):
                data = await stream.receive_some()
                if not data:
                    break
                begun += data
            if b"upgrade: websocket" in begun.lower():
                await server.scripted.serve(_Again(stream, begun))
                return
            if begun:
                server.requests.append(begun.decode())
                await stream.send_all(server.answer)
        await trio.aclose_forcefully(stream)

    async with listening(serve) as port:
        server.port = port
        scheme, host = ("wss", "localhost") if tls is not None else ("ws", "127.0.0.1")
        server.url = f"{scheme}://{host}:{port}/v1/realtime"
        yield server
