"""One shard on its worker: the single-machine run, with a manifest of its own that outlives the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs
import msgspec
import trio

from geppetto.batch.budget import Budget
from geppetto.batch.keeper import Keeper
from geppetto.batch.pacing import Pacing
from geppetto.batch.run import Batch
from geppetto.clock import local_now
from geppetto.errors import Stopped
from geppetto.records.metrics import Metrics
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from geppetto.batch.ask import Ask, BadLine
    from geppetto.batch.result import Result
    from geppetto.cluster.shard import Shard
    from geppetto.cluster.stores import Store
    from geppetto.config import ClientConfig


class Bench(Protocol):
    """The worker, as a shard sees it. Any thread may call it."""

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for this shard."""

    @property
    def host(self) -> str:
        """The machine, for sentences."""

    def tell(self, message: dict[str, Any]) -> None:
        """Send *message* to the submitter; it may get lost."""


@attrs.define(kw_only=True)
class ShardSink:
    """Tells the submitter of each answer when its files are where they belong."""

    bench: Bench
    store: Store
    config: ClientConfig

    def emit(self, results: Sequence[Result]) -> None:
        """
        Put the files of *results* where they belong, and tell of them.

        A question without an answer is told at the end of the shard: another worker may bring one.

        Raises:
            OutputFailed: they cannot be put there.
        """
        clean = self.config.redactor.clean
        for result in self.store.take(results):
            if result.answered:
                self.bench.tell({"line": clean(result.line())})

    def tick(self) -> None:
        """
        See whether anybody still waits.

        Raises:
            Stopped: nobody does.
        """
        if not self.bench.wanted:
            msg = "The shard was called back."
            raise Stopped(msg, ExitStatus.TERMINATED)

    def warn(self, sentence: str) -> None:
        """Pass a sentence on."""
        self.bench.tell({"warning": f"{self.bench.host}: {self.config.redactor.clean(sentence)}"})


async def ask_shard(shard: Shard, config: ClientConfig, store: Store, bench: Bench) -> list[str]:
    """
    Ask every question of *shard* that has no answer yet; return a line for each of its questions.

    Args:
        shard: what to ask.
        config: with the server's address and key, and the directories of *store*.
        store: where answers are kept.
        bench: who is told.

    Raises:
        GeppettoError: it ended early. What was answered stands in the manifest of the shard.
    """
    config = attrs.evolve(config, audio_output_dir=store.config.audio_output_dir, log_dir=store.config.log_dir)
    keeper = Keeper(store.manifest, config.audio_output_dir, config.file_modes, config.redactor, local_now)
    try:
        asks = await trio.to_thread.run_sync(_begin, shard, config, store, keeper)
        if asks:
            batch = Batch(
                config=config,
                plan=msgspec.structs.replace(shard.orders.plan, resume=True),
                source=_each(asks),
                sink=ShardSink(bench=bench, store=store, config=config),
                keeper=keeper,
                budget=Budget(started_at=trio.current_time()),
                pacing=Pacing(),
                stopper=Stopper(),
                metrics=Metrics(),
                screen=None,
            )
            await batch.run()
    finally:
        keeper.close()
    results = await trio.to_thread.run_sync(store.results)
    ids = {ask.id for ask in shard.asks}
    return [config.redactor.clean(result.line()) for result in results if result.id in ids]


def _begin(shard: Shard, config: ClientConfig, store: Store, keeper: Keeper) -> Sequence[Ask]:
    asks = store.begin(shard.asks)
    if store.manifest.exists():
        keeper.take_up(config.history_budget)
    else:
        keeper.begin()
    return asks


async def _each(asks: Sequence[Ask]) -> AsyncGenerator[Ask | BadLine | str, None]:
    for ask in asks:
        await trio.lowlevel.checkpoint()
        yield ask
