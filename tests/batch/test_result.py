"""One JSON object for each question: written, read again, and described by a schema."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.answer import Answer
from geppetto.batch.ask import Ask, BadLine
from geppetto.batch.result import Result
from geppetto.pricing.cost import PARTS, Cost
from geppetto.realtime.usage import Usage
from geppetto.records.metrics import Latency

SCHEMA = Path(__file__).parents[2] / "docs" / "answers.schema.json"
COUNTS = st.integers(min_value=0, max_value=10**9)
TEXTS = st.text(max_size=40)
MOMENTS = st.none() | st.integers(min_value=0, max_value=10**7).map(lambda tenths: tenths / 10)
AMOUNTS = st.integers(min_value=0, max_value=10**9).map(lambda count: Decimal(count).scaleb(-9))
FILES = st.none() | st.binary(min_size=1, max_size=30).map(lambda name: os.fsdecode(name.replace(b"\0", b"0")))
RESULTS = st.builds(
    Result,
    index=COUNTS,
    id=TEXTS,
    question=TEXTS,
    answer=TEXTS,
    status=st.sampled_from(["completed", "incomplete", "failed", "cancelled"]),
    reason=TEXTS,
    audio_file=FILES,
    transcript_file=FILES,
    audio_ms=COUNTS,
    latency=st.builds(Latency, first_text_ms=MOMENTS, first_audio_ms=MOMENTS, done_ms=MOMENTS),
    usage=st.builds(Usage, input_tokens=COUNTS, cached_audio_tokens=COUNTS, output_audio_tokens=COUNTS),
    cost=st.none() | st.builds(Cost, model=TEXTS, source=TEXTS, **dict.fromkeys(PARTS, AMOUNTS)),
    session_id=TEXTS,
    response_id=TEXTS,
    attempts=COUNTS,
    failed_checks=st.lists(TEXTS, max_size=3).map(tuple),
)
WHOLE = Result(index=1, id="1", question="Why?", answer="Because.", status="completed").as_json()
ASK = Ask(index=7, id="seven", question="", line=9, audio_file=Path("spoken.wav"))


@cache
def validator() -> Any:  # noqa: ANN401 - the library has no types
    """Return the validator of the schema in the documentation."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@settings(deadline=None)  # machines can be busy
@given(RESULTS)
def test_a_line_is_read_as_it_was(result: Result) -> None:
    """What a line holds comes back, names of files from odd file systems included."""
    line = result.line()
    assert Result.from_line(line) == Result.from_line(line.encode()) == Result.from_json(result.as_json()) == result


@settings(deadline=None)  # machines can be busy
@given(RESULTS)
def test_a_line_is_one_line_for_every_reader(result: Result) -> None:
    """It can be encoded, and nothing in it is taken for the end of a line, also by readers with many such ends."""
    line = result.line()
    assert line.encode().decode().splitlines() == [line]
    assert json.loads(line) == result.as_json()


@settings(deadline=None)  # machines can be busy
@given(RESULTS)
def test_the_schema_describes_every_line(result: Result) -> None:
    """Whatever the program writes is valid by the schema in the documentation."""
    validator().validate(json.loads(result.line()))


