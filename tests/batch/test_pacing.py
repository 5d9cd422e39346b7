"""The gate before the server."""

from __future__ import annotations

import trio
import trio.testing

from geppetto.batch.pacing import Pacing


async def test_an_open_gate_lets_through(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing is waited for."""
    pacing = Pacing()
    await pacing.wait()
    assert trio.current_time() == autojump_clock.current_time()
    start = trio.current_time()
    pacing.slow_down(0.0)
    await pacing.wait()
    assert trio.current_time() == start


async def test_all_wait_until_the_pause_is_over(autojump_clock: trio.testing.MockClock) -> None:
    """Also those that came before it was closed for longer; a shorter pause changes nothing."""
    pacing = Pacing()
    start = trio.current_time()
    through: list[float] = []

    async def one() -> None:
        await pacing.wait()
        through.append(trio.current_time() - start)

    pacing.slow_down(10.0)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
        await trio.sleep(5)
        pacing.slow_down(20.0)
        pacing.slow_down(1.0)
        nursery.start_soon(one)
    assert through == [25.0] * 4
    assert autojump_clock.autojump_threshold == 0
