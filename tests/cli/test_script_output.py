"""What a person is told of questions that went wrong."""

from __future__ import annotations

import tracemalloc
from itertools import product
from typing import TYPE_CHECKING

from geppetto.batch.result import Result
from geppetto.cli.script_output import ScriptOutput
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    import pytest


def said_of(*results: Result) -> list[str]:
    """Return the lines on stderr for *results*."""
    said: list[str] = []
    ScriptOutput(style="live", redactor=Redactor(), say=said.append, stdout_is_tty=False).emit(results)
    return said


def test_a_question_that_could_not_be_asked_is_named_with_the_reason() -> None:
    """Nothing else says it: there was no answer that could be told."""
    result = Result(index=1, id="c", question="no.wav", answer="", status="failed", reason="no.wav cannot be read.")
    assert said_of(result) == ["  question c was not answered: no.wav cannot be read.\n"]


def test_a_failed_check_is_named() -> None:
    """Every check that does not hold stands in one line."""
    result = Result(
        index=1, id="7", question="q", answer="a", status="completed", failed_checks=("it is short", "late")
    )
    assert said_of(result) == ["  question 7 fails a check: it is short; late\n"]


def test_what_others_say_is_not_said_again() -> None:
    """A good answer, a malformed line and a failure that the server told of need no line here."""
    good = Result(index=1, id="1", question="q", answer="a", status="completed", response_id="r")
    malformed = Result(index=2, id="2", question="", answer="", status="failed", reason="line 2 is not JSON")
    failed = Result(index=3, id="3", question="q", answer="", status="failed", reason="why", response_id="r")
    assert said_of(good, malformed, failed) == []


def test_a_thousand_complaints_are_few_lines() -> None:
    """Twenty questions are named, and one line says that there are more."""
    said = said_of(
        *(Result(index=n, id=str(n), question="q", answer="", status="failed", reason="why") for n in range(1, 1001))
    )
    assert len(said) == 21
    assert said[-1] == "  more such questions are in the results\n"


def lines_of(answer: str, capfdbinary: pytest.CaptureFixture[bytes]) -> str:
    """Return what is on stdout for *answer*, one line for each question."""
    result = Result(index=1, id="1", question="q", answer=answer, status="completed", response_id="r")
    ScriptOutput(style="lines", redactor=Redactor(), say=print, stdout_is_tty=False).emit([result])
    return capfdbinary.readouterr().out.decode()


def test_an_answer_is_one_line_with_one_blank_between_words(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Whatever space there is, of whatever kind, and an empty line where there is no answer."""
    spaces = ("", " ", "  ", "\n", " \n", "\n ", "\t", "\u3000", " \u00a0 ", "   \n\n   ")
    for before, between, behind in product(spaces, repeat=3):
        answer = f"{before}One{between}two three{behind}"
        assert lines_of(answer, capfdbinary) == f"{' '.join(answer.split())}\n"
    assert lines_of(" \n", capfdbinary) == "\n"


def test_a_long_answer_on_one_line_takes_little_more_than_its_letters(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """No list of its words is made, which is ten times as large."""
    answer = "word " * 200_000
    tracemalloc.start()
    try:
        result = Result(index=1, id="1", question="q", answer=answer, status="completed", response_id="r")
        ScriptOutput(style="lines", redactor=Redactor(), say=print, stdout_is_tty=False).emit([result])
        assert tracemalloc.get_traced_memory()[1] < 5 * len(answer)
    finally:
        tracemalloc.stop()
    assert capfdbinary.readouterr().out.decode() == f"{answer.strip()}\n"
