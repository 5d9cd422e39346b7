"""Sends pairs of words and audio in time: one clock for all sessions, because a thousand clocks have their price."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from benchmarks.frames import StampedPair

_GOLDEN = 0.618034
"""Spreads any number of sessions evenly over an interval."""
_RECENT = 20_000


@attrs.define(eq=False)
class _Speech:
    transport: asyncio.WriteTransport
    pair: StampedPair
    left: int
    over: asyncio.Future[None]


class Pacer:
    """The clock of all answers."""

    def __init__(self, pace_s: float) -> None:
        """Send one pair of each answer every *pace_s* seconds."""
        self._pace_s = pace_s
        self._due: list[tuple[float, int, _Speech]] = []
        self._begun = asyncio.Event()
        self._late_s: deque[float] = deque(maxlen=_RECENT)

    def late_ms(self) -> float:
        """Return how late this process itself was lately, at the 99th percentile; 0 while somebody is spoken to."""
        if self._due:
            return 0.0  # sorting takes time, which would make the next pieces late
        late = sorted(self._late_s)
        return late[int(len(late) * 0.99)] * 1000 if late else 0.0

    async def speak(self, transport: asyncio.WriteTransport, pair: StampedPair, n_pairs: int, number: int) -> None:
        """Send *n_pairs* pairs, out of step with other sessions; return behind the last, or when the client left."""
        over = asyncio.get_running_loop().create_future()
        begin = time.monotonic() + number * _GOLDEN % 1.0 * self._pace_s
        heapq.heappush(self._due, (begin, number, _Speech(transport, pair, n_pairs, over)))
        self._begun.set()
        await over

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            if not self._due:
                self._begun.clear()
                await self._begun.wait()
            now = time.monotonic()
            for _ in range(64):  # then listen, whatever is due
                if not self._due or self._due[0][0] > now:
                    break
                self._send_one(now)
                now = time.monotonic()
            delay_s = self._due[0][0] - now if self._due else 0.0
            if delay_s > 0 and not self._begun.is_set():
                await self._sleep(delay_s)
            else:
                self._begun.clear()
                await asyncio.sleep(0)

    async def _sleep(self, delay_s: float) -> None:
        try:
            async with asyncio.timeout(delay_s):
                await self._begun.wait()
        except TimeoutError:
            pass

    def _send_one(self, now: float) -> None:
        due, number, speech = self._due[0]
        if speech.transport.is_closing() or not speech.left:
            heapq.heappop(self._due)
            if not speech.over.done():
                speech.over.set_result(None)
            return
        self._late_s.append(now - due)
        speech.left -= 1
        speech.transport.write(speech.pair.at(time.monotonic_ns() // 1000))
        heapq.heapreplace(self._due, (due + self._pace_s, number, speech))
