"""
Proxies that do what a test tells them, and keep all that they heard.

Wherever a client wants to go, the tunnel ends at one port on loopback, so that a test can ask for any host name.
"""

from __future__ import annotations

import base64
import ipaddress
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import trio

from tests.fakes.scripted_server import listening

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator


@attrs.define(kw_only=True)
class FakeProxy:
    """What a proxy does, and what it saw. Made by `connect_proxy` and `socks_proxy`."""

    upstream_port: int
    credentials: tuple[str, str] | None = None
    """What it wants; None is nothing."""
    port: int = 0
    clients: int = 0
    """How many connections there were."""
    targets: list[str] = attrs.field(factory=list)
    """`host:port` as each client asked for it."""
    heard: bytearray = attrs.field(factory=bytearray)
    """Every byte that clients sent, before and inside the tunnel."""

    async def read(self, stream: trio.abc.ReceiveStream, n_bytes: int) -> bytes:
        """Return exactly *n_bytes*, or raise BrokenResourceError."""
        data = bytearray()
        while len(data) < n_bytes:
            piece = await stream.receive_some(n_bytes - len(data))
            if not piece:
                raise trio.BrokenResourceError("the client left")
            data += piece
        self.heard += data
        return bytes(data)

    async def relay(self, client: trio.abc.Stream) -> None:
        """Carry bytes between *client* and the upstream port until one of the two ends."""
        server = await trio.open_tcp_stream("127.0.0.1", self.upstream_port)

        async def carry(source: trio.abc.Stream, sink: trio.abc.Stream, kept: bytearray | None) -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while data := await source.receive_some():
                    if kept is not None:
                        kept += data
                    await sink.send_all(data)
            nursery.cancel_scope.cancel()

        async with server, trio.open_nursery() as nursery:
            nursery.start_soon(carry, client, server, self.heard)
            nursery.start_soon(carry, server, client, None)


@asynccontextmanager
async def connect_proxy(
    upstream_port: int = 0,
    *,
    credentials: tuple[str, str] | None = None,
    reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n",
    in_pieces: bool = False,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[FakeProxy]:
    """
    Run an HTTP proxy that knows CONNECT.

    Args:
        upstream_port: where every tunnel ends.
        credentials: user name and password; a client without them gets 407.
        reply: to CONNECT; a tunnel follows when 200 is in it. Empty: hang up.
        in_pieces: send the reply byte by byte, each when the one before has left.
        tls: for an `https://` proxy.
    """
    proxy = FakeProxy(upstream_port=upstream_port, credentials=credentials)

    async def serve(stream: trio.SocketStream) -> None:
        proxy.clients += 1
        client: trio.abc.Stream = stream if tls is None else trio.SSLStream(stream, tls, server_side=True)
        with suppress(trio.BrokenResourceError):  # who does not like the reply leaves
            async with client:
                head = bytearray()
                while not head.endswith(b"\r\n\r\n"):
                    head += await proxy.read(client, 1)
                lines = bytes(head).decode("latin-1").split("\r\n")
                method, target, _version = lines[0].split()
                assert method == "CONNECT"
                proxy.targets.append(target)
                wanted = b":".join(text.encode() for text in credentials or ())
                if credentials is not None and (
                    f"Proxy-Authorization: Basic {base64.b64encode(wanted).decode()}".lower()
                    not in [line.lower() for line in lines]
                ):
                    await client.send_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                    return
                for piece in [reply[i : i + 1] for i in range(len(reply))] if in_pieces else [reply]:
                    await client.send_all(piece)
                    await trio.lowlevel.checkpoint()
                if b" 200 " in reply:
                    await proxy.relay(client)

    async with listening(serve) as proxy.port:
        yield proxy


@asynccontextmanager
async def socks_proxy(
    upstream_port: int = 0, *, credentials: tuple[str, str] | None = None, reply: int = 0
) -> AsyncIterator[FakeProxy]:
    """
    Run a SOCKS5 proxy.

    Args:
        upstream_port: where every tunnel ends.
        credentials: user name and password (RFC 1929); a client without them is refused.
        reply: to the request (RFC 1928, 6); 0 is success.
    """
    proxy = FakeProxy(upstream_port=upstream_port, credentials=credentials)

    async def serve(stream: trio.SocketStream) -> None:
        proxy.clients += 1
        with suppress(trio.BrokenResourceError):
            async with stream:
                version, n_methods = await proxy.read(stream, 2)
                assert version == 5
                methods = await proxy.read(stream, n_methods)
                method = 0 if credentials is None else 2
                if method not in methods:
                    await stream.send_all(b"\x05\xff")
                    return
                await stream.send_all(bytes([5, method]))
                if credentials is not None:
                    username = await proxy.read(stream, (await proxy.read(stream, 2))[1])
                    password = await proxy.read(stream, (await proxy.read(stream, 1))[0])
                    granted = (username.decode(), password.decode()) == credentials
                    await stream.send_all(b"\x01\x00" if granted else b"\x01\x01")
                    if not granted:
                        return
                _version, _command, _zero, kind = await proxy.read(stream, 4)
                if kind == 3:
                    host = (await proxy.read(stream, (await proxy.read(stream, 1))[0])).decode()
                else:
                    host = str(ipaddress.ip_address(await proxy.read(stream, 4 if kind == 1 else 16)))
                proxy.targets.append(f"{host}:{int.from_bytes(await proxy.read(stream, 2), 'big')}")
                await stream.send_all(bytes([5, reply, 0, 1]) + bytes(6))
                if reply == 0:
                    await proxy.relay(stream)

    async with listening(serve) as proxy.port:
        yield proxy
