"""
The pool of a run on a cluster: cuts its questions into shards, and tells of every result that workers bring.

Which worker gets a shard, when, and again after a loss: all that is dask's business. A few shards for each worker are
on their way, and no more questions are read than they need.
"""

from __future__ import annotations

import secrets
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
import trio

from geppetto.audio.wav import cannot_write
from geppetto.batch.result import Result
from geppetto.cluster.dask import Cluster, ShardLost
from geppetto.cluster.run_file import RunFile
from geppetto.cluster.shard import DEFAULT_SHARD_SIZE, Shard, ShardFailed, shipped
from geppetto.cluster.stores import shards_directory
from geppetto.errors import Ending, GeppettoError
from geppetto.records.modes import make_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geppetto.batch.ask import Ask
    from geppetto.batch.elsewhere import Seam
    from geppetto.cluster.dask import Future, Work
    from geppetto.cluster.shard import Orders
    from geppetto.records.metrics import Metrics

SHARDS_PER_THREAD: Final = 2
"""One that is asked, one that is ready when it is over."""
MAX_SHARDS: Final = 256
"""On their way at once, whatever the size of the cluster: it bounds the memory of the submitter."""
_LOOK_S: Final = 5.0
"""How often the workers are counted."""
_BYTES_PER_MS: Final = 48


@attrs.define(kw_only=True, eq=False)
class _Sent:
    """A shard on its way."""

    shard: Shard
    untold: dict[int, Ask]
    """By index, as the run knows them."""
    over: trio.Event = attrs.field(factory=trio.Event)
    future: Future | None = None


