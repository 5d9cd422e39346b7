"""When a run has a manifest, where it is, and what is taken up from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from geppetto.batch.ask import Ask
from geppetto.batch.result import Result
from geppetto.errors import ConfigError
from geppetto.realtime.history import Said
from tests.fakes.batching import keeper_at

if TYPE_CHECKING:
    from pathlib import Path


def result(index: int, *, answer: str = "yes", status: str = "completed") -> Result:
    """Return a result without files."""
    return Result(index=index, id=str(index), question=f"{index}?", answer=answer, status=status)  # type: ignore[arg-type]


def ask(index: int, question: str = "") -> Ask:
    """Return the question of `result`."""
    return Ask(index=index, id=str(index), question=question or f"{index}?", line=index)


def lines(path: Path) -> list[Result]:
    """Return what a manifest holds."""
    return [Result.from_line(line) for line in path.read_text().splitlines()]


def test_one_question_needs_no_manifest(tmp_path: Path) -> None:
    """Nothing is made for it."""
    keeper = keeper_at(None, tmp_path)
    keeper.keep(result(1))
    keeper.close()
    assert keeper.path is None
    assert list(tmp_path.iterdir()) == []


def test_the_first_result_is_kept_when_there_is_a_second_question(tmp_path: Path) -> None:
    """It was over before anybody knew that there would be more."""
    keeper = keeper_at(None, tmp_path)
    keeper.keep(result(1))
    keeper.begin()
    keeper.begin()
    keeper.keep(result(2))
    keeper.close()
    assert keeper.path == tmp_path / "audio_output" / "run_20261121_120000.jsonl"
    assert lines(keeper.path) == [result(1), result(2)]


def test_two_runs_of_one_second_have_two_manifests(tmp_path: Path) -> None:
    """The name of the second one has a number."""
    keepers = [keeper_at(None, tmp_path) for _ in range(3)]
    for keeper in keepers:
        keeper.begin()
    names = [keeper.path.name for keeper in keepers if keeper.path is not None]
    assert names == ["run_20261121_120000.jsonl", "run_20261121_120000_2.jsonl", "run_20261121_120000_3.jsonl"]
    for keeper in keepers:
        keeper.close()


def test_a_manifest_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    """The sentence says how to take it up."""
    (tmp_path / "run.jsonl").write_text("mine\n")
    with pytest.raises(ConfigError, match="--resume"):
        keeper_at(tmp_path / "run.jsonl", tmp_path).begin()
    assert (tmp_path / "run.jsonl").read_text() == "mine\n"


def test_a_keeper_that_is_off_keeps_nothing(tmp_path: Path) -> None:
    """`--no-manifest`."""
    keeper = keeper_at(tmp_path / "run.jsonl", tmp_path)
    keeper.switch_off()
    keeper.begin()
    keeper.keep(result(1))
    keeper.keep(result(2))
    keeper.close()
    assert list(tmp_path.iterdir()) == []


def test_what_failed_is_asked_again(tmp_path: Path) -> None:
    """What is answered is not."""
    first = keeper_at(tmp_path / "run.jsonl", tmp_path)
    first.begin()
    for one in (result(1), result(2, status="failed", answer=""), result(3, status="incomplete")):
        first.keep(one)
    first.close()
    keeper = keeper_at(tmp_path / "run.jsonl", tmp_path)
    keeper.take_up(1000)
    assert keeper.answered == 2
    assert [keeper.is_answered(ask(n)) for n in (1, 2, 3, 4)] == [True, False, True, False]
    with pytest.raises(ConfigError, match="another question"):
        keeper.is_answered(ask(1, "changed?"))
    keeper.close()


def test_the_conversation_goes_on_with_what_fits_the_budget(tmp_path: Path) -> None:
    """The newest words first; a question without an answer was not said."""
    first = keeper_at(tmp_path / "run.jsonl", tmp_path)
    first.begin()
    for one in (result(1), result(2, status="failed", answer=""), result(3)):
        first.keep(one)
    first.close()
    keeper = keeper_at(tmp_path / "run.jsonl", tmp_path)
    assert keeper.take_up(8) == (Said("assistant", "yes"), Said("user", "3?"), Said("assistant", "yes"))
    keeper.close()


def test_the_newest_run_is_taken_up(tmp_path: Path) -> None:
    """Without a name it is the one that was written last; other files are nobody's run."""
    directory = tmp_path / "audio_output"
    directory.mkdir()
    for name, when in (("run_20261121_110000.jsonl", 2), ("run_20261121_120000.jsonl", 1), ("run_mine.jsonl", 3)):
        (directory / name).write_text("")
        os.utime(directory / name, (when, when))
    keeper = keeper_at(None, tmp_path)
    keeper.take_up(1000)
    assert keeper.path == directory / "run_20261121_110000.jsonl"
    keeper.close()


def test_nothing_to_take_up_is_said(tmp_path: Path) -> None:
    """The sentence says what to name."""
    with pytest.raises(ConfigError, match="--manifest"):
        keeper_at(None, tmp_path).take_up(1000)
