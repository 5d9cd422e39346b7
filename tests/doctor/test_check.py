"""Checks one after another: what stands on a failure is not tried, and every finding is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.doctor.check import Examination, Finding, examine, exit_status, ok, split_step, warning, worst
from geppetto.errors import ConnectFailed, ServerRefused
from geppetto.redaction import Redactor
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from geppetto.doctor.check import Check

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"


async def run(*examinations: Examination, before: tuple[Check, ...] = ()) -> list[Check]:
    """Make the checks, and see that each was told as it was made."""
    told: list[Check] = []

    async def tell(check: Check) -> None:
        told.append(check)

    made = await examine(examinations, tell, Redactor.of([KEY]), before)
    assert told == made
    return made


def finds(name: str, found: Finding | Exception, *needs: str) -> Examination:
    """Return a check that brings *found*."""

    async def look() -> Finding:
        if isinstance(found, Exception):
            raise found
        return found

    return Examination(name=name, look=look, needs=needs)


async def test_what_stands_on_a_failure_is_skipped() -> None:
    """Also what stands on something skipped; it names the first cause; what stands on nothing of it is made."""
    made = await run(
        finds("dns", ConnectFailed("No name. Check it.")),
        finds("tcp", ok("never"), "dns"),
        finds("tls", ok("never"), "tcp"),
        finds("disk", ok("Fine.")),
    )
    assert [check.verdict for check in made] == ["failed", "skipped", "skipped", "ok"]
    assert (made[0].sentence, made[0].next_step) == ("No name.", "Check it.")
    assert made[2].sentence == "Not tried, because the check 'dns' failed."
    assert made[2].details == {"because_of": "dns"}
    again = await run(finds("turn", ok("never"), "dns"), before=tuple(made))
    assert [check.verdict for check in again] == ["skipped"]


async def test_a_skip_or_a_warning_stops_nothing() -> None:
    """What had nothing to look at is no failure."""
    made = await run(
        finds("tls", Finding(verdict="skipped", sentence="None here.")),
        finds("clock", warning("Off.", "Set it."), "tls"),
        finds("turn", ok("Fine."), "tls", "clock"),
    )
    assert [check.verdict for check in made] == ["skipped", "warning", "ok"]
    assert exit_status(made) is ExitStatus.OK
    assert worst(made) == "warning"


async def test_the_status_is_that_of_the_first_failure() -> None:
    """Each kind of failure has its own number."""
    made = await run(
        finds("a", ok("Fine.")), finds("b", ServerRefused("No. Ask.")), finds("c", ConnectFailed("Gone. Wait."))
    )
    assert exit_status(made) is ExitStatus.REFUSED
    assert worst(made) == "failed"


async def test_a_bug_is_no_finding() -> None:
    """Only what is expected becomes a sentence."""
    with pytest.raises(ZeroDivisionError):
        await run(finds("a", ZeroDivisionError()))


async def test_no_finding_holds_the_key() -> None:
    """Whatever a server says back, in sentences, next steps and details."""
    made = await run(
        finds("a", ServerRefused(f"It said {KEY}. Not {KEY}.")), finds("b", ok(f"Hello {KEY}.", said=KEY))
    )
    assert KEY not in str(made)
    assert KEY not in str([check.as_json() for check in made])
    assert made[1].details == {"said": "[key]"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [("What. Step.", ("What.", "Step.")), ("Only this.", ("Only this.", "")), ("A. B. C.", ("A. B.", "C."))],
)
def test_the_last_sentence_is_the_step(text: str, parts: tuple[str, str]) -> None:
    """An error that has only one sentence has no step."""
    assert split_step(text) == parts
