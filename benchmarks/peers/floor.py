"""The floor: a socket that is read and not understood. Nothing is parsed, nothing is written."""

from __future__ import annotations

import socket
import struct
import sys

READ_BYTES = 256 * 1024
_END = b'"audio_tokens":20}}}}'
"""The last bytes of `response.done`."""


def masked(payload: bytes) -> bytes:
    """Return *payload* as a client's frame; the mask is zero, which leaves it as it is."""
    head = bytes((0x81, 0x80 | len(payload))) if len(payload) < 126 else b"\x81\xfe" + struct.pack("!H", len(payload))
    return head + bytes(4) + payload


def main(port: int) -> None:
    """Ask, and read to the end of the answer."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(
            b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b"A" * 22 + b"==\r\n\r\n"
        )
        sock.sendall(masked(b'{"type":"response.create"}'))
        buffer = memoryview(bytearray(READ_BYTES))
        tail = b""
        while n_bytes := sock.recv_into(buffer):
            tail = (tail + bytes(buffer[max(0, n_bytes - len(_END)) : n_bytes]))[-len(_END) :]
            if tail == _END:
                break
        else:
            sys.exit("the answer did not end")


if __name__ == "__main__":
    main(int(sys.argv[1]))
