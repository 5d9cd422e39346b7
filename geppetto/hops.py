"""
Blocking work of many sessions, as much of it to one hop to a thread as there is.

A hop costs more than what is written after it: five hundred sessions that take ten each a second would do nothing
else. So what is to be done in the same directory goes together, whoever wants it. A hop begins at once where there is
little to do; the more took part in the one before, the longer it waits, so that each has more to write.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from time import perf_counter, sleep, thread_time
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from geppetto.per_loop import of_this_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S: Final = 0.02
"""How long what is wanted waits for a hop under way; then it gets one of its own. A flush takes as long."""
_HEAVY_S: Final = 0.005
"""The same for each heavy job in that hop: side by side they would take no less."""
MOST_JOBS: Final = 32
"""In one hop; the others wait for the next. A long hop takes the interpreter from everybody else for too long."""
BREATH_S: Final = 0.003
"""Of CPU; then a hop that nobody waits for rests for as long. To make a reply's files takes ten writes' time."""
PAUSE_S: Final = 0.001
"""How long the next hop waits for each that took part in the last one."""
MOST_HEAVY: Final = 4
"""In one hop that nobody waits for: it cannot be stopped when there is something to hear."""
_LATE: Final = 8
"""Behind heavy jobs the next hop waits as long as the last one took, or so many times as long as the loop took to
hear of its end: a loop that is late has other things to do."""
_MOST_PAUSE_S: Final = 0.1
"""But no longer than this."""
_ALL_PAUSES_S: Final = 0.2
"""How long all pauses are together until everybody's turn has come again: what many sessions may cost one of them."""
_SOON_S: Final = 0.1
"""What is due so soon goes along with what is due."""
_NOW: Final = -inf


