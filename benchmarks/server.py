"""
A Realtime server that costs next to nothing: every frame of an answer is made once and sent again and again.

    python -m benchmarks.server --audio-s 1.0 --delta-bytes 4800

Prints its port. One thread, asyncio, no library: it is there so that the client is what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import itertools
import json
import struct

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ID = "resp_0000000000"
"""Stands in the frames for the id of the response, which has as many characters."""
WORDS_PER_S = 3


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return one unmasked frame (RFC 6455, 5.2)."""
    if len(payload) < 126:
        return struct.pack("!BB", 0x80 | opcode, len(payload)) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", 0x80 | opcode, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, len(payload)) + payload


def event(**fields: object) -> bytes:
    """Return the frame of one event."""
    return frame(json.dumps(fields, separators=(",", ":")).encode())


def answer(audio_s: float, delta_bytes: int) -> list[bytes]:
    """Return the frames of one answer, each with `_ID` where its id belongs."""
    where = {"response_id": _ID, "item_id": "item_1", "output_index": 0, "content_index": 0}
    pcm = bytes(index * 7 % 251 for index in range(delta_bytes))
    left = int(audio_s * 24_000) * 2
    words = max(1, int(audio_s * WORDS_PER_S))
    frames = [event(type="response.created", event_id="event_1", response={"id": _ID, "status": "in_progress"})]
    n_deltas = -(-left // delta_bytes)
    for number in range(max(n_deltas, 1)):
        due = (number + 1) * words // max(n_deltas, 1) - number * words // max(n_deltas, 1)
        frames += [
            event(type="response.output_audio_transcript.delta", event_id="event_2", delta="word ", **where)
            for _ in range(due)
        ]
        if left:
            piece = pcm[: min(delta_bytes, left)]
            left -= len(piece)
            delta = base64.b64encode(piece).decode()
            frames.append(event(type="response.output_audio.delta", event_id="event_3", delta=delta, **where))
    text = "word " * words
    frames.append(event(type="response.output_audio_transcript.done", event_id="event_4", transcript=text, **where))
    usage = {
        "total_tokens": 50,
        "input_tokens": 20,
        "output_tokens": 30,
        "input_token_details": {"text_tokens": 20, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": 10, "audio_tokens": 20},
    }
    response: dict[str, object] = {"id": _ID, "status": "completed", "output": [], "usage": usage}
    frames.append(event(type="response.done", event_id="event_5", response=response))
    return frames


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, frames: list[bytes], ids: itertools.count[int], pace_s: float) -> None:
        """Send *frames* for each `response.create`, one every *pace_s* seconds, or all at once."""
        self._whole = b"".join(frames)
        self._frames = frames
        self._ids = ids
        self._pace_s = pace_s
        self._buffer = bytearray()
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

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
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + event(type="session.created", session={"id": "sess_1"})
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
            name = f"resp_{next(self._ids):010d}".encode()
            if self._pace_s:
                self._paced = asyncio.ensure_future(self._speak(name))
            else:
                self._transport.write(self._whole.replace(_ID.encode(), name))
        elif b'"session.update"' in payload:
            self._transport.write(event(type="session.updated", session={"id": "sess_1"}))

    async def _speak(self, name: bytes) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for piece in self._frames:
            if self._transport.is_closing():
                return
            self._transport.write(piece.replace(_ID.encode(), name))
            due += self._pace_s
            await asyncio.sleep(max(0.0, due - loop.time()))


async def serve(audio_s: float, delta_bytes: int, pace_s: float) -> None:
    """Listen on a free port of this machine, print it, and serve until killed."""
    frames = answer(audio_s, delta_bytes)
    ids = itertools.count()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(frames, ids, pace_s), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio-s", type=float, default=1.0)
    parser.add_argument("--delta-bytes", type=int, default=4800)
    parser.add_argument("--pace-s", type=float, default=0.0)
    flags = parser.parse_args()
    asyncio.run(serve(flags.audio_s, flags.delta_bytes, flags.pace_s))


if __name__ == "__main__":
    main()
