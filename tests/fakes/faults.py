"""
What networks and servers do to a connection: the kinds of faults, and the moments of a session.

A `Fault` is given the next bytes that the server would send, and does something else with them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import attrs
import trio

from tests.fakes.scripted_server import Gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.fault_wire import Act, FaultyStream

_PONG = 0x8A


class Phase(Enum):
    """The moments of a session; the value is how the tables call them."""

    CONNECTING = "connecting"
    """Instead of the answer to the opening handshake."""
    WAITING = "waiting"
    """Instead of `session.created`."""
    TRANSCRIPT = "transcript"
    """After the first words of an answer."""
    AUDIO = "audio"
    """In the middle of the audio of an answer."""
    DONE = "done"
    """Right behind `response.done`."""
    IDLE = "idle"
    """When the answer is delivered and nothing is going on."""
    SHUTTING_DOWN = "shutting down"
    """Instead of the answer to the client's Close, which comes in the middle of an answer."""


@attrs.frozen(kw_only=True)
class Fault:
    """One kind of trouble."""

    name: str
    make: Callable[[Phase], Act]
    """Returns what is done with the bytes from the phase on; each connection gets its own."""
    refuses: int = 0
    """How many of the connections that follow are reset before they can say anything; while connecting, one of them
    is the first one itself."""
    slow: bool = False
    """Whether it is known only by time limits."""


def _once(act: Act) -> Callable[[Phase], Act]:
    """Return what makes *act*, which keeps nothing between two messages."""
    return lambda _phase: act


def drop_at(n_bytes: int) -> Fault:
    """Return the fault that closes TCP after *n_bytes* bytes of the next message."""

    async def act(wire: FaultyStream, data: bytes) -> None:
        await wire.put(data[:n_bytes])
        await wire.drop()

    return Fault(name=f"drop at byte {n_bytes}" if n_bytes else "drop", make=_once(act))


def closing(code: int | None, http: bytes, *, keeps_tcp: bool = False) -> Fault:
    """
    Return the fault of a server that closes the WebSocket with *code*; None is a Close without one.

    Args:
        code: as in the frame.
        http: the status line's end instead, while there is no WebSocket yet.
        keeps_tcp: then nothing more happens, and TCP stays open.
    """

    def make(phase: Phase) -> Act:
        async def act(wire: FaultyStream, _data: bytes) -> None:
            if phase is Phase.CONNECTING:
                await wire.put(b"HTTP/1.1 " + http + b"\r\nContent-Length: 0\r\n\r\n")
            else:
                await wire.put(close_frame(code))
            if keeps_tcp:
                await wire.stall()
            raise Gone

        return act

    what = f"close {code}" if code is not None else "close without a code"
    return Fault(name=what + (", TCP stays open" if keeps_tcp else ""), make=make)


def close_frame(code: int | None, reason: bytes = b"") -> bytes:
    """Return a Close frame of a server, also one that no library would make."""
    payload = b"" if code is None else code.to_bytes(2, "big") + reason
    return bytes([0x88, len(payload)]) + payload


async def _reset(wire: FaultyStream, _data: bytes) -> None:
    await wire.reset()


async def _half_close(wire: FaultyStream, _data: bytes) -> None:
    await wire.half_close()


async def _stall(wire: FaultyStream, _data: bytes) -> None:
    await wire.stall()


async def _garbage(wire: FaultyStream, _data: bytes) -> None:
    await wire.put(b"\xff\xfe\xfd\xfc\r\n\r\n")
    raise Gone


async def _duplicate(wire: FaultyStream, data: bytes) -> None:
    await wire.put(data + data)


def dribble(name: str, step: int, pause_s: float, *, slow: bool) -> Fault:
    """Return the fault of a network that carries *step* bytes every *pause_s* seconds."""

    async def act(wire: FaultyStream, data: bytes) -> None:
        for at in range(0, len(data), step):
            await wire.put(data[at : at + step])
            await trio.sleep(pause_s)

    return Fault(name=name, make=_once(act), slow=slow)


async def _no_pong(wire: FaultyStream, data: bytes) -> None:
    if data[:1] != bytes([_PONG]):
        await trio.sleep(0.06)  # so that the answer is not over before the pong is missed
        await wire.put(data)


def _reorder(_phase: Phase) -> Act:
    """Swap the next two messages."""
    held: list[bytes] = []
    swapped = False

    async def act(wire: FaultyStream, data: bytes) -> None:
        nonlocal swapped
        if data and not swapped and not held:
            held.append(data)
            return
        await wire.put(data)
        if data and held:
            swapped = True
            await wire.put(held.pop())

    return act


FAULTS = (
    drop_at(0),
    drop_at(1),
    drop_at(9),
    Fault(name="reset", make=_once(_reset)),
    Fault(name="half-close", make=_once(_half_close)),
    Fault(name="stall", make=_once(_stall), slow=True),
    Fault(name="no pong", make=_once(_no_pong), slow=True),
    closing(1000, b"503 Service Unavailable"),
    closing(1001, b"503 Service Unavailable"),
    closing(1008, b"403 Forbidden"),
    closing(1009, b"413 Content Too Large"),
    closing(1011, b"500 Internal Server Error"),
    closing(3000, b"401 Unauthorized"),
    closing(4000, b"400 Bad Request"),
    closing(None, b"302 Found"),
    closing(1011, b"500 Internal Server Error", keeps_tcp=True),
    Fault(name="garbage", make=_once(_garbage)),
    Fault(name="duplicate", make=_once(_duplicate)),
    Fault(name="reorder", make=_reorder),
    dribble("slow dribble", 3, 0.0, slow=False),
    dribble("one byte a second", 1, 0.03, slow=True),
    Fault(name="refuse the next", make=_once(_reset), refuses=1),
)
