"""What answers must be like, and expressions that would never end."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import threading
import time
import warnings

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.batch import checks, matching
from geppetto.batch.ask import Ask
from geppetto.batch.checks import Checks
from geppetto.batch.matching import compiled, matches, may_take_long
from geppetto.batch.result import Result
from geppetto.errors import ConfigError
from geppetto.records.metrics import Latency

ASK = Ask(index=1, id="1", question="What is 12 times 7?", line=1)
ANSWER = Result(
    index=1,
    id="1",
    question=ASK.question,
    answer="12 times 7 is 84.",
    status="completed",
    latency=Latency(first_audio_ms=100.2),
)
FOR_EVER = r"(a+)+$"
TRAP = "a" * 64 + "b"


def test_no_checks_hold() -> None:
    """Without a wish nothing fails."""
    assert Checks().failed(ASK, ANSWER) == []


@pytest.mark.parametrize("pattern", ["84", r"^12 .* is", "(?i)TIMES", r"\b8\d\.$"])
def test_an_answer_that_matches(pattern: str) -> None:
    """The expression is searched for anywhere."""
    assert Checks(expect=pattern).failed(ASK, ANSWER) == []


def test_an_answer_that_does_not_match() -> None:
    """The sentence tells the expression, and cuts a long one."""
    assert Checks(expect="85").failed(ASK, ANSWER) == ["the answer does not match /85/"]
    (sentence,) = Checks(expect="x" * 10_000).failed(ASK, ANSWER)
    assert len(sentence) < 250


def test_a_questions_own_checks_go_before_the_runs() -> None:
    """They take the place of the run's, each for itself."""
    ask = msgspec.structs.replace(ASK, expect="84", max_first_audio_ms=101)
    assert Checks(expect="85", max_first_audio_ms=1).failed(ask, ANSWER) == []
    ask = msgspec.structs.replace(ASK, max_first_audio_ms=101)
    assert Checks(expect="85", max_first_audio_ms=1).failed(ask, ANSWER) == ["the answer does not match /85/"]


def test_audio_that_comes_late() -> None:
    """The time is rounded up, so that it is never told as the limit itself."""
    assert Checks(max_first_audio_ms=100).failed(ASK, ANSWER) == [
        "the first audio came after 101 ms, and not within 100 ms"
    ]
    assert Checks(max_first_audio_ms=100.2).failed(ASK, ANSWER) == []


def test_audio_that_does_not_come() -> None:
    """An answer of text alone is not heard within any time."""
    silent = msgspec.structs.replace(ANSWER, latency=Latency())
    assert Checks(max_first_audio_ms=100).failed(ASK, silent) == ["no audio came, and it was to come within 100 ms"]


def test_an_answer_that_ended_early_is_checked() -> None:
    """It may have said enough."""
    early = msgspec.structs.replace(ANSWER, status="incomplete")
    assert Checks(expect="84").failed(ASK, early) == []
    assert Checks(expect="85").failed(ASK, early) != []


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_where_there_is_no_answer_there_is_nothing_to_check(status: str) -> None:
    """The question counts as not answered, and not as answered wrongly, too."""
    nothing = Result(index=1, id="1", question="", status=status)  # type: ignore[arg-type]  # one of the two
    assert Checks(expect="84", max_first_audio_ms=1).failed(ASK, nothing) == []


def test_a_wrong_expression_is_known_at_the_start() -> None:
    """The sentence names the flag and what is wrong."""
    with pytest.raises(ConfigError, match=r"^--expect is not a regular expression \(missing \)"):
        Checks(expect="(")


@pytest.mark.parametrize("most_ms", [0, -1, math.nan, math.inf])
def test_a_time_must_be_above_zero(most_ms: float) -> None:
    """A limit that always or never holds is a mistake."""
    with pytest.raises(ConfigError, match=r"^--max-first-audio-ms is"):
        Checks(max_first_audio_ms=most_ms)


def test_warnings_of_the_compiler_are_not_shown() -> None:
    """They are for those who write Python."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        compiled.cache_clear()
        assert compiled("[[a]").search("[")
    assert told == []


@pytest.mark.parametrize(
    ("pattern", "long"),
    [
        ("84", False),
        ("a|b", False),
        (".*", False),
        ("(?i)(?:a|b)+", False),
        ("colou?r", False),
        (FOR_EVER, True),
        ("a?" * 30 + "a" * 30, True),
        (".*a.*b", True),
        ("(a{2}){3}", True),
    ],
)
def test_what_may_take_long(pattern: str, long: bool) -> None:
    """One repetition cannot multiply with another."""
    assert may_take_long(pattern) is long


def test_an_expression_that_backtracks_for_ever_is_given_up() -> None:
    """The rest of the program goes on meanwhile, and the child process is gone afterwards."""
    found: list[bool | None] = []
    thread = threading.Thread(target=lambda: found.append(matches(FOR_EVER, TRAP, timeout_s=1.0)))
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0)  # gives way; `re` would not
        turns += 1
    thread.join()
    assert found == [None]
    assert turns > 10


def test_what_could_not_be_found_out_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not told as a mismatch, which nobody knows."""
    monkeypatch.setattr(checks, "matches", lambda pattern, text: matches(pattern, text, timeout_s=0.2))
    (sentence,) = Checks(expect=FOR_EVER).failed(ASK, msgspec.structs.replace(ANSWER, answer=TRAP))
    assert sentence == f"whether the answer matches /{FOR_EVER}/ could not be found out within 5 s"


def test_a_child_without_a_parent_ends_by_itself() -> None:
    """After a `kill -9` nothing goes on searching."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", matching._CHILD],
        input=json.dumps([FOR_EVER, TRAP, 1]).encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGALRM


@settings(max_examples=10, deadline=None)
@given(text=st.text(alphabet="ab\n\ud800é", max_size=20))
def test_the_other_process_finds_the_same(text: str) -> None:
    """With every character, half of a surrogate pair included."""
    for pattern in (r"a+\nb?a", "(é|a)*\ud800+"):
        assert may_take_long(pattern)
        assert matches(pattern, text, timeout_s=30) is (compiled(pattern).search(text) is not None)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_none(pattern: str) -> None:
    """Nothing else is raised, and the reason is short."""
    why = ""
    try:
        compiled(pattern)
    except ValueError as error:
        why = str(error)
    assert not why or why.startswith("is not a regular expression (")
    assert len(why) < 200