@attrs.define(kw_only=True)
class ClusterPool:
    """Asks through a cluster. Made for one run; see `geppetto.batch.elsewhere`."""

    seam: Seam
    address: str
    work: Work
    orders: Callable[[str, str | None], Orders]
    """Makes the orders of a run from its name and the URL of its output."""
    output: str | None
    shard_size: int | None
    """None is the size of the run that is resumed, or the default."""
    _cluster: Cluster | None = attrs.field(default=None, init=False)
    _sent: set[_Sent] = attrs.field(factory=set, init=False)
    _by_index: dict[int, _Sent] = attrs.field(factory=dict, init=False)
    """Of the questions that are not told."""
    _heard: deque[dict[str, Any]] = attrs.field(factory=deque, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _threads: int = attrs.field(default=0, init=False)
    _next: Ask | None = attrs.field(default=None, init=False)
    """Was read, and belongs to the next shard."""

    async def run(self) -> None:
        """
        Ask until there are no more questions, or the stopper stops.

        Closes: the connection to the scheduler; what is not finished then is called back.

        Cancellation: leave it to the stopper.
        """
        stopper = self.seam.stopper
        try:
            with trio.CancelScope() as scope, stopper.cancels(scope):
                file = await trio.to_thread.run_sync(self._settle)
                orders = self.orders(file.run, self.output)
                self._cluster = await trio.to_thread.run_sync(
                    Cluster.connect, self.address, self.seam.config.connect_timeout, abandon_on_cancel=True
                )
                await self._ask(self._cluster, orders, file.shard_size)
        except GeppettoError as error:
            stopper.stop(Ending.of(error))
        finally:
            if self._cluster is not None:
                futures = [sent.future for sent in self._sent if sent.future is not None]
                timeout_s = self.seam.config.shutdown_timeout
                with trio.move_on_after(timeout_s, shield=True):
                    await trio.to_thread.run_sync(self._cluster.close, futures, timeout_s / 2, abandon_on_cancel=True)

    def _settle(self) -> RunFile:
        """Find out which run this is, and make the place where it is kept."""
        config = self.seam.config
        manifest: Path | None = self.seam.begin()
        file = RunFile.settle(
            manifest,
            resume=self.seam.plan.resume,
            shard_size=self.shard_size,
            default_size=DEFAULT_SHARD_SIZE,
            place=self.output or str(config.audio_output_dir.absolute()),
            modes=config.file_modes,
        )
        if self.output is None:
            directory = shards_directory(config.audio_output_dir, file.run)
            try:
                make_directory(directory, config.file_modes.directory)
            except OSError as error:
                raise cannot_write(directory, error) from error
        return file

    # --- shards

    async def _ask(self, cluster: Cluster, orders: Orders, size: int) -> None:
        token = trio.lowlevel.current_trio_token()

        def wake(call: Callable[[], None]) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(call)

        def hear(message: dict[str, Any]) -> None:
            self._heard.append(message)
            wake(self._change)

        await trio.to_thread.run_sync(cluster.listen, orders.topic, hear)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._count_threads, cluster, name="workers of the cluster")
            nursery.start_soon(self._listen, name="what workers tell")
            async with trio.open_nursery() as shards:
                while (shard := await self._cut(orders, size)) is not None:
                    sent = _Sent(shard=shard, untold={ask.index: ask for ask in shard.asks})
                    self._sent.add(sent)
                    self._by_index.update(dict.fromkeys(sent.untold, sent))
                    sent.shard = attrs.evolve(shard, asks=tuple(map(shipped, shard.asks)))
                    sent.future = await trio.to_thread.run_sync(
                        cluster.submit, self.work, sent.shard, lambda sent=sent: wake(sent.over.set)
                    )
                    shards.start_soon(self._follow, cluster, sent, name=f"shard {shard.name}")
            nursery.cancel_scope.cancel()

    async def _cut(self, orders: Orders, size: int) -> Shard | None:
        """Wait until a shard may go, and return it; None when there are no more questions."""
        while len(self._sent) >= min(MAX_SHARDS, max(1, SHARDS_PER_THREAD * self._threads)):
            await self._changed.wait()
        asks: list[Ask] = []
        number: int | None = None
        while (ask := self._next or await self.seam.next_ask()) is not None:
            self._next = None
            if number is not None and (ask.index - 1) // size != number:
                self._next = ask
                break
            asks.append(ask)
            number = (ask.index - 1) // size
            if ask.index % size == 0:
                break
        else:
            if self.seam.at_limit():
                return None  # what was read for it is not asked
        if number is None:
            return None
        first = number * size + 1
        name = f"{orders.run}-{first}-{secrets.token_hex(4)}"
        return Shard(orders=orders, task=name, first=first, last=first + size - 1, asks=tuple(asks))

    async def _follow(self, cluster: Cluster, sent: _Sent) -> None:
        """Wait for the end of a shard, and tell what is in it."""
        try:
            await sent.over.wait()
            assert sent.future is not None  # it was handed out before anybody follows it
            lines = await trio.to_thread.run_sync(cluster.result, sent.future, abandon_on_cancel=True)
            for line in lines:
                await self._tell(Result.from_line(line))
            why = "Its worker brought no result of it."
        except ShardLost:
            why = "Every worker that it was given to died."
        except ShardFailed as error:
            self.seam.stopper.stop(error.ending)
            return
        except GeppettoError as error:
            self.seam.stopper.stop(Ending.of(error))
            return
        for ask in list(sent.untold.values()):
            await self._tell(Result.of_failure(ask, why))
        self._sent.remove(sent)
        self._change()

    # --- results

    async def _listen(self) -> None:
        """Tell what workers have done, as they do it."""
        while True:
            while self._heard:
                message = self._heard.popleft()
                if isinstance(warning := message.get("warning"), str):
                    await self.seam.warn(warning)
                elif isinstance(line := message.get("line"), str):
                    await self._tell(Result.from_line(line))
            await self._changed.wait()

    async def _tell(self, result: Result) -> None:
        """Keep and tell *result*, unless that was done: it comes at once, and again at the end of its shard."""
        sent = self._by_index.pop(result.index, None)
        if sent is None:
            return
        ask = sent.untold.pop(result.index)
        result = msgspec.structs.replace(result, id=ask.id, question=ask.text)  # a path as it was given here
        try:
            await trio.to_thread.run_sync(self.seam.keep, result)
        except GeppettoError as error:
            self.seam.stopper.stop(Ending.of(error))
            return
        metrics = self.seam.metrics
        metrics.answer(result.status, result.usage, result.latency, result.cost)
        metrics.audio_bytes += result.audio_ms * _BYTES_PER_MS
        await self.seam.tell(result)

    # --- workers

    async def _count_threads(self, cluster: Cluster) -> None:
        """Know how many shards can be on their way, and say when there is nobody to ask."""
        warned = False
        while True:
            threads = await trio.to_thread.run_sync(cluster.threads, abandon_on_cancel=True)
            if not threads and not warned:
                await self.seam.warn(
                    f"The cluster at {self.address} has no workers; waiting for one. "
                    f"`dask worker {self.address}` starts one, where Geppetto is installed."
                )
            warned = not threads
            if threads != self._threads:
                self._threads = threads
                self._change()
            await trio.sleep(_LOOK_S)

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@attrs.define(kw_only=True)
class OnCluster:
    """A cluster, as what asks a run; see `geppetto.batch.elsewhere`."""

    address: str
    work: Work
    orders: Callable[[Seam, str, str | None], Orders]
    output: str | None
    shard_size: int | None
    metrics: Metrics | None = attrs.field(default=None, init=False)
    """Of the run, once there is one."""

    @property
    def window(self) -> int:
        """Every shard that can be on its way, and one that is being cut."""
        return (MAX_SHARDS + 1) * max(self.shard_size or 0, DEFAULT_SHARD_SIZE)

    def askers(self, seam: Seam) -> ClusterPool:
        """Return who asks *seam*'s run."""
        self.metrics = seam.metrics
        return ClusterPool(
            seam=seam,
            address=self.address,
            work=self.work,
            orders=lambda run, output: self.orders(seam, run, output),
            output=self.output,
            shard_size=self.shard_size,
        )
