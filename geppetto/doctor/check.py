"""What a check found, as a value; and checks that run one after another, each only if it can tell something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
import trio

from geppetto.errors import GeppettoError
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from geppetto.redaction import Redactor

Verdict = Literal["ok", "warning", "failed", "skipped"]


@attrs.frozen(kw_only=True)
class Finding:
    """What one look at something brought."""

    verdict: Verdict
    sentence: str
    """What is so; no key and no password is in it."""
    next_step: str = ""
    """What to do about it; empty when there is nothing to do."""
    status: ExitStatus = ExitStatus.OK
    """The exit status that a failure stands for."""
    details: Mapping[str, object] = attrs.field(factory=dict)
    """The same for programs: JSON values by name."""

    @classmethod
    def of(cls, error: GeppettoError) -> Finding:
        """Return the failure that *error* is: its last sentence is the next step."""
        sentence, step = split_step(str(error))
        return cls(verdict="failed", sentence=sentence, next_step=step, status=error.status)


def ok(sentence: str, **details: object) -> Finding:
    """Return that all is well."""
    return Finding(verdict="ok", sentence=sentence, details=details)


def warning(sentence: str, next_step: str, **details: object) -> Finding:
    """Return that it works, or may work, but not well."""
    return Finding(verdict="warning", sentence=sentence, next_step=next_step, details=details)


def skipped(sentence: str, next_step: str = "", **details: object) -> Finding:
    """Return that there is nothing to look at."""
    return Finding(verdict="skipped", sentence=sentence, next_step=next_step, details=details)


@attrs.frozen(kw_only=True)
class Check:
    """A finding with its name and the time that it took."""

    name: str
    verdict: Verdict
    sentence: str
    next_step: str
    duration_s: float
    status: ExitStatus
    details: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON file."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "next_step": self.next_step,
            "duration_s": round(self.duration_s, 4),
            "details": dict(self.details),
        }


@attrs.frozen(kw_only=True)
class Examination:
    """A check that is still to be made."""

    name: str
    look: Callable[[], Awaitable[Finding]]
    """May raise GeppettoError, which is a failure."""
    needs: tuple[str, ...] = ()
    """Checks without whose success this one would tell nothing new."""


async def examine(
    examinations: Iterable[Examination],
    tell: Callable[[Check], Awaitable[None]],
    redactor: Redactor,
    before: Sequence[Check] = (),
) -> list[Check]:
    """
    Make one check after another and return them; *tell* hears of each as it is made.

    What depends on one that failed, or that could not be made for that reason, is skipped and says so.

    Args:
        examinations: in order.
        tell: shows a check.
        redactor: takes the secrets out of what a server said.
        before: checks that were made already.

    Cancellation: between two checks, or in one; what was told stays told.
    """
    made: list[Check] = []
    reasons = {check.name: check.name for check in before if check.verdict == "failed"}
    for examination in examinations:
        blocker = next((reasons[name] for name in examination.needs if name in reasons), None)
        started_s = trio.current_time()
        if blocker is not None:
            finding = skipped(f"Not tried, because the check {blocker!r} failed.", because_of=blocker)
            reasons[examination.name] = blocker
        else:
            try:
                finding = await examination.look()
            except GeppettoError as error:
                finding = Finding.of(redactor.clean_error(error))
            if finding.verdict == "failed":
                reasons[examination.name] = examination.name
        check = check_of(examination.name, finding, trio.current_time() - started_s, redactor)
        made.append(check)
        await tell(check)
    return made


def check_of(name: str, finding: Finding, duration_s: float, redactor: Redactor) -> Check:
    """Return *finding* as the check *name*, without secrets."""
    return Check(
        name=name,
        verdict=finding.verdict,
        sentence=redactor.clean(finding.sentence),
        next_step=redactor.clean(finding.next_step),
        duration_s=duration_s,
        status=finding.status,
        details={
            key: redactor.clean(value) if isinstance(value, str) else value for key, value in finding.details.items()
        },
    )


def exit_status(checks: Iterable[Check]) -> ExitStatus:
    """Return the status of the first failure, which is what the later ones hang on; OK without one."""
    return next((check.status for check in checks if check.verdict == "failed"), ExitStatus.OK)


def worst(checks: Iterable[Check]) -> Verdict:
    """Return `failed`, `warning` or `ok`: what all of them come to."""
    found = {check.verdict for check in checks}
    return "failed" if "failed" in found else "warning" if "warning" in found else "ok"


def split_step(text: str) -> tuple[str, str]:
    """Take the sentence of an error apart: what is so, and the next step, which stands last."""
    sentence, stop, step = text.rpartition(". ")
    return (f"{sentence}.", step) if stop else (text, "")
