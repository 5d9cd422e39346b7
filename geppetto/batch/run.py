"""
A scripted run: questions in, one result for each of them out.

    source ──► read ══ bounded ══► workers ══ bounded ══► results ──► sink
                                   (pool.py)              (in order)

How far reading may be ahead of the oldest result that is not out is bounded, so memory is flat however long the input
is. A result is durable in the manifest before the files of its answer get their names; see `manifest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.batch.ask import Ask, BadLine
from geppetto.batch.order import InOrder
from geppetto.batch.pool import Pool
from geppetto.batch.result import Result
from geppetto.batch.tally import Tally
from geppetto.chat_tasks import SCREEN_SHARE
from geppetto.errors import Ending, GeppettoError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Sequence
    from pathlib import Path

    from geppetto.batch.budget import Budget
    from geppetto.batch.elsewhere import Askers, Elsewhere
    from geppetto.batch.keeper import Keeper
    from geppetto.batch.pacing import Pacing
    from geppetto.batch.plan import Plan
    from geppetto.batch.sink import Sink
    from geppetto.config import ClientConfig
    from geppetto.realtime.history import Said
    from geppetto.records.metrics import Metrics
    from geppetto.stopper import Stopper
    from geppetto.tasks.display import Screen

_WINDOW = 1000
"""How many results may wait for an older one, beside those that are being answered."""
TICK_S = 0.5


@attrs.define(kw_only=True)
class Batch:
    """One run. Its parts are handed in."""

    config: ClientConfig
    plan: Plan
    source: AsyncIterable[Ask | BadLine | str]
    """Questions; a string is a warning about the input."""
    sink: Sink
    keeper: Keeper
    budget: Budget
    pacing: Pacing
    stopper: Stopper
    metrics: Metrics
    screen: Screen | None
    history: Sequence[Said] = ()
    wait_for_room: Callable[[], None] | None = None
    """Blocks while what was answered has not been taken by a listener; None when nobody listens."""
    elsewhere: Elsewhere | None = None
    """Who asks, if not sessions of this process."""
    tally: Tally = attrs.field(factory=Tally)
    _window: trio.Semaphore = attrs.field(init=False)
    _asks_send: trio.MemorySendChannel[Ask] = attrs.field(init=False)
    _asks_receive: trio.MemoryReceiveChannel[Ask] = attrs.field(init=False)
    _results_send: trio.MemorySendChannel[Result | int] = attrs.field(init=False)
    _results_receive: trio.MemoryReceiveChannel[Result | int] = attrs.field(init=False)
    _reading: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the channels."""
        window = _WINDOW if self.elsewhere is None else self.elsewhere.window
        self._window = trio.Semaphore(window + self.plan.jobs * self.plan.ahead)
        # Reading goes ahead as far as the window allows: so most inputs are known to their end early.
        self._asks_send, self._asks_receive = trio.open_memory_channel[Ask](window)
        self._results_send, self._results_receive = trio.open_memory_channel[Result | int](
            self.plan.jobs * self.plan.ahead
        )

    async def run(self) -> None:
        """
        Ask everything that the source has, and emit every result.

        Closes: the channels; whatever it ends by, every result that is durable has been emitted before.

        Cancellation: leave it to the stopper, which shuts down each session in its order.

        Raises:
            GeppettoError: why it ended early.
        """
        pool = self._askers()
        # Each session writes in a thread: none is to wait behind the flushes of all the others.
        threads = trio.to_thread.current_default_thread_limiter()
        threads.total_tokens = max(threads.total_tokens, 2 * self.plan.jobs)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._emit_patiently, name="results")
            with self._results_send:
                async with trio.open_nursery() as asking:
                    asking.start_soon(self._read, name="read")
                    await pool.run()
                    self._reading.cancel()
        ending = self.stopper.ending
        if ending is not None and ending.error is not None:
            raise ending.error

    def _askers(self) -> Askers:
        if self.elsewhere is not None:
            from geppetto.batch.elsewhere import Seam  # for runs on a cluster

            return self.elsewhere.askers(
                Seam(
                    config=self.config,
                    plan=self.plan,
                    stopper=self.stopper,
                    metrics=self.metrics,
                    begin=self._begin,
                    next_ask=self._next_ask,
                    at_limit=lambda: bool(self.tally.limit),
                    keep=self.keeper.keep,
                    tell=self._tell,
                    warn=self._warn,
                )
            )
        return Pool(
            config=self.config,
            plan=self.plan,
            stopper=self.stopper,
            metrics=self.metrics,
            pacing=self.pacing,
            screen=self.screen,
            next_ask=self._next_ask,
            keep=self.keeper.keep,
            tell=self._tell,
            warn=self._warn,
            history=self.history,
            asks_before_questions=not self.plan.resume,
            tally=self.tally,
        )

    def _begin(self) -> Path | None:
        self.keeper.begin()
        return self.keeper.path

    # --- questions

    async def _read(self) -> None:
        """Read until the end of the input, a limit, or the stopper."""
        with self._asks_send, self._reading, self.stopper.cancels(self._reading):
            try:
                async for thing in self.source:
                    if isinstance(thing, str):
                        await self._warn(thing)
                        continue
                    await self._window.acquire()
                    self.tally.questions += 1
                    await self._take(thing)
                self.tally.read_all = True
            except GeppettoError as error:
                self.stopper.stop(Ending.of(error))

    async def _take(self, thing: Ask | BadLine) -> None:
        if self.tally.questions == 2:
            await trio.to_thread.run_sync(self.keeper.begin)
        if isinstance(thing, BadLine):
            await self._warn(thing.why)
            result = Result.of_bad_line(thing)
            await trio.to_thread.run_sync(self.keeper.keep, result)
            await self._tell(result)
        elif self.keeper.is_answered(thing):
            self.tally.skipped += 1
            await self._results_send.send(thing.index)
        else:
            await self._asks_send.send(thing)

    async def _next_ask(self) -> Ask | None:
        """Wait for a question, as long as limits and the server's pace allow it."""
        ask = None
        with trio.move_on_at(self.budget.ends_at):
            if self.wait_for_room is not None:
                await trio.to_thread.run_sync(self.wait_for_room, abandon_on_cancel=True)
            await self.pacing.wait()
            if self._within_limits():
                try:
                    ask = await self._asks_receive.receive()
                except trio.EndOfChannel:
                    return None
        if ask is None:
            self._within_limits()
            self._reading.cancel()
        return ask

    def _within_limits(self) -> bool:
        limit = self.budget.reached(trio.current_time())
        if limit is not None:
            self.tally.limit = limit
        return limit is None

    # --- results

    async def _tell(self, result: Result) -> None:
        await self._results_send.send(result)
        if result.cost is not None:
            self.budget.spend(result.cost.usd)
        elif result.usage.total_tokens:
            self.budget.unpriced = True

    async def _warn(self, sentence: str) -> None:
        await trio.to_thread.run_sync(self.sink.warn, sentence, abandon_on_cancel=True)

    async def _emit_patiently(self) -> None:
        """Emit until the end; once the run is stopped, for as long as a screen may take."""
        with trio.CancelScope() as scope:

            def set_deadline() -> None:
                scope.deadline = trio.current_time() + self.config.shutdown_timeout * SCREEN_SHARE

            self.stopper.on_stop(set_deadline)
            await self._emit()

    async def _emit(self) -> None:
        """Emit results, in order if that is wanted, until the last worker is gone."""
        order = InOrder[Result | int]()
        with self._results_receive:
            while True:
                things: list[Result | int] = []
                with trio.move_on_after(TICK_S):
                    try:
                        things.append(await self._results_receive.receive())
                    except trio.EndOfChannel:
                        break
                while True:
                    try:
                        things.append(self._results_receive.receive_nowait())
                    except (trio.WouldBlock, trio.EndOfChannel):
                        break
                due: list[Result | int] = []
                for thing in things:
                    index = thing if isinstance(thing, int) else thing.index
                    due += order.put(index, thing) if self.plan.ordered else [thing]
                await self._put_out(due)
            await self._put_out(order.rest())

    def _hand_out(self, results: Sequence[Result]) -> None:
        if results:
            self.sink.emit(results)
        self.sink.tick()

    async def _put_out(self, due: Sequence[Result | int]) -> None:
        results = [thing for thing in due if not isinstance(thing, int)]
        for result in results:
            self.tally.count(result)
        try:
            await trio.to_thread.run_sync(self._hand_out, results, abandon_on_cancel=True)
        except GeppettoError as error:
            self.stopper.stop(Ending.of(error))
        for _ in due:
            self._window.release()
        if not self.tally.limit and (warning := self.budget.warning(trio.current_time())) is not None:
            await self._warn(warning)
