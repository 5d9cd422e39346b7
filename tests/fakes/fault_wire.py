"""The server's end of a TCP connection, with which anything can happen."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import trio

from tests.fakes.scripted_server import Gone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Act = Callable[["FaultyStream", bytes], Awaitable[None]]
    """What is done with the next bytes that the server would send."""


class FaultyStream(trio.abc.Stream):
    """The server's end of TCP, which a fault may take over."""

    def __init__(self, stream: trio.SocketStream) -> None:
        """Stand on *stream* and carry everything faithfully, so far."""
        self._stream = stream
        self._act: Act | None = None
        self._skip = 0
        self._deaf = False

    def arm(self, act: Act, *, skip: int = 0) -> None:
        """Let *act* have everything that is sent from now on, after *skip* more messages."""
        self._act, self._skip = act, skip

    @property
    def armed(self) -> bool:
        """Whether a fault is loose."""
        return self._act is not None

    async def strike(self) -> None:
        """Let the fault act without a message to act on."""
        await self.send_all(b"")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, or do what the fault does instead."""
        if self._act is None or self._skip > 0:
            self._skip -= 1
            await self._stream.send_all(data)
        else:
            await self._act(self, bytes(data))

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, unless this end has fallen silent."""
        data = await self._stream.receive_some(max_bytes)
        if self._deaf:
            await trio.sleep_forever()
        return data

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close TCP."""
        await self._stream.aclose()

    # --- what faults are made of

    async def put(self, data: bytes) -> None:
        """Send *data* as it is."""
        if data:
            await self._stream.send_all(data)

    async def drop(self) -> None:
        """Close TCP, and whoever was sending learns that he is alone."""
        await trio.aclose_forcefully(self._stream)
        raise Gone

    async def reset(self) -> None:
        """Close TCP with a RST."""
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.drop()

    async def half_close(self) -> None:
        """End our direction of TCP and go on reading."""
        await self._stream.send_eof()
        raise Gone

    async def stall(self) -> None:
        """Neither send nor read nor close anything any more."""
        self._deaf = True
        await trio.sleep_forever()
