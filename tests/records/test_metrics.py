"""The numbers of a session, in a line and in a file."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import OutputFailed
from geppetto.pricing.cost import Cost
from geppetto.realtime.usage import Usage
from geppetto.records.metrics import RECENT_TURNS, Latency, Metrics, Series, write_metrics
from geppetto.repl.reports import money

LOG = Path("logs/Chat:20261121_101500.log")


def test_a_session_in_one_line() -> None:
    """Answers, length of the audio, errors, tokens and the log, in this order."""
    metrics = Metrics()
    metrics.audio(81_600)
    metrics.audio(81_600)
    metrics.answer("completed", Usage(input_tokens=100, output_tokens=1400), Latency(done_ms=900))
    metrics.answer("completed", Usage(input_tokens=23, output_tokens=56), Latency())
    assert metrics.summary_line(LOG) == (
        "2 answers · 3.4 s of audio · no errors · 123 tokens in, 1,456 out · logs/Chat:20261121_101500.log"
    )


def test_singular_and_plural_are_right() -> None:
    """One is one answer, one error, one token."""
    metrics = Metrics()
    metrics.answer("completed", Usage(input_tokens=1, output_tokens=1), Latency())
    metrics.error("server_error")
    metrics.bad_message()
    assert metrics.summary_line(LOG) == (
        f"1 answer · no audio · 1 error · 1 unreadable message · 1 token in, 1 out · {LOG}"
    )


def test_a_session_without_anything() -> None:
    """Nothing happened: no tokens are mentioned, nor a log that was not kept."""
    assert Metrics().summary_line(None) == "no answers · no audio · no errors"


def test_answers_that_did_not_complete_are_told_apart() -> None:
    """The line says how many answers were cut short; a status cannot steer the terminal."""
    metrics = Metrics()
    for status in ("completed", "cancelled", "failed", "cancelled", "\x1b[2J"):
        metrics.answer(status, Usage(), Latency())
    assert metrics.summary_line(None).startswith("5 answers (2 cancelled, 1 failed, 1 \\x1b[2J) · ")


def test_the_sample_rate_decides_the_length_of_the_audio() -> None:
    """A server that speaks 16 kHz is measured in 16 kHz."""
    metrics = Metrics(sample_rate_hz=16_000)
    metrics.audio(32_000)
    assert metrics.audio_s == 1.0


def test_everything_is_in_the_json() -> None:
    """Each counter has its place."""
    metrics = Metrics()
    metrics.sent(10)
    metrics.received(20)
    metrics.received(30)
    metrics.error(None)
    metrics.error("rate_limit_exceeded")
    metrics.bad_message()
    metrics.audio(4800)
    usage = Usage(input_tokens=7, total_tokens=9, cached_tokens=3, cached_audio_tokens=2, output_audio_tokens=1)
    metrics.answer("completed", usage, Latency(first_text_ms=100.04, first_audio_ms=120, done_ms=900))
    metrics.answer("failed", Usage(), Latency(first_text_ms=300))
    metrics.pong(12.34)
    assert json.loads(json.dumps(metrics.as_json())) == {
        "messages": {"sent": 1, "sent_bytes": 10, "received": 2, "received_bytes": 50, "bad": 1},
        "errors": {"total": 2, "by_code": {"(no code)": 1, "rate_limit_exceeded": 1}},
        "audio": {"chunks": 1, "bytes": 4800, "duration_s": 0.1},
        "answers": {"total": 2, "by_status": {"completed": 1, "failed": 1}},
        "tokens": {
            "total": 9,
            "input": {
                "total": 7,
                "text": 0,
                "audio": 0,
                "image": 0,
                "cached": {"total": 3, "text": 0, "audio": 2, "image": 0},
            },
            "output": {"total": 0, "text": 0, "audio": 1},
        },
        "cost": None,
        "unpriced_answers": 1,
        "latency_ms": {
            "first_text": {"count": 2, "min": 100.0, "median": 200.0, "max": 300},
            "first_audio": {"count": 1, "min": 120, "median": 120, "max": 120},
            "done": {"count": 1, "min": 900, "median": 900, "max": 900},
        },
        "rtt_ms": 12.3,
    }


def test_costs_add_up_and_are_shown() -> None:
    """The last line has the money that all answers cost together, and the JSON its parts."""
    metrics = Metrics()
    cost = Cost(output_audio=Decimal("0.0061"), model="gpt-realtime", source="a list")
    for _ in range(2):
        metrics.answer("completed", Usage(output_tokens=95), Latency(), cost)
    metrics.answer("failed", Usage(), Latency())
    assert metrics.summary_line(None) == (
        "3 answers (1 failed) · no audio · no errors · no tokens in, 190 out · $0.0122"
    )
    assert metrics.as_json()["cost"] == (cost + cost).as_json()
    assert metrics.as_json()["unpriced_answers"] == 0


def test_a_cost_that_is_not_all_of_it_says_so() -> None:
    """When the price of some answers is not known, the sum of the others is a lower bound."""
    metrics = Metrics()
    metrics.answer("completed", Usage(output_tokens=95), Latency())
    assert "$" not in metrics.summary_line(None)
    metrics.answer("completed", Usage(output_tokens=95), Latency(), Cost(usd=Decimal(2), model="m", source="s"))
    assert metrics.summary_line(None).endswith(" · at least $2.00")
    assert metrics.as_json()["unpriced_answers"] == 1


def test_what_costs_nothing_says_so() -> None:
    """In words, and it is a cost: nothing of the sum is missing."""
    metrics = Metrics()
    nothing = Cost(model="m", source="the embedded server")
    metrics.answer("completed", Usage(output_tokens=95), Latency(), nothing)
    assert metrics.summary_line(None).endswith(" 95 out · it cost nothing")
    assert money(metrics) == "  0 tokens in, 0 of them cached, 95 out\n  it cost nothing"
    assert metrics.as_json()["cost"] == nothing.as_json()
    metrics.answer("completed", Usage(output_tokens=95), Latency())
    assert metrics.summary_line(None).endswith(" · at least $0")
    assert money(metrics).splitlines()[1:] == [
        "  $0, by the embedded server",
        "  1 of the answers are not in it: their price is not known",
    ]


def test_no_turn_has_no_figures() -> None:
    """Before the first answer the figures are null, not zero."""
    assert Series().as_json() == {"count": 0, "min": None, "median": None, "max": None}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_figures_of_a_series_are_those_of_its_values(values_ms: list[float]) -> None:
    """Count, minimum and maximum are exact, and the median lies between."""
    series = Series()
    for value_ms in values_ms:
        series.add(value_ms)
    assert (series.count, series.min_ms, series.max_ms) == (len(values_ms), min(values_ms), max(values_ms))
    assert series.median_ms is not None
    assert min(values_ms) <= series.median_ms <= max(values_ms)


def test_memory_is_bounded_over_thousands_of_turns() -> None:
    """The median follows the last turns only, the other figures all of them; error codes have an end too."""
    metrics = Metrics()
    for turn in range(3 * RECENT_TURNS):
        metrics.answer("completed", Usage(), Latency(done_ms=turn))
        metrics.error(f"code_{turn}")
    assert metrics.done.count == 3 * RECENT_TURNS
    assert metrics.done.min_ms == 0
    assert metrics.done.median_ms == 2.5 * RECENT_TURNS - 0.5
    assert metrics.errors.total() == 3 * RECENT_TURNS
    assert len(metrics.errors) == 101


def test_metrics_are_written_whole_and_for_the_user_alone(tmp_path: Path) -> None:
    """The file is replaced in one step, through a symbolic link as well, and nothing else is left behind."""
    path, link = tmp_path / "metrics.json", tmp_path / "link.json"
    path.write_text("old")
    link.symlink_to(path)
    metrics = Metrics()
    metrics.sent(5)
    write_metrics(link, metrics)
    assert json.loads(path.read_text()) == metrics.as_json()
    assert path.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A missing directory is an OutputFailed with the file's name."""
    with pytest.raises(OutputFailed, match=r"metrics\.json cannot be written \(No such file"):
        write_metrics(tmp_path / "missing" / "metrics.json", Metrics())


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails, what was there is unchanged, and no temporary file stays."""

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "metrics.json"
    path.write_text("old")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputFailed, match="not permitted"):
        write_metrics(path, Metrics())
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    """`--metrics /dev/stderr` and named pipes get the JSON; they are not replaced by a file."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_metrics(fifo, Metrics())
        assert json.loads(os.read(reader, 100_000)) == Metrics().as_json()
    finally:
        os.close(reader)
    assert fifo.is_fifo()