def test_the_schema_knows_every_member() -> None:
    """Each member of a line is required and described; of those that are missing or wrong it says so."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert schema["required"] == list(WHOLE) == list(schema["properties"])
    assert all("description" in member for member in schema["properties"].values())
    check = validator()
    for member in WHOLE:
        assert not check.is_valid({key: value for key, value in WHOLE.items() if key != member})
        assert not check.is_valid({**WHOLE, member: object})
    assert check.is_valid({**WHOLE, "of_a_later_version": 1})


def test_the_line_is_what_the_documentation_shows() -> None:
    """The members stand in a fixed order, text as it is, amounts as numbers."""
    result = Result(
        index=3, id="c", question="¿Qué?", answer="Nada.", status="completed", audio_file="a/b.wav", audio_ms=1900,
        transcript_file="a/b.txt", latency=Latency(first_audio_ms=120.04),
        usage=Usage(total_tokens=5, output_tokens=5),
        cost=Cost(output_audio=Decimal("0.00256"), model="m", source="s"), failed_checks=("one",),
    )  # fmt: skip
    assert result.line() == (
        '{"schema":1,"index":3,"id":"c","question":"¿Qué?","answer":"Nada.","status":"completed","reason":"",'
        '"audio_file":"a/b.wav","transcript_file":"a/b.txt","audio_ms":1900,'
        '"latency":{"first_text_ms":null,"first_audio_ms":120.0,"done_ms":null},'
        '"usage":{"total":5,"input":{"total":0,"text":0,"audio":0,"image":0,'
        '"cached":{"total":0,"text":0,"audio":0,"image":0}},"output":{"total":5,"text":0,"audio":0}},'
        '"cost":{"usd":0.00256,"parts":{"input_text":0.0,"input_audio":0.0,"input_image":0.0,"cached_text":0.0,'
        '"cached_audio":0.0,"cached_image":0.0,"output_text":0.0,"output_audio":0.00256},"model":"m","source":"s"},'
        '"session_id":"","response_id":"","attempts":1,"failed_checks":["one"]}'
    )


def test_members_of_a_later_version_are_passed_over() -> None:
    """An older program reads the lines of a newer one that only knows more."""
    latency = {"first_text_ms": 1, "first_audio_ms": None, "done_ms": 2.5, "thought_ms": 3}
    read = Result.from_json({**WHOLE, "mood": "calm", "latency": latency})
    assert read.latency == Latency(first_text_ms=1, done_ms=2.5)
    assert read.answer == "Because."


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "its schema is 2"),
        ({"index": "1"}, "its index is not a whole number"),
        ({"index": True}, "its index is not a whole number"),
        ({"attempts": -1}, "its attempts is not a whole number"),
        ({"audio_ms": 1.5}, "its audio_ms is not a whole number"),
        ({"id": 5}, "its id is not a text"),
        ({"answer": None}, "its answer is not a text"),
        ({"audio_file": 1}, "its audio_file is not a text"),
        ({"status": "done"}, "its status is 'done'"),
        ({"latency": None}, "its latency is not an object"),
        ({"latency": {"done_ms": "1"}}, "its latency has a done_ms that is not a number"),
        ({"usage": []}, "its usage is not an object"),
        ({"cost": {"usd": 1}}, "its cost is damaged: its model is not a text"),
        ({"failed_checks": "none"}, "its failed_checks are not texts"),
        ({"failed_checks": [1]}, "its failed_checks are not texts"),
    ],
)
def test_a_wrong_shape_is_told(change: dict[str, object], why: str) -> None:
    """Each member that is not what it should be is named."""
    with pytest.raises(ValueError, match=f"^{why}"):
        Result.from_json({**WHOLE, **change})


@pytest.mark.parametrize("line", [b"", b"{", b"\xff", b"[" * 100_000, b'{"schema":NaN}', b"7" * 5000])
def test_what_is_not_json_is_told(line: bytes) -> None:
    """Whatever the bytes are, it is a sentence and no other error."""
    with pytest.raises(ValueError, match=r"^it is not JSON$"):
        Result.from_line(line)
    with pytest.raises(ValueError, match=r"^it is not an object$"):
        Result.from_line(b"[]")


def test_the_result_of_an_answer() -> None:
    """What the answer knows is taken from it, and the rest from the question; a spoken one is called by its file."""
    cost = Cost(output_text=Decimal("0.5"), model="m", source="s")
    answer = Answer(
        index=2, question="(spoken)", text="Hm.", status="incomplete", reason="max_output_tokens",
        audio_file=Path("o/a_partial.wav"), transcript_file=None, audio_ms=40, latency=Latency(done_ms=9.0),
        usage=Usage(total_tokens=3), cost=cost, response_id="resp_1", session_id="sess_1", attempts=2,
    )  # fmt: skip
    assert Result.of_answer(answer, ASK, failed_checks=["it is short"]) == Result(
        index=7, id="seven", question="spoken.wav", answer="Hm.", status="incomplete", reason="max_output_tokens",
        audio_file="o/a_partial.wav", transcript_file=None, audio_ms=40, latency=Latency(done_ms=9.0),
        usage=Usage(total_tokens=3), cost=cost, response_id="resp_1", session_id="sess_1", attempts=2,
        failed_checks=("it is short",),
    )  # fmt: skip


def test_the_result_without_an_answer() -> None:
    """A question that no session could bring an answer to, and a line that is none, have failed and say why."""
    failure = Result.of_failure(ASK, "The connection was lost.")
    assert (failure.id, failure.question, failure.status) == ("seven", "spoken.wav", "failed")
    bad = Result.of_bad_line(BadLine(index=2, line=4, id="2", why="line 4 is not JSON"))
    assert (bad.index, bad.id, bad.question, bad.status, bad.reason, bad.attempts) == (
        2, "2", "", "failed", "line 4 is not JSON", 0,
    )  # fmt: skip
    assert not failure.answered
    assert not bad.answered
