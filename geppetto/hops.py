"""
Blocking work of many sessions, as much of it to one hop to a thread as there is.

A hop costs more than what is written after it: five hundred sessions that take ten each a second would do nothing
else. So what is to be done in the same directory goes together, whoever asked for it: a piece that comes while others
are being done goes with the next hop.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs
import outcome
import trio

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 0.02
"""How long a piece waits for the hop before it; then it gets one of its own. A flush to the disk takes as long."""


@attrs.define(eq=False)
class _Piece:
    """Something to be done."""

    work: Callable[[], None]
    task: trio.lowlevel.Task | None
    """Who waits for it; None when nobody does any more."""
    result: outcome.Outcome[None] | None = None

    def run(self) -> None:
        """Do it, unless nobody wants it any more; in a thread."""
        if self.task is not None:
            self.result = outcome.capture(self.work)


@attrs.define(eq=False)
class _Lane:
    """The hops of one directory."""

    _waiting: deque[_Piece] = attrs.field(factory=deque)
    _under_way: int = 0
    _watched: bool = False

    async def run(self, work: Callable[[], None]) -> None:
        """Do *work* with the next hop. See `in_thread`."""
        piece = _Piece(work, trio.lowlevel.current_task())
        self._waiting.append(piece)
        if not self._under_way:
            self._start()
        elif not self._watched:
            self._watched = True
            trio.lowlevel.spawn_system_task(self._watch)

        def give_up(_raise_cancel: object) -> trio.lowlevel.Abort:
            piece.task = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)

    def _start(self) -> None:
        pieces = list(self._waiting)
        self._waiting.clear()
        self._under_way += 1
        token = trio.lowlevel.current_trio_token()

        def do_all() -> None:
            for piece in pieces:
                piece.run()

        def deliver(_result: outcome.Outcome[None]) -> None:
            with suppress(trio.RunFinishedError):  # then nobody waits any more
                token.run_sync_soon(partial(self._land, pieces))

        trio.lowlevel.start_thread_soon(do_all, deliver, "geppetto files")

    def _land(self, pieces: list[_Piece]) -> None:
        """Tell those who wait, and start what has come meanwhile."""
        self._under_way -= 1
        for piece in pieces:
            if piece.task is not None and piece.result is not None:
                task, piece.task = piece.task, None
                trio.lowlevel.reschedule(task, piece.result)
        if self._waiting and not self._under_way:
            self._start()

    async def _watch(self) -> None:
        """Start another hop where one hangs."""
        while self._waiting:
            first = self._waiting[0]
            await trio.sleep(PATIENCE_S)
            if self._waiting and self._waiting[0] is first:
                self._start()
        self._watched = False


_lanes: trio.lowlevel.RunVar[dict[Path, _Lane]] = trio.lowlevel.RunVar("lanes")


async def in_thread(directory: Path, work: Callable[[], None]) -> None:
    """
    Run *work*, which blocks on files in *directory*, in a thread, with what others want to do there.

    Work on another directory does not wait for it, and in the same one for about `PATIENCE_S`: a disk that hangs
    holds up nobody but those who were behind it in the same hop.

    Cancellation: leaves at once; *work* goes on in its thread if it has begun, and is not done otherwise.

    Raises:
        Exception: whatever *work* raises.
    """
    try:
        lanes = _lanes.get()
    except LookupError:
        lanes = {}
        _lanes.set(lanes)
    lane = lanes.get(directory)
    if lane is None:
        lane = lanes[directory] = _Lane()
    await lane.run(work)
