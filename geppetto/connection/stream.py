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

import os
from typing import TYPE_CHECKING

import trio

from geppetto.connection.frames import MASK_BYTES, TextMessages, text_frame
from geppetto.connection.opening import OpeningAnswer
from geppetto.connection.sockets import PatientStream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LITTLE_BYTES = 64 * 1024
_MUCH_BYTES = 256 * 1024
"""Room for what is read at once, the larger one where the smaller was filled: room that stays empty costs more than
a short message, and with 4 KiB a long answer costs a third more."""
_QUEUED_MESSAGES = 64
"""So many wait, then nothing is read: a stall of ours does not stop the pongs, one in a flood stops the server."""
_BATCH_CHARS = 64 * 1024
"""About so much is handed over at once: each of a message's copies on its way takes as much memory again."""


class MessageStream(trio.abc.Stream):
    """
    A stream that tells when the opening handshake has no future, and that has the messages behind it.

    No future has its end, a request that nobody takes any more, and an answer that goes on and on.
    """

    def __init__(self, stream: trio.abc.Stream, ended: trio.CancelScope, max_message_bytes: int) -> None:
        """Cancel *ended* when there is nothing to wait for; take messages of up to *max_message_bytes*."""
        self._stream = stream
        self._ended = ended
        self.opening = OpeningAnswer()
        """What the server has said to the opening handshake."""
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
        self._sending = False
        self._sent = trio.lowlevel.ParkingLot()
        self._came = trio.lowlevel.ParkingLot()
        self._passed = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()

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
        return self._batch(at_most)

    async def hand_to(self, take: Callable[[Sequence[str]], bool]) -> bool:
        """
        Hand messages to *take*, as `messages` returns them, until it returns False; return whether it did.

        Otherwise there is something for `messages` to tell or, at once, a stream that can't be read like this.

        Cancellation: nothing is lost; call again.

        Raises:
            Exception: whatever *take* raised.
        """
        stream = self._stream
        if not isinstance(stream, PatientStream) or self._reading or not self._switched:
            return False
        texts = self._texts
        enough = False

        def read() -> bool:
            nonlocal enough
            try:
                data = stream.read_now(self._room_bytes)
            except trio.BrokenResourceError as error:
                self._failure = error
                self._die()
                return False
            if data is not None:
                if not data:
                    self._die()
                self._understand(data)
                while texts.ready:
                    if not take(self._batch()):
                        enough = True
                        return False
            return not (self._dead or texts.over)

        if not (texts.ready or self._dead or texts.over):
            self._reading = True
            try:
                await stream.call_when_readable(read)
            except trio.ClosedResourceError as error:
                self._failure = error
                self._die()
            finally:
                self._stop_reading()
        return enough

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

    async def send_texts(self, texts: Sequence[str]) -> None:
        """
        Send text messages, in one packet where they are short; without a checkpoint where there is room for them.

        Cancellation: leaves half a message on the wire.

        Raises:
            BrokenResourceError: the connection broke.
            ClosedResourceError: it was closed here.
        """
        await self.send_all(b"".join([text_frame(text, os.urandom(MASK_BYTES)) for text in texts]))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, behind what is being sent; otherwise as `send_texts`."""
        while self._sending:
            await self._sent.park()
        self._sending = True
        stream = self._stream
        try:
            at = stream.send_now(data) if isinstance(stream, PatientStream) else 0
            if at < len(data):
                await stream.send_all(memoryview(data)[at:])
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
            raise
        finally:
            self._sending = False
            if self._sent:
                self._sent.unpark()

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
        head, behind = self.opening.feed(data)
        if self.opening.overflowed:
            self._ended.cancel()
        if self.opening.switched:
            self._switched = True
            self._sort(behind)
        return head

    async def _take_in(self) -> None:
        """Read, and sort what came."""
        self._reading = True
        try:
            data = await self._read(self._room_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._failure = error
        else:
            self._understand(data)
        finally:
            self._stop_reading()

    def _stop_reading(self) -> None:
        """Let the other one read."""
        self._reading = False
        if self._came:
            self._came.unpark()

    def _understand(self, data: bytes | bytearray) -> None:
        """Sort *data*, and have room for the next."""
        self._room_bytes = _LITTLE_BYTES if len(data) < _LITTLE_BYTES else _MUCH_BYTES
        self._sort(data)

    def _batch(self, at_most: int = _QUEUED_MESSAGES) -> Sequence[str]:
        """Take out messages that are ready, *at_most* so many."""
        ready = self._texts.ready
        messages: list[str] = []
        room = _BATCH_CHARS
        while ready and room > 0 and len(messages) < at_most:
            messages.append(ready.popleft())
            room -= len(messages[-1])
        if self._taken:
            self._taken.unpark()
        return messages

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
