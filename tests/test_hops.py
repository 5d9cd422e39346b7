"""Blocking work goes to threads together, and nobody waits for a disk that hangs and is not theirs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from geppetto.hops import BREATH_S, MOST_HEAVY, MOST_JOBS, PAUSE_S, Job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

HERE, THERE = (Path("here"), "write"), (Path("here"), "flush")
BOUND_S = 10.0


class Hang:
    """Work that hangs until it is released, and tells when it has begun."""

    def __init__(self) -> None:
        """Hang."""
        self._token = trio.lowlevel.current_trio_token()
        self.begun = trio.Event()
        self.release = threading.Event()
        self.times = 0

    def __call__(self) -> None:
        """Hang in a thread."""
        self.times += 1
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


def nothing() -> None:
    """Do nothing."""


def job(place: tuple[Path, str], work: Callable[[], None], landed: Callable[[], None] = nothing) -> Job:
    """Return a job that nobody wants yet."""
    return Job(place, work, landed)


async def hanging(hang: Callable[[], Hang]) -> Hang:
    """Return work that hangs already."""
    one = hang()
    job(HERE, one).want()
    await one.begun.wait()
    return one


async def test_what_comes_meanwhile_goes_together(hang: Callable[[], Hang]) -> None:
    """While one hop is under way others queue up; the next one takes them all, in their order, each once."""
    done: list[tuple[int, int]] = []

    def noting(number: int) -> Job:
        return job(HERE, lambda: done.append((number, threading.get_ident())))

    with trio.fail_after(BOUND_S):
        first = hang()
        first.release.set()
        before = job(HERE, first)
        jobs = [noting(number) for number in range(5)]
        before.want()
        for one in (*jobs, *jobs):
            one.want()
        await jobs[4].done()
    assert [number for number, _ in done[:5]] == [0, 1, 2, 3, 4]
    assert len({thread for _, thread in done[:5]}) == 1


async def test_a_disk_that_hangs_holds_nobody_up(hang: Callable[[], Hang]) -> None:
    """Work elsewhere goes on at once, and in the same place after a moment."""
    done: list[str] = []
    with trio.fail_after(BOUND_S):
        for _ in range(2):
            await hanging(hang)
        await job(THERE, lambda: done.append("there")).done()
        here = job(HERE, lambda: done.append("here"))
        await here.done()
        await here.done()
    assert done == ["there", "here", "here"]


async def test_each_gets_its_own_error() -> None:
    """What one job raises is raised where it is waited for, and the others are done; the next try may work."""
    done: list[str] = []
    landed: list[str] = []
    broken = True

    def fail() -> None:
        if broken:
            raise ZeroDivisionError

    with trio.fail_after(BOUND_S):
        failing, other = job(HERE, fail, lambda: landed.append("failing")), job(HERE, lambda: done.append("done"))
        failing.want()
        await other.done()
        with pytest.raises(ZeroDivisionError):
            await failing.done()
        errors = [failing.error]
        broken = False
        await failing.done()
    assert isinstance(errors[0], ZeroDivisionError)
    assert failing.error is None
    assert done == ["done"]
    assert landed == ["failing"] * 3


async def test_what_is_wanted_while_it_runs_is_done_once_more(hang: Callable[[], Hang]) -> None:
    """What came behind the beginning is not forgotten, and nothing runs twice at a time."""
    work = hang()
    with trio.fail_after(BOUND_S):
        one = job(HERE, work)
        one.want()
        await work.begun.wait()
        one.want()
        one.want()
        await wait_all_tasks_blocked(0.1)
        assert (work.times, one.running) == (1, True)
        work.release.set()
        while work.times < 2 or one.running:
            await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked(0.1)
    assert work.times == 2


async def test_who_is_cancelled_leaves_at_once(hang: Callable[[], Hang]) -> None:
    """Work that has begun goes on by itself; what is dropped is not begun."""
    done: list[str] = []
    with trio.fail_after(BOUND_S):
        work = hang()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(job(HERE, work).done)
            await work.begun.wait()
            nursery.cancel_scope.cancel()
        dropped, kept = job(HERE, lambda: done.append("dropped")), job(HERE, lambda: done.append("kept"))
        dropped.want()
        dropped.drop()
        await kept.done()
    assert done == ["kept"]


async def test_what_is_dropped_leaves_the_others_their_time() -> None:
    """The clock that was set for it finds nothing to do, and goes on."""
    with trio.fail_after(BOUND_S):
        over = trio.Event()
        dropped, later = job(HERE, nothing), job(HERE, nothing, over.set)
        dropped.want(0.05)
        later.want(0.3)
        start = trio.current_time()
        await wait_all_tasks_blocked()
        dropped.drop()
        await over.wait()
        assert trio.current_time() - start >= 0.3


async def test_what_has_time_waits_for_company(hang: Callable[[], Hang]) -> None:
    """A job that is wanted later goes at its time, or with a hop shortly before that."""
    done: list[str] = []
    with trio.fail_after(BOUND_S):
        later, now = job(HERE, lambda: done.append("later")), job(HERE, lambda: done.append("now"))
        later.want(3600.0)
        await now.done()
        await wait_all_tasks_blocked(0.05)
        assert done == ["now"]
        later.want(0.1)
        await now.done()
        assert done == ["now", "now", "later"]
        start, over = trio.current_time(), trio.Event()
        job(HERE, nothing, over.set).want(0.1)
        await over.wait()
        assert trio.current_time() - start >= 0.1


async def test_what_is_wanted_sooner_is_done_sooner() -> None:
    """A later wish does not put off an earlier one, and an earlier one is not kept waiting by a later one."""
    with trio.fail_after(BOUND_S):
        over = trio.Event()
        one = job(HERE, nothing, over.set)
        one.want(3600.0)
        await wait_all_tasks_blocked()
        one.want(0.01)
        one.want(3600.0)
        await over.wait()


async def test_many_pause_and_one_does_not() -> None:
    """Behind a hop of many the next one waits, so that each has more to do; behind one it does not."""
    with trio.fail_after(BOUND_S):
        over = trio.Event()
        many = [job(HERE, nothing) for _ in range(MOST_JOBS - 1)]
        last = job(HERE, nothing, lambda: over.set())
        hops = []
        for group in ([*many, last], [last], [last]):
            start, over = trio.current_time(), trio.Event()
            for one in group:
                one.want()
            await over.wait()
            hops.append(trio.current_time() - start)
    assert hops[1] >= MOST_JOBS * PAUSE_S * 0.9
    assert hops[2] < MOST_JOBS * PAUSE_S * 0.9


async def pause_behind_heavy_work(slow: Hang, meanwhile: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Do *meanwhile* while a heavy hop is under way; return how long it was until that had ended, and the pause."""
    with trio.fail_after(BOUND_S):
        over = trio.Event()
        jobs = [Job(HERE, nothing, nothing, heavy=True) for _ in range(MOST_HEAVY)]
        last = Job(HERE, slow, lambda: over.set(), heavy=True)
        for one in (*jobs, last):
            one.want()
        await slow.begun.wait()
        start = trio.current_time()
        await meanwhile()
        await over.wait()
        took_s, start, over = trio.current_time() - start, trio.current_time(), trio.Event()
        last.want()
        await over.wait()
        return took_s, trio.current_time() - start


