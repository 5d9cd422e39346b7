"""What a person is told of questions that went wrong."""

from __future__ import annotations

from geppetto.batch.result import Result
from geppetto.cli.script_output import ScriptOutput
from geppetto.redaction import Redactor


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
