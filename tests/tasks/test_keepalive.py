"""Pings and their pongs, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from geppetto.errors import ConnectionLost
from geppetto.tasks.keepalive import keepalive

if TYPE_CHECKING:
    from trio.testing import MockClock


@attrs.define
class Peer:
    """Answers its pings after the delays given, then never again."""

    delays_s: list[float]
    pinged_at: list[float] = attrs.field(factory=list)

    async def ping(self) -> float:
        """Return how long the pong took."""
        self.pinged_at.append(trio.current_time())
        if not self.delays_s:
            await trio.sleep_forever()
        delay_s = self.delays_s.pop(0)
        await trio.sleep(delay_s)
        return delay_s


async def test_a_pong_that_never_comes_ends_the_connection(autojump_clock: MockClock) -> None:
    """Pings go out at their interval, round trips are told, and the first lost pong is a `ConnectionLost`."""
    start = trio.current_time()
    peer = Peer([0.5, 59.0])
    rtts: list[float] = []
    with pytest.raises(ConnectionLost, match=r"answered no ping for 60 s\. Check the network\."):
        await keepalive(peer, 20.0, 60.0, rtts.append)
    assert rtts == [0.5, 59.0]
    assert [moment - start for moment in peer.pinged_at] == pytest.approx([20.0, 40.5, 119.5])
    assert trio.current_time() - start == pytest.approx(179.5)


async def test_a_closed_connection_is_told_as_it_is(autojump_clock: MockClock) -> None:
    """What `ping` raises is the reason."""

    class Closed:
        async def ping(self) -> float:
            raise ConnectionLost("The connection was lost.")

    with pytest.raises(ConnectionLost, match="was lost"):
        await keepalive(Closed(), 1.0, 1.0, lambda rtt_s: None)


async def test_leaving_waits_for_no_pong(autojump_clock: MockClock) -> None:
    """Cancelling during a ping is no lost pong."""
    start = trio.current_time()
    with trio.move_on_after(30) as scope:
        await keepalive(Peer([]), 20.0, 60.0, lambda rtt_s: None)
    assert scope.cancelled_caught
    assert trio.current_time() - start == pytest.approx(30)
