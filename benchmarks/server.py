"""
A Realtime server that costs next to nothing: every frame of an answer is made once and sent again and again.

    python -m benchmarks.server --audio-s 1.0 --delta-bytes 4800 [--pace-s 0.1] [--tell] [--awake]

Prints its port. One thread, asyncio, no library but attrs: it is there so that the client is what is measured. With
`--pace-s` each pair of words and audio says when it was sent, and no two sessions speak in step. With `--tell` each
`session.update`, `response.create` and end of an answer is a line on stdout (JSON: `what`, `at_us` of the monotonic
clock, `cpu_s` of this process, `late_ms`: how late the server itself was, at the 99th percentile). With `--awake` it
never sleeps: who has to wake a processor waits for that in the send, half a millisecond in a virtual machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import itertools
import json
import time
from typing import TYPE_CHECKING

import attrs

from benchmarks.frames import answer, event, frame
from benchmarks.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.frames import Script

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@attrs.define(kw_only=True)
class Stage:
    """What all connections share."""

    script: Script
    pacer: Pacer | None
    tells: bool
    awake: bool = False
    ids: Iterator[int] = attrs.field(factory=itertools.count)

    def tell(self, what: str) -> None:
        """Print what happened now."""
        if self.tells:
            late_ms = self.pacer.late_ms() if self.pacer is not None else 0.0
            line = {
                "what": what,
                "at_us": time.monotonic_ns() // 1000,
                "cpu_s": time.process_time(),
                "late_ms": late_ms,
            }
            print(json.dumps(line), flush=True)


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, stage: Stage) -> None:
        """Send the answer for each `response.create`."""
        self._stage = stage
        self._buffer = bytearray()
        self._open = False
        self._speaking: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop speaking."""
        self._room.set()

    def pause_writing(self) -> None:
        """Wait: the client reads no faster."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._room.set()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._shake_hands(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
        while self._take_frame():
            pass

    def _shake_hands(self, request: bytes) -> None:
        key = next(
            line.split(b":", 1)[1].strip()
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
            + event(type="session.created", event_id="e", session={"type": "realtime", "id": "sess_1"})
        )
        self._open = True

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        opcode, size, at = buffer[0] & 15, buffer[1] & 127, 2
        if size > 125:
            width = 2 if size == 126 else 8
            if len(buffer) < at + width:
                return False
            size, at = int.from_bytes(buffer[at : at + width], "big"), at + width
        if len(buffer) < at + 4 + size:
            return False
        mask = bytes(buffer[at : at + 4])
        at += 4
        masked = bytes(buffer[at : at + size])
        del buffer[: at + size]
        repeated = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(masked, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
        self._heard(opcode, payload)
        return True

    def _heard(self, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            self._transport.write(frame(payload, 8))
            self._transport.close()
        elif opcode == 9:
            self._transport.write(frame(payload, 10))
        elif b'"response.create"' in payload:
            self._stage.tell("create")
            speaking = asyncio.get_running_loop().create_task(self._speak(next(self._stage.ids)))
            self._speaking.add(speaking)
            speaking.add_done_callback(self._speaking.discard)
        elif b'"session.update"' in payload:
            self._stage.tell("update")
            self._transport.write(
                event(type="session.updated", event_id="e", session={"type": "realtime", "id": "sess_1"})
            )

    async def _speak(self, number: int) -> None:
        script, pacer = self._stage.script, self._stage.pacer
        name = b"resp_%010d" % number
        if pacer is None or script.stamped is None:
            for chunk in script.chunks(name):
                self._transport.write(chunk)
                await self._room.wait()
                if self._transport.is_closing():
                    return
        else:
            self._transport.write(script.beginning(name))
            await pacer.speak(self._transport, script.stamped.of(name), script.n_pairs, number)
            if self._transport.is_closing():
                return
            self._transport.write(script.ending(name))
        self._stage.tell("answered")


async def serve(stage: Stage) -> None:
    """Listen on a free port of this machine, print it, and serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stage), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    if stage.awake:
        _stay_awake(loop)
    await asyncio.gather(server.serve_forever(), *([stage.pacer.run()] if stage.pacer is not None else []))


def _stay_awake(loop: asyncio.AbstractEventLoop) -> None:
    """Have *loop* look at its sockets again and again, and never wait for them."""
    loop.call_soon(_stay_awake, loop)


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio-s", type=float, default=1.0)
    parser.add_argument("--delta-bytes", type=int, default=4800)
    parser.add_argument("--pace-s", type=float, default=0.0)
    parser.add_argument("--tell", action="store_true")
    parser.add_argument("--awake", action="store_true")
    flags = parser.parse_args()
    script = answer(flags.audio_s, flags.delta_bytes)
    pacer = Pacer(flags.pace_s) if flags.pace_s else None
    asyncio.run(serve(Stage(script=script, pacer=pacer, tells=flags.tell, awake=flags.awake)))


if __name__ == "__main__":
    main()
