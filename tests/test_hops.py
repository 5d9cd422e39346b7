"""Blocking work goes to threads together, and nobody waits for a disk that hangs and is not theirs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.hops import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE, THERE = Path("here"), Path("there")
BOUND_S = 10.0


class Hang:
    """Work that hangs until it is released, and tells when it has begun."""

    def __init__(self) -> None:
        """Hang."""
        self._token = trio.lowlevel.current_trio_token()
        self.begun = trio.Event()
        self.release = threading.Event()

    def __call__(self) -> None:
        """Hang in a thread."""
        self._token.run_sync_soon(self.begun.set)
        self.release.wait()


@pytest.fixture
def hang() -> Iterator[Callable[[], Hang]]:
    """Return what makes work that hangs until the end of the test at the latest."""
    made: list[Hang] = []

    def make() -> Hang:
        made.append(Hang())
        return made[-1]

    yield make
    for one in made:
        one.release.set()


async def test_what_comes_meanwhile_goes_together(hang: Callable[[], Hang]) -> None:
    """While one hop is under way others queue up; the next one takes them all, in their order."""
    first = hang()
    done: list[tuple[int, int]] = []

    def work(number: int) -> None:
        done.append((number, threading.get_ident()))

    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_thread, HERE, first)
            await first.begun.wait()
            for number in range(5):
                await _started(nursery, HERE, lambda number=number: work(number))  # type: ignore[misc]
            first.release.set()
    assert [number for number, _ in done] == [0, 1, 2, 3, 4]
    assert len({thread for _, thread in done}) == 1


async def _started(nursery: trio.Nursery, directory: Path, work: Callable[[], None]) -> None:
    """Start *work* and wait until it is queued."""
    nursery.start_soon(in_thread, directory, work)
    await trio.lowlevel.checkpoint()


async def test_a_disk_that_hangs_holds_nobody_up(hang: Callable[[], Hang]) -> None:
    """Work elsewhere goes on at once, and in the same place after a moment."""
    done: list[str] = []
    hanging = [hang(), hang()]
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            for one in hanging:
                nursery.start_soon(in_thread, HERE, one)
                await one.begun.wait()
            await in_thread(THERE, lambda: done.append("there"))
            await in_thread(HERE, lambda: done.append("here"))
            await in_thread(HERE, lambda: done.append("here again"))
            nursery.cancel_scope.cancel()
    assert done == ["there", "here", "here again"]


async def test_each_gets_its_own_error(hang: Callable[[], Hang]) -> None:
    """What one piece raises is raised where that was asked for, and the others are done."""
    first, done = hang(), []

    def fail() -> None:
        raise ZeroDivisionError

    async def expect_failure() -> None:
        with pytest.raises(ZeroDivisionError):
            await in_thread(HERE, fail)
        done.append("failed")

    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_thread, HERE, first)
            await first.begun.wait()
            nursery.start_soon(expect_failure)
            await _started(nursery, HERE, lambda: done.append("done"))
            first.release.set()
    assert sorted(done) == ["done", "failed"]


async def test_who_is_cancelled_leaves_at_once(hang: Callable[[], Hang]) -> None:
    """Work that has begun goes on by itself; work that has not is not done."""
    first, done = hang(), []
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_thread, HERE, first)
            await first.begun.wait()
            with trio.CancelScope() as scope:
                scope.cancel()
                await in_thread(HERE, lambda: done.append("never"))
            assert scope.cancelled_caught
            await _started(nursery, HERE, lambda: done.append("behind"))
            first.release.set()
        async with trio.open_nursery() as nursery:
            second = hang()
            nursery.start_soon(in_thread, HERE, second)
            await second.begun.wait()
            nursery.cancel_scope.cancel()
    assert done == ["behind"]
