"""Where shards keep their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.batch.ask import Ask
from geppetto.batch.checks import Checks
from geppetto.batch.plan import Plan
from geppetto.batch.result import Result
from geppetto.cluster.shard import Orders, Shard
from geppetto.cluster.stores import AtURL
from geppetto.config import ClientConfig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ASKS = tuple(Ask(index=number, id=str(number), question=f"{number}?", line=number) for number in (1, 2, 3))


def at_url(there: Path, temporary: Path) -> AtURL:
    """Return what a worker with a *temporary* directory makes of a shard whose files go *there*."""
    orders = Orders(
        version="1",
        run="run-1",
        plan=Plan(checks=Checks()),
        settings={},
        key_env=None,
        offline=True,
        offline_lead_s=0.0,
        output=there.as_uri(),
    )
    store = AtURL.of(Shard(orders=orders, task="t", first=1, last=3, asks=ASKS), ClientConfig(), temporary)
    store.config.audio_output_dir.mkdir(parents=True)
    return store


def answered(store: AtURL, names: Sequence[tuple[Ask, str]]) -> list[Result]:
    """Return results whose audio is the id of their question, under these names on the worker."""
    results = []
    for ask, name in names:
        path = store.config.audio_output_dir / name
        path.write_text(ask.id)
        results.append(
            Result(index=ask.index, id=ask.id, question=ask.text, status="completed", audio_file=str(path))
        )
    return results


def test_answers_that_come_together_have_files_of_their_own_behind_an_earlier_worker(tmp_path: Path) -> None:
    """What one is called at the URL may be the name that the next one has on the worker."""
    there = tmp_path / "there"
    earlier = at_url(there, tmp_path / "earlier")
    assert earlier.begin(ASKS) == ASKS
    earlier.take(answered(earlier, [(ASKS[0], "same.wav")]))
    store = at_url(there, tmp_path / "later")
    assert store.begin(ASKS) == list(ASKS[1:])
    store.take(answered(store, [(ASKS[1], "same.wav"), (ASKS[2], "same_2.wav")]))
    assert [result.id for result in store.results()] == [ask.id for ask in ASKS]
    for result in store.results():
        assert result.audio_file is not None
        place = there / result.audio_file.removeprefix(f"{there.as_uri()}/")
        assert place.read_text() == result.id
