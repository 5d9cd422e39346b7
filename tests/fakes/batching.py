"""A scripted run in this process, against a scripted server, with every result kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
import trio

from geppetto.batch.ask import Ask
from geppetto.batch.budget import Budget
from geppetto.batch.checks import Checks
from geppetto.batch.keeper import Keeper
from geppetto.batch.pacing import Pacing
from geppetto.batch.plan import Plan
from geppetto.batch.run import Batch
from geppetto.errors import GeppettoError
from geppetto.records.metrics import Metrics
from geppetto.records.modes import PRIVATE
from geppetto.redaction import Redactor
from geppetto.stopper import Stopper
from tests.fakes.chatting import configure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
    from pathlib import Path

    from geppetto.batch.ask import BadLine
    from geppetto.batch.result import Result
    from geppetto.batch.tally import Tally

BOUND_S = 20.0


@attrs.define
class Kept:
    """A sink that keeps everything."""

    results: list[Result] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)
    fails: GeppettoError | None = None
    on_result: Callable[[Result], None] | None = None

    def emit(self, results: Sequence[Result]) -> None:
        """Keep *results*; see `Sink`."""
        if self.fails is not None:
            raise self.fails
        self.results.extend(results)
        if self.on_result is not None:
            for result in results:
                self.on_result(result)

    def tick(self) -> None:
        """Let time go by."""

    def warn(self, sentence: str) -> None:
        """Keep *sentence*."""
        self.warnings.append(sentence)


@attrs.define(kw_only=True)
class Outcome:
    """What a run came to."""

    kept: Kept
    tally: Tally
    error: GeppettoError | None
    elapsed_s: float

    @property
    def statuses(self) -> list[str]:
        """Of the results, as they came."""
        return [result.status for result in self.kept.results]

    @property
    def answers(self) -> list[str]:
        """The words of the results, as they came."""
        return [result.answer for result in self.kept.results]


def asks(*questions: str | Ask | BadLine) -> list[Ask | BadLine]:
    """Return *questions* as a source has them."""
    return [
        Ask(index=n, id=str(n), question=one, line=n) if isinstance(one, str) else one
        for n, one in enumerate(questions, 1)
    ]


async def source(things: Iterable[Ask | BadLine | str]) -> AsyncGenerator[Ask | BadLine | str, None]:
    """Yield *things*, each behind a checkpoint."""
    for thing in things:
        await trio.lowlevel.checkpoint()
        yield thing


async def run_batch(
    url: str,
    cwd: Path,
    things: Iterable[Ask | BadLine | str],
    *,
    kept: Kept | None = None,
    stopper: Stopper | None = None,
    settings: dict[str, Any] | None = None,
    keeper: Keeper | None = None,
    budget: Budget | None = None,
    **plan: object,
) -> Outcome:
    """Ask *things* of the server at *url*; *plan* is what `Plan` takes, *settings* what the configuration does."""
    config = configure(url, cwd, **(settings or {}))
    wanted = Plan(**{"checks": Checks(), **plan})  # type: ignore[arg-type]  # each test knows the types of what it wants
    kept = kept or Kept()
    keeper = keeper or keeper_at(cwd / "run.jsonl", cwd)
    started = trio.current_time()
    batch = Batch(
        config=config,
        plan=wanted,
        source=source(things),
        sink=kept,
        keeper=keeper,
        budget=budget or Budget(max_usd=wanted.max_usd, max_s=wanted.max_s, started_at=started),
        pacing=Pacing(),
        stopper=stopper or Stopper(),
        metrics=Metrics(),
        screen=None,
    )
    error = None
    with trio.fail_after(BOUND_S):
        try:
            await batch.run()
        except GeppettoError as failure:
            error = failure
        finally:
            with suppress(GeppettoError):
                keeper.close()
    return Outcome(kept=kept, tally=batch.tally, error=error, elapsed_s=trio.current_time() - started)


def keeper_at(path: Path | None, cwd: Path) -> Keeper:
    """Return what keeps results at *path*."""
    return Keeper(path, cwd / "audio_output", PRIVATE, Redactor(), lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
