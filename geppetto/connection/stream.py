"""
The stream under trio-websocket: it watches the opening handshake, and afterwards keeps the text messages for itself.

trio-websocket's reader reads from it and gets what `TextMessages` passes on: the HTTP of the handshake, pings,
Close, and everything that is not plain. Its reader, its channel and wsproto's parser are most of what a long answer
would cost; what they do for the rest stays theirs.

So two tasks may want to read. Whoever waits for messages does it: a message then wakes one task, not two. The reader
reads while whoever takes them waits for something else (`read_on`), so that pings are answered, when nobody ever will
again, and when all that comes is for it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from geppetto.connection.frames import TextMessages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LITTLE_BYTES = 64 * 1024
_MUCH_BYTES = 256 * 1024
"""Room for what is read at once, the larger one where the smaller was filled: room that stays empty costs more than
a short message, and with 4 KiB a long answer costs a third more."""
_QUEUED_MESSAGES = 64
"""So many wait, then nothing is read: a stall of ours does not stop the pongs, one in a flood stops the server."""
_BATCH_CHARS = 64 * 1024
"""About so much is handed over at once: each of a message's copies on its way takes as much memory again."""
_HANDSHAKE_BYTES = 512 * 1024
"""The most that an answer to the opening handshake may have; h11 bounds its headers, but nobody bounds its body."""
_HEAD_BYTES = 8 * 1024
_REFUSAL = re.compile(rb"HTTP/1\.[01] ([2-9]\d\d)[ \r]")
_SWITCHED = re.compile(rb"HTTP/1\.1 101[ \r\n]")
_HEAD_ENDS = re.compile(rb"\n\r?\n")
"""What h11 takes for the end of the headers."""


class MessageStream(trio.abc.Stream):
    """
    A stream that tells when the opening handshake has no future, and that has the messages behind it.

    No future has its end, a request that nobody takes any more, and an answer that goes on and on. The answer's
    beginning is kept.
    """

    def __init__(self, stream: trio.abc.Stream, ended: trio.CancelScope, max_message_bytes: int) -> None:
        """Cancel *ended* when there is nothing to wait for; take messages of up to *max_message_bytes*."""
        self._stream = stream
        self._ended = ended
        self._left_bytes = _HANDSHAKE_BYTES
        self._head = bytearray()
        self._tail = b""
        """The last two bytes that came: the end of the headers may be cut."""
        self._switched = False
        """Whether what comes now is WebSocket."""
        self._texts = TextMessages(max_message_bytes)
        self._passed_on = bytearray()
        """What is for trio-websocket."""
        self._dead = False
        """Whether the stream has ended or failed."""
        self._failure: trio.BrokenResourceError | trio.ClosedResourceError | None = None
        self._wanted = True
        self._room_bytes = _LITTLE_BYTES
        self._reading = False
        """Whether somebody reads just now: one of the two does, and the other one waits."""
        self._away = True
        """Whether nobody comes for messages for now."""
        self._holds = False
        self._held = bytearray()
        self._came = trio.lowlevel.ParkingLot()
        self._passed = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()

    @property
    def overflowed(self) -> bool:
        """Whether the answer passed its limit."""
        return self._left_bytes < 0

    def http_answer(self) -> tuple[int, bytes] | None:
        """Return status and body, as far as they came, of an answer that ended before HTTP says it does."""
        head, _, body = bytes(self._head).partition(b"\r\n\r\n")
        found = _REFUSAL.match(head)
        if found is None:
            return None
        return int(found[1]), b"" if b"chunked" in head.lower() else body

    async def messages(self, at_most: int = _QUEUED_MESSAGES) -> Sequence[str]:
        """
        Return the text messages that have come, one at least and *at_most* so many.

        None at all means that no more are to come: what follows is for trio-websocket to tell.

        Cancellation: nothing is lost; call again.
        """
        texts = self._texts
        ready = texts.ready
        self._away = False
        if ready or self._dead or texts.over or not self._switched:
            await trio.lowlevel.checkpoint()
        while not (ready or self._dead or texts.over) and self._switched:
            if self._reading:
                await self._came.park()
            else:
                await self._take_in()
        messages: list[str] = []
        room = _BATCH_CHARS
        while ready and room > 0 and len(messages) < at_most:
            messages.append(ready.popleft())
            room -= len(messages[-1])
        if self._taken:
            self._taken.unpark()
        return messages

    def read_on(self) -> None:
        """Have the reader read until somebody comes for messages again, so that pings and pongs are heard."""
        if not self._reading:
            self._away = True
            self._passed.unpark()

    def discard(self) -> None:
        """Drop what came and what comes: nobody takes messages any more, and the peer's Close is behind them."""
        self._wanted = False
        self._texts.ready.clear()
        self._taken.unpark()
        self._passed.unpark()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep what is sent in the block, and let it go with what is sent next: one packet, one wake-up there."""
        self._holds = True
        try:
            yield
        finally:
            self._holds = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._holds:
            self._held += data  # no checkpoint: the rest of it comes with the next call
            return
        if self._held:
            data = bytes(self._held) + data
            self._held.clear()
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """
        Return what is for trio-websocket.

        Behind the handshake that may be more than *max_bytes*: it does not mind, and here is decided what is read.
        """
        if not self._switched:
            return await self._receive_head(max_bytes)
        texts = self._texts
        while not self._passed_on:
            if self._failure is not None:
                raise self._failure
            if self._dead:
                return b""
            if self._reading or not (self._away or texts.over or not self._wanted):
                await self._passed.park()
            elif len(texts.ready) >= _QUEUED_MESSAGES:
                await self._taken.park()
            else:
                await self._take_in()
        passed_on, self._passed_on = self._passed_on, bytearray()
        return passed_on

    async def aclose(self) -> None:
        self._die()
        await self._stream.aclose()

    async def _receive_head(self, max_bytes: int | None) -> bytes | bytearray:
        """Return the next piece of the answer; what stands behind the headers of a 101 waits for its turn."""
        data = await self._read(max_bytes)
        if (room := _HEAD_BYTES - len(self._head)) > 0:
            self._head += data[:room]
        self._left_bytes -= len(data)
        if self.overflowed:
            self._ended.cancel()
        if _SWITCHED.match(self._head):
            seam = self._tail + data
            self._tail = seam[-2:]
            if (end := _HEAD_ENDS.search(seam)) is not None:
                self._switched = True
                behind = seam[end.end() :]
                self._sort(behind)
                return data[: len(data) - len(behind)]
        return data

    async def _take_in(self) -> None:
        """Read, and sort what came."""
        self._reading = True
        try:
            data = await self._read(self._room_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._failure = error
        else:
            self._room_bytes = _LITTLE_BYTES if len(data) < _LITTLE_BYTES else _MUCH_BYTES
            self._sort(data)
        finally:
            self._reading = False
            if self._came:
                self._came.unpark()

    def _sort(self, data: bytes | bytearray) -> None:
        """Take the messages out of *data*, and make ready what is for trio-websocket."""
        texts = self._texts
        passed_on = texts.feed(data)
        if not self._wanted:
            texts.ready.clear()
        if passed_on:
            self._passed_on += passed_on
        if passed_on or texts.over:
            self._passed.unpark()

    async def _read(self, max_bytes: int | None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
            raise
        if not data:
            self._die()
        return data

    def _die(self) -> None:
        """Nothing more comes, or nothing more can be said: whoever waits, waits no longer."""
        self._dead = True
        self._ended.cancel()
        self._came.unpark()
        self._passed.unpark()