class Job:
    """
    Blocking work on files that is done again and again, whenever it is wanted.

    It never runs twice at a time. Belongs to the event loop in which it was made.
    """

    def __init__(
        self,
        place: tuple[Path, str],
        work: Callable[[], None],
        landed: Callable[[], None],
        *,
        heavy: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """
        Do *work* in threads, with other work of the same *place*; tell *landed* each time that it ended.

        Work of another place, which is another directory or another kind of work in it, does not wait for it. *heavy*
        work takes long, and can wait: its hops leave as much time to everybody else as they take. What is wanted
        waits *patience_s* seconds for a hop with it that is under way.
        """
        self.heavy = heavy
        self.patience_s = patience_s
        self._lane = _lane(place)
        self._work = work
        self._landed = landed
        self._came_back = trio.lowlevel.ParkingLot()
        self._begun = self._ended = 0
        self.due = inf
        """When it is wanted, by trio's clock."""
        self.error: Exception | None = None
        """What it raised the last time."""

    @property
    def wanted(self) -> bool:
        """Whether it will be done once more."""
        return self.due < inf

    @property
    def running(self) -> bool:
        """Whether it is being done."""
        return self._begun > self._ended

    def want(self, within_s: float = 0.0) -> None:
        """Have it done within so many seconds, or as soon after that as others leave room."""
        due = trio.current_time() + within_s if within_s else _NOW
        if due < self.due:
            self.due = due
            if not self.running:
                self._lane.add(self, due)

    def hurry(self) -> None:
        """Have it done without a pause: somebody waits for it."""
        self.want()
        self._lane.hurry(self)

    async def done(self) -> None:
        """
        Have it done from the beginning, now, and wait for the end.

        Cancellation: leaves at once; the work goes on in its thread.

        Raises:
            Exception: whatever the work raised.
        """
        number = self._begun + 1
        self.hurry()
        while self._ended < number:
            await self._came_back.park()
        if self.error is not None:
            raise self.error

    async def at_rest(self) -> None:
        """
        Wait until it is not being done; nobody wants it for that.

        Cancellation: leaves at once.
        """
        while self.running:
            await self._came_back.park()

    def drop(self) -> None:
        """Want it no more. What is being done is done to its end."""
        self.due = inf
        self._lane.drop(self)

    # --- what a lane calls

    def begin(self) -> None:
        """It is taken along."""
        self.due = inf
        self._begun += 1

    def do(self) -> None:
        """Do it; in a thread."""
        try:
            self._work()
        except Exception as error:
            self.error = error
        else:
            self.error = None

    def land(self) -> None:
        """It has ended."""
        self._ended += 1
        if self.due < inf:
            self._lane.add(self, self.due)
        if self._came_back:
            self._came_back.unpark_all()
        self._landed()


def _do_all(jobs: list[Job], breath_s: float) -> None:
    """Do *jobs*, in a thread, and rest after *breath_s* of CPU: others want the interpreter meanwhile."""
    rested_at = thread_time()
    for number, job in enumerate(jobs, 1):
        job.do()
        busy_s = thread_time() - rested_at
        if busy_s > breath_s and number < len(jobs):
            sleep(busy_s)
            rested_at = thread_time()


class _Lane(msgspec.Struct, eq=False):
    """The hops of one place."""

    _wanted: set[Job] = msgspec.field(default_factory=set)
    _order: list[tuple[float, int, Job]] = msgspec.field(default_factory=list)
    """A heap: when each was wanted, the first of them first; also what is wanted sooner by now, or not any more."""
    _hurried: set[Job] = msgspec.field(default_factory=set)
    """Those that somebody waits for."""
    _numbers: Iterator[int] = msgspec.field(default_factory=count)
    _under_way: int = 0
    _patience_ends: float = 0.0
    """When the last hop, if it is still under way, is not waited for any more."""
    _free_at: float = 0.0
    """When the pause behind the last one is over."""
    _timed: bool = False
    """Whether a task looks at the clock."""
    _sooner: trio.lowlevel.ParkingLot = msgspec.field(default_factory=trio.lowlevel.ParkingLot)

    def add(self, job: Job, due: float) -> None:
        """Take *job* along when it is due."""
        self._wanted.add(job)
        first = self._due()
        heappush(self._order, (due, next(self._numbers), job))
        if due < first:
            self._stir()

    def hurry(self, job: Job) -> None:
        """Make no pause until *job*'s turn has come."""
        if job not in self._hurried:
            self._hurried.add(job)
            if self._wanted:
                self._stir()

    def drop(self, job: Job) -> None:
        """Forget *job*."""
        self._wanted.discard(job)
        self._hurried.discard(job)
        if not self._wanted:
            self._sooner.unpark_all()  # nothing to look at the clock for

    def _stir(self) -> None:
        """Begin a hop if it is time, and see to it that somebody does when it is."""
        if not self._under_way and self._time() <= trio.current_time():
            self._start()
        elif self._timed:
            self._sooner.unpark_all()
        else:
            self._timed = True
            trio.lowlevel.spawn_system_task(self._keep_time)

    def _time(self) -> float:
        """Return when the next hop should begin."""
        if self._under_way:
            return max(self._due(), self._patience_ends)
        return self._due() if self._hurried else max(self._due(), self._free_at)

    def _due(self) -> float:
        """Return when the first is wanted."""
        order = self._order
        while order and (order[0][2] not in self._wanted or order[0][0] != order[0][2].due):
            heappop(order)
        return order[0][0] if order else inf

    def _start(self) -> None:
        """Begin a hop with what is due: what will be soon has company now."""
        now = trio.current_time()
        soon = now + _SOON_S
        everybody = len(self._wanted)
        jobs: list[Job] = []
        heavy = 0
        hurried = bool(self._hurried)
        while len(jobs) < MOST_JOBS and (hurried or heavy < MOST_HEAVY) and self._due() <= soon:
            job = heappop(self._order)[2]
            self._wanted.remove(job)
            self._hurried.discard(job)
            job.begin()
            jobs.append(job)
            heavy += job.heavy
        if not jobs:
            return  # what was due has been dropped
        self._patience_ends = now + max(heavy * _HEAVY_S, *(job.patience_s for job in jobs))
        pause_s = min(len(jobs) * PAUSE_S, _ALL_PAUSES_S * len(jobs) / everybody)
        self._under_way += 1
        token = trio.lowlevel.current_trio_token()

        def deliver(_result: object) -> None:
            with suppress(trio.RunFinishedError):  # then nobody waits any more
                token.run_sync_soon(self._land, jobs, pause_s, now if heavy > 1 else inf, perf_counter())

        work = partial(_do_all, jobs, inf if hurried else BREATH_S)
        trio.lowlevel.start_thread_soon(work, deliver, "geppetto files")

    def _land(self, jobs: list[Job], pause_s: float, heavy_since: float, ended_at: float) -> None:
        """Tell those who took part, and begin the pause: *pause_s*, or what is left to others behind heavy jobs."""
        self._under_way -= 1
        now = trio.current_time()
        if heavy_since < inf:
            late_s = perf_counter() - ended_at
            pause_s = max(pause_s, min(max(now - heavy_since, _LATE * late_s), _MOST_PAUSE_S))
            self._sooner.unpark_all()  # whoever looks at the clock would have been patient for longer
        self._free_at = now + pause_s
        for job in jobs:
            job.land()

    async def _keep_time(self) -> None:
        """Begin a hop whenever it is time, as long as anything is wanted."""
        while self._wanted:
            with trio.move_on_at(self._time()) as patience:
                await self._sooner.park()
            if patience.cancelled_caught and self._wanted:
                self._start()
        self._timed = False


_lanes: trio.lowlevel.RunVar[dict[tuple[Path, str], _Lane]] = trio.lowlevel.RunVar("lanes")


def _lane(place: tuple[Path, str]) -> _Lane:
    """Return the lane of *place*."""
    lanes = of_this_loop(_lanes, dict)
    lane = lanes.get(place)
    if lane is None:
        lane = lanes[place] = _Lane()
    return lane
