"""What goes wrong in one chaos run, drawn from its seed: the connections and the stream that breaks at a byte."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Literal, get_args

import attrs
import trio

if TYPE_CHECKING:
    from random import Random

BreakKind = Literal["drop", "reset", "half-close", "stall", "garbage"]
BREAKS: tuple[BreakKind, ...] = get_args(BreakKind)
EndKind = Literal["close", "expire", "drop"]
CLOSE_CODES = (1000, 1001, 1005, 1008, 1011, 1012, 1013, 3000, 4000)
PASSING_CLOSE_CODES = (1001, 1011, 1012, 1013)


@attrs.frozen(kw_only=True)
class LinkPlan:
    """What becomes of one connection."""

    refuse: Literal["", "tcp", "reset", "http"] = ""
    break_kind: BreakKind | None = None
    break_sent_bytes: int = 1 << 60
    """Break when the server is about to send this byte, handshake included."""
    break_heard_bytes: int = 1 << 60
    """Break when the server has heard this byte."""
    end: EndKind | None = None
    """How the server ends the session by itself, before it sends event number `end_at`."""
    end_at: int = 1 << 60
    close_code: int = 1011
    cut_bytes: int | None = None
    """The most that goes to TCP at once."""
    dribble_s: float = 0.0
    """The wait after each piece, as long as pieces are few."""
    lifetime_s: float | None = None
    """What `expires_at` promises."""

    @property
    def names(self) -> list[str]:
        """The faults, for the figures."""
        named = (
            self.refuse and f"refuse {self.refuse}",
            self.break_kind or "",
            self.end and (f"close {self.close_code}" if self.end == "close" else f"end {self.end}"),
            "cut" if self.cut_bytes else "",
            "dribble" if self.dribble_s else "",
            "roll-over" if self.lifetime_s else "",
        )
        return [name for name in named if name]


def draw_link(rng: Random) -> LinkPlan:
    """Return what becomes of a connection that is not spared."""
    shaped = LinkPlan(
        cut_bytes=rng.choice([None, None, None, 1, 7, 100, 1460]),
        dribble_s=rng.choice([0.0, 0.0, 0.0, 0.001, 0.01]),
        lifetime_s=rng.choice([None, None, None, 0.05, 0.3]),
    )
    match rng.choice(["refuse", "sent", "sent", "sent", "heard", "end", "end", "none"]):
        case "refuse":
            return LinkPlan(refuse=rng.choice(["tcp", "reset", "http"]))
        case "sent":
            at = rng.choice([rng.randrange(400), rng.randrange(5_000), rng.randrange(60_000)])
            return attrs.evolve(shaped, break_kind=rng.choice(BREAKS), break_sent_bytes=at)
        case "heard":
            return attrs.evolve(shaped, break_kind=rng.choice(BREAKS), break_heard_bytes=rng.randrange(2_500))
        case "end":
            codes = PASSING_CLOSE_CODES if rng.random() < 0.8 else CLOSE_CODES
            end: EndKind = rng.choice(["close", "close", "expire", "drop"])
            end_at = rng.randrange(end == "expire", 60)  # what has no session does not expire
            return attrs.evolve(shaped, end=end, end_at=end_at, close_code=rng.choice(codes))
        case _:
            return shaped


class FaultyStream(trio.abc.HalfCloseableStream):
    """A socket that breaks at one byte. Everything before that byte goes out."""

    def __init__(self, stream: trio.SocketStream, plan: LinkPlan, noise: bytes) -> None:
        """Break as *plan* says; *noise* is what garbage is made of."""
        self._stream = stream
        self._plan = plan
        self._noise = noise
        self._sent_bytes = 0
        self._heard_bytes = 0
        self._peer_left = trio.Event()
        self._sending = trio.StrictFIFOLock()
        self.broken = False
        """Whether it came to that."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.broken:
            await self._peer_left.wait()
            raise trio.BrokenResourceError
        data = bytes(data)
        room = self._plan.break_sent_bytes - self._sent_bytes
        self._sent_bytes += len(data)
        if len(data) <= room:
            await self._put(data)
            if self._plan.dribble_s and self._sent_bytes < 40 * (self._plan.cut_bytes or 1000):
                await trio.sleep(self._plan.dribble_s)
            return
        if room > 0:
            await self._put(data[:room])
        await self._break()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
            before, self._heard_bytes = self._heard_bytes, self._heard_bytes + len(data)
            if before < self._plan.break_heard_bytes <= self._heard_bytes and not self.broken:
                await self._go_wrong()
                while data:  # heard, and not understood
                    data = await self._stream.receive_some(max_bytes)
        except BaseException:
            self._peer_left.set()
            raise
        if not data:
            self._peer_left.set()
        return data

    async def _put(self, data: bytes) -> None:
        """Send, when nobody else does: what goes wrong with a byte that is heard goes wrong while others send."""
        async with self._sending:
            await self._stream.send_all(data)

    async def _break(self) -> None:
        """Go wrong, and fail as a socket does, once the client has left."""
        await self._go_wrong()
        await self._peer_left.wait()
        raise trio.BrokenResourceError

    async def _go_wrong(self) -> None:
        self.broken = True
        match self._plan.break_kind:
            case "reset":
                self._peer_left.set()
                reset(self._stream)
            case "drop":
                self._peer_left.set()
                await trio.aclose_forcefully(self._stream)
            case "half-close":
                async with self._sending:
                    await self._stream.send_eof()
            case "garbage":
                await self._put(self._noise)
            case _:
                pass

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        self._peer_left.set()
        await self._stream.aclose()


def reset(stream: trio.SocketStream) -> None:
    """Close with RST instead of FIN."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()
