"""Who speaks when very many want to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.connection import turnstile
from geppetto.connection.turnstile import AT_ONCE, turn_to_speak

if TYPE_CHECKING:
    from trio.testing import MockClock

BOUND_S = 10.0


class Turns(trio.abc.Instrument):
    """Counts how many speak in each turn of the event loop."""

    def __init__(self) -> None:
        """Begin with the present turn."""
        self.spoke = [0]

    def before_io_wait(self, timeout: float) -> None:
        """Begin the next turn."""
        self.spoke.append(0)

    async def speak(self) -> None:
        """Wait for a turn, and count."""
        await turn_to_speak()
        self.spoke[-1] += 1


async def test_a_few_speak_at_once(mock_clock: MockClock) -> None:
    """Nobody waits, and nobody has to be switched to."""
    for _ in range(AT_ONCE):
        with trio.CancelScope() as scope:
            scope.cancel()
            await turn_to_speak()
        assert not scope.cancelled_caught


@pytest.mark.parametrize(("is_behind", "most"), [(False, AT_ONCE), (True, 1)])
async def test_a_crowd_speaks_a_few_at_a_time(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch, *, is_behind: bool, most: int
) -> None:
    """Everybody else has a turn between them; only one speaks where more has come than could be heard."""
    monkeypatch.setattr(turnstile, "is_behind", lambda: is_behind)
    turns = Turns()
    trio.lowlevel.add_instrument(turns)
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            for _ in range(10 * AT_ONCE):
                nursery.start_soon(turns.speak)
    trio.lowlevel.remove_instrument(turns)
    first, *others = [number for number in turns.spoke if number]
    assert first == AT_ONCE
    assert others == [most] * (9 * AT_ONCE // most)


async def test_who_leaves_the_queue_leaves_the_others_their_turn(mock_clock: MockClock) -> None:
    """Cancelled ones cost nobody anything, and the queue is over when it is empty."""
    spoke: list[int] = []
    tasks = trio.lowlevel.current_statistics().tasks_living

    async def speak(number: int, scope: trio.CancelScope) -> None:
        with scope:
            await turn_to_speak()
            spoke.append(number)

    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            scopes = [trio.CancelScope() for _ in range(4 * AT_ONCE)]
            for number, scope in enumerate(scopes):
                nursery.start_soon(speak, number, scope)
            await trio.lowlevel.checkpoint()
            waiting = set(range(4 * AT_ONCE)) - set(spoke)
            gone = set(sorted(waiting)[::2])
            for number in gone:
                scopes[number].cancel()
        others = set(range(4 * AT_ONCE)) - gone
        assert others <= set(spoke)  # with those whose turn had come already
        assert len(spoke) <= len(others) + AT_ONCE
        while trio.lowlevel.current_statistics().tasks_living > tasks:
            await trio.lowlevel.checkpoint()