async def test_behind_heavy_work_there_is_as_long_a_pause(hang: Callable[[], Hang]) -> None:
    """It leaves everybody else their time."""
    slow = hang()

    async def take_long() -> None:
        await wait_all_tasks_blocked(0.06)
        slow.release.set()

    took_s, pause_s = await pause_behind_heavy_work(slow, take_long)
    assert pause_s >= 0.9 * min(took_s, 0.1)


async def test_heavy_work_waits_for_a_loop_that_is_late(hang: Callable[[], Hang]) -> None:
    """However short it was: whoever cannot keep up has something better to do."""
    slow = hang()

    async def be_late() -> None:
        slow.release.set()
        time.sleep(0.02)  # noqa: ASYNC251  # as a loop does that is late

    _, pause_s = await pause_behind_heavy_work(slow, be_late)
    assert pause_s >= 0.09


@pytest.mark.parametrize("waited_for", [False, True])
async def test_a_long_hop_takes_breath(monkeypatch: pytest.MonkeyPatch, *, waited_for: bool) -> None:
    """It is busy for no more than half of the time, but where somebody waits for it."""
    slept_s: list[float] = []
    monkeypatch.setattr("geppetto.hops.sleep", slept_s.append)

    def busy() -> None:
        until = time.thread_time() + 1.1 * BREATH_S
        while time.thread_time() < until:
            pass

    first, over = job(HERE, nothing), trio.Event()
    crowd = [job(HERE, busy) for _ in range(9)]
    last = job(HERE, busy, over.set)
    with trio.fail_after(BOUND_S):
        first.want()
        for one in (*crowd, last):
            one.want()
        if waited_for:
            last.hurry()
        await over.wait()
    assert len(slept_s) == (0 if waited_for else len(crowd))
    assert all(one_s >= 1.1 * BREATH_S for one_s in slept_s)


async def test_hundreds_that_are_waited_for_make_no_pause() -> None:
    """Not between their hops either: all leave at once when a program ends."""
    done: list[int] = []
    crowd = [job(HERE, lambda number=number: done.append(number)) for number in range(10 * MOST_JOBS)]  # type: ignore[misc]
    with trio.fail_after(BOUND_S):
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for one in crowd:
                nursery.start_soon(one.done)
    assert sorted(done) == list(range(10 * MOST_JOBS))
    assert trio.current_time() - start < 10 * MOST_JOBS * PAUSE_S


async def test_what_was_dropped_is_done_once_when_it_is_wanted_again() -> None:
    """Nothing of the first wish is left, also while it is being done."""
    done: list[str] = []
    with trio.fail_after(BOUND_S):
        one, over = job(HERE, lambda: done.append("one")), trio.Event()
        one.want(0.05)
        one.drop()
        one.want(0.05)
        await one.done()
        job(HERE, lambda: done.append("last"), over.set).want(0.1)
        await over.wait()
    assert done == ["one", "last"]


async def test_who_waits_for_it_waits_for_no_company() -> None:
    """The pause is over when somebody cannot go on without the work."""
    with trio.fail_after(BOUND_S):
        many = [job(HERE, nothing) for _ in range(MOST_JOBS)]
        for one in many:
            one.want()
        await many[-1].done()
        start = trio.current_time()
        await many[0].done()
    assert trio.current_time() - start < MOST_JOBS * PAUSE_S * 0.9


async def test_everybody_has_a_turn() -> None:
    """Hundreds are done in as many hops as they need, in their order, with short pauses between these."""
    done: list[int] = []
    with trio.fail_after(BOUND_S):
        over = trio.Event()
        crowd = [job(HERE, lambda number=number: done.append(number)) for number in range(20 * MOST_JOBS)]  # type: ignore[misc]
        crowd.append(job(HERE, nothing, over.set))
        start = trio.current_time()
        for one in crowd:
            one.want()
        await over.wait()
    assert done == list(range(20 * MOST_JOBS))
    assert trio.current_time() - start < 20 * MOST_JOBS * PAUSE_S
