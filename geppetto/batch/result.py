"""
What became of one question, and the one JSON object that says so.

`--json` prints it, and the manifest keeps it: a line each. `docs/answers.schema.json` is its schema, version 1; a
later version may add members, and readers pass over those that they do not know.
"""

from __future__ import annotations

import functools
import json
import os
import re
from typing import TYPE_CHECKING, Final, NoReturn, get_args

import msgspec

from geppetto.pricing.cost import Cost
from geppetto.realtime.events import ResponseStatus
from geppetto.realtime.usage import Usage
from geppetto.records.metrics import Latency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geppetto.answer import Answer
    from geppetto.batch.ask import Ask, BadLine

SCHEMA: Final = 1
_STATUSES: Final[Mapping[str, ResponseStatus]] = {status: status for status in get_args(ResponseStatus)}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer, or why there is none."""

    index: int
    id: str
    question: str
    answer: str = ""
    status: ResponseStatus
    """`incomplete` is an answer that the server ended early; with `failed` and `cancelled` there is none."""
    reason: str = ""
    audio_file: str | None = None
    transcript_file: str | None = None
    audio_ms: int = 0
    latency: Latency = msgspec.field(default_factory=Latency)
    usage: Usage = msgspec.field(default_factory=Usage)
    cost: Cost | None = None
    session_id: str = ""
    response_id: str = ""
    attempts: int = 1
    failed_checks: tuple[str, ...] = ()
    """Sentences; empty when every check held, or there was none."""

    @property
    def answered(self) -> bool:
        """Whether there is an answer, whatever the checks say of it: then it is not asked again."""
        return self.status in {"completed", "incomplete"}

    @classmethod
    def of_answer(cls, answer: Answer, ask: Ask, *, failed_checks: Sequence[str] = ()) -> Result:
        """Return the result that *answer* to *ask* is."""
        return cls(
            index=ask.index,
            id=ask.id,
            question=ask.text,
            answer=answer.text,
            status=answer.status,
            reason=answer.reason,
            audio_file=_name(answer.audio_file),
            transcript_file=_name(answer.transcript_file),
            audio_ms=answer.audio_ms,
            latency=answer.latency,
            usage=answer.usage,
            cost=answer.cost,
            session_id=answer.session_id,
            response_id=answer.response_id,
            attempts=answer.attempts,
            failed_checks=tuple(failed_checks),
        )

    @classmethod
    def of_failure(cls, ask: Ask, why: str, *, attempts: int = 0) -> Result:
        """Return the result of a question that no session could bring an answer to."""
        return cls(index=ask.index, id=ask.id, question=ask.text, status="failed", reason=why, attempts=attempts)

    @classmethod
    def of_bad_line(cls, bad: BadLine) -> Result:
        """Return the result of a line that is no question."""
        return cls(index=bad.index, id=bad.id, question="", status="failed", reason=bad.why, attempts=0)

    def as_json(self) -> dict[str, object]:
        """Return the object."""
        return {
            "schema": SCHEMA,
            "index": self.index,
            "id": self.id,
            "question": self.question,
            "answer": self.answer,
            "status": self.status,
            "reason": self.reason,
            "audio_file": self.audio_file,
            "transcript_file": self.transcript_file,
            "audio_ms": self.audio_ms,
            "latency": {name: _rounded(getattr(self.latency, name)) for name in Latency.__struct_fields__},
            "usage": self.usage.as_json(),
            "cost": None if self.cost is None else self.cost.as_json(),
            "session_id": self.session_id,
            "response_id": self.response_id,
            "attempts": self.attempts,
            "failed_checks": list(self.failed_checks),
        }

    def line(self) -> str:
        """
        Return the object as one line of JSON, without its end.

        What some readers take for the end of a line (U+0085, U+2028, U+2029) is escaped, and so is half a surrogate
        pair, which UTF-8 has no bytes for: the name of a file comes back as it was.
        """
        text = json.dumps(self.as_json(), ensure_ascii=False, separators=(",", ":"))
        return text if text.isprintable() else _unwritable().sub(_escaped, text)

    @classmethod
    def from_line(cls, line: str | bytes) -> Result:
        """
        Read what `line` returned.

        Raises:
            ValueError: it is something else; the message is the end of a sentence: "its index is not a number".
        """
        try:
            value: object = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            msg = "it is not JSON"
            raise ValueError(msg) from error
        return cls.from_json(value)

    @classmethod
    def from_json(cls, value: object) -> Result:
        """
        Read what `as_json` returned; members that are not known are passed over.

        Raises:
            ValueError: it is something else; the message is the end of a sentence, as that of `from_line`.
        """
        if not isinstance(value, dict):
            msg = "it is not an object"
            raise ValueError(msg)
        if value.get("schema") != SCHEMA:
            msg = f"its schema is {value.get('schema')!r}, and this version of Geppetto knows {SCHEMA} alone"
            raise ValueError(msg)
        said = _text(value, "status")
        status = _STATUSES.get(said)
        if status is None:
            msg = f"its status is {said!r}"
            raise ValueError(msg)
        checks = value.get("failed_checks", [])
        if not isinstance(checks, list) or not all(isinstance(check, str) for check in checks):
            msg = "its failed_checks are not texts"
            raise ValueError(msg)
        if not isinstance(value.get("usage"), dict):
            msg = "its usage is not an object"
            raise ValueError(msg)
        return cls(
            index=_whole(value, "index"),
            id=_text(value, "id"),
            question=_text(value, "question"),
            answer=_text(value, "answer"),
            status=status,
            reason=_text(value, "reason"),
            audio_file=_optional_text(value, "audio_file"),
            transcript_file=_optional_text(value, "transcript_file"),
            audio_ms=_whole(value, "audio_ms"),
            latency=_latency(value.get("latency")),
            usage=Usage.from_record(value.get("usage")),
            cost=_cost(value.get("cost")),
            session_id=_text(value, "session_id"),
            response_id=_text(value, "response_id"),
            attempts=_whole(value, "attempts"),
            failed_checks=tuple(checks),
        )


@functools.cache
def _unwritable() -> re.Pattern[str]:
    return re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # takes as long as a module, and few lines need it


def _name(path: Path | None) -> str | None:
    return None if path is None else os.fspath(path)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _rounded(value_ms: float | None) -> float | None:
    return None if value_ms is None else round(value_ms, 1)


def _text(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        msg = f"its {key} is not a text"
        raise ValueError(msg)
    return found


def _optional_text(value: Mapping[str, object], key: str) -> str | None:
    return None if value.get(key) is None else _text(value, key)


def _whole(value: Mapping[str, object], key: str) -> int:
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        msg = f"its {key} is not a whole number"
        raise ValueError(msg)
    return found


def _cost(value: object) -> Cost | None:
    try:
        return None if value is None else Cost.from_json(value)
    except ValueError as error:
        msg = f"its cost is damaged: {error}"
        raise ValueError(msg) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _latency(value: object) -> Latency:
    if not isinstance(value, dict):
        msg = "its latency is not an object"
        raise ValueError(msg)
    moments: dict[str, float | None] = {}
    for name in Latency.__struct_fields__:
        found = value.get(name)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
            msg = f"its latency has a {name} that is not a number"
            raise ValueError(msg)
        moments[name] = found
    return Latency(**moments)
