"""
A TCP stream that waits for data before it reads, where trio's reads first and then waits.

A server that speaks at its own pace has seldom sent the next message when this one is understood, so the first read
fails. With hundreds of sessions that failed call, and the exception that tells of it, are a third of what it takes to
hear of a message.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import trio

from geppetto.connection.readiness import call_when_readable, notify_closing

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BYTES: Final = 64 * 1024


class PatientStream(trio.abc.Stream):
    """A TCP stream for one reader and one writer."""

    def __init__(self, stream: trio.SocketStream) -> None:
        """Speak over *stream*, which is closed with this one."""
        self._stream = stream
        self._socket = stream.socket
        self._more = False
        """Whether the last read took all that there was room for."""

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """
        Send what there is room for just now, and return how many bytes that was.

        Raises:
            BrokenResourceError: the connection was reset or timed out.
            ClosedResourceError: it was closed here.
        """
        fd = self._open_fd()
        try:
            return os.write(fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(f"the connection broke: {error}") from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """
        Return what has come, empty at the end.

        Cancellation: nothing is lost; call again.

        Raises:
            BrokenResourceError: the connection was reset or timed out.
            ClosedResourceError: it was closed here.
        """
        n_bytes = _READ_BYTES if max_bytes is None else max_bytes
        more, self._more = self._more, False
        if more:
            await trio.lowlevel.checkpoint()
        fd = self._open_fd()
        if not more:
            await trio.lowlevel.wait_readable(fd)
        while (data := _read(fd, n_bytes)) is None:
            await trio.lowlevel.wait_readable(fd)
        self._more = len(data) == n_bytes
        return data

    async def call_when_readable(self, call: Callable[[], bool]) -> None:
        """
        Call *call* whenever there is something to read, until it returns False. It reads with `read_now`.

        Cancellation: it is not called any more.

        Raises:
            ClosedResourceError: the stream was closed here.
            Exception: whatever *call* raised.
        """
        fd = self._open_fd()
        await call_when_readable(fd, call)

    def read_now(self, n_bytes: int) -> bytes | None:
        """
        Return what has come, empty at the end; None when that is nothing.

        Raises:
            BrokenResourceError: the connection was reset or timed out.
        """
        return _read(self._socket.fileno(), n_bytes)

    def _open_fd(self) -> int:
        fd: int = self._socket.fileno()
        if fd < 0:
            raise trio.ClosedResourceError("this stream is closed")
        return fd

    async def aclose(self) -> None:
        if (fd := self._socket.fileno()) >= 0:
            notify_closing(fd)
        await self._stream.aclose()


def _read(fd: int, n_bytes: int) -> bytes | None:
    """Return what has come; None when that is nothing."""
    try:
        return os.read(fd, n_bytes)
    except BlockingIOError:
        return None
    except OSError as error:
        raise trio.BrokenResourceError(f"the connection broke: {error}") from error
