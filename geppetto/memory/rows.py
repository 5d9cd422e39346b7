"""Rows of the database <-> values."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geppetto.memory.kept import About, Answered, Conversation, Item
from geppetto.pricing.cost import Cost
from geppetto.realtime.usage import Usage
from geppetto.records.metrics import Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.answer import Answer

Row = dict[str, Any]
TYPED, SPOKEN, HEARD = range(3)
"""Of the column `spoken`: whether a question was audio, and whether its text is what was heard, not its name."""
CONVERSATIONS = ("id", "name", "name_key", "begun", "changed", "model", "host", "voice", "instructions")
ITEMS = ("id", "conversation", "role", "text", "at", "spoken", "independent")
ANSWERS = (
    "item",
    "status",
    "reason",
    "audio_file",
    "transcript_file",
    "audio_ms",
    "first_text_ms",
    "first_audio_ms",
    "done_ms",
    "usage",
    "cost",
    "usd",
    "response_id",
    "session_id",
    "attempts",
)


def stamp(at: datetime) -> str:
    """Return *at* so that the order of the texts is that of the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def item_rows(
    conversation_id: str, answer: Answer, now: datetime, clean: Callable[[str], str]
) -> tuple[dict[str, object] | None, dict[str, object]]:
    """Return the rows of `items` for what *answer* answers, None if for nothing, and for itself."""
    asked = now - timedelta(milliseconds=answer.latency.done_ms or 0.0)
    spoken = SPOKEN if answer.spoken else TYPED
    flags = {"conversation": conversation_id, "spoken": spoken, "independent": answer.independent}
    said = {**flags, "role": "assistant", "text": clean(answer.text), "at": stamp(now)}
    if not answer.index:
        return None, said
    question = {**flags, "role": "user", "text": clean(answer.heard or answer.question), "at": stamp(asked)}
    return question | ({"spoken": HEARD} if answer.heard else {}), said


def answer_row(item: int, answer: Answer, clean: Callable[[str], str]) -> Row:
    """Return the row of *answer*, whose text is *item*; *clean* makes texts storable."""
    return {
        "item": item,
        "status": answer.status,
        "reason": clean(answer.reason),
        "audio_file": _path_value(answer.audio_file, clean),
        "transcript_file": _path_value(answer.transcript_file, clean),
        "audio_ms": answer.audio_ms,
        "first_text_ms": answer.latency.first_text_ms,
        "first_audio_ms": answer.latency.first_audio_ms,
        "done_ms": answer.latency.done_ms,
        "usage": json.dumps(answer.usage.as_json()),
        "cost": None if answer.cost is None else clean(json.dumps(answer.cost.as_json())),
        "usd": None if answer.cost is None else float(answer.cost.usd),
        "response_id": clean(answer.response_id),
        "session_id": clean(answer.session_id),
        "attempts": answer.attempts,
    }


def conversation_of(row: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a row with its sums."""
    return Conversation(
        id=row["id"],
        name=row["name"],
        begun=datetime.fromisoformat(row["begun"]),
        changed=datetime.fromisoformat(row["changed"]),
        about=About(model=row["model"], host=row["host"], voice=row["voice"], instructions=row["instructions"]),
        title=row["title"] or "",
        n_answers=row["n_answers"],
        audio_ms=row["audio_ms"] or 0,
        usd=row["usd"],
        all_priced=row["n_priced"] == row["n_answers"],
    )


def item_of(row: Mapping[str, Any]) -> Item:
    """Return the item of a row of items beside one of answers."""
    return Item(
        number=row["id"],
        role=row["role"],
        text=row["text"],
        at=datetime.fromisoformat(row["at"]),
        spoken=row["spoken"] != TYPED,
        heard=row["spoken"] == HEARD,
        independent=bool(row["independent"]),
        answer=None if row["item"] is None else _answered_of(row),
    )


def _answered_of(row: Mapping[str, Any]) -> Answered:
    return Answered(
        status=row["status"],
        reason=row["reason"],
        audio_file=_path_of(row["audio_file"]),
        transcript_file=_path_of(row["transcript_file"]),
        audio_ms=row["audio_ms"],
        latency=Latency(
            first_text_ms=row["first_text_ms"], first_audio_ms=row["first_audio_ms"], done_ms=row["done_ms"]
        ),
        usage=Usage.from_record(_json(row["usage"])),
        cost=_cost_of(row["cost"]),
        response_id=row["response_id"],
        session_id=row["session_id"],
        attempts=row["attempts"],
    )


def _cost_of(text: str | None) -> Cost | None:
    try:
        return None if text is None else Cost.from_json(_json(text))
    except ValueError:  # somebody edited the database; the answer is worth more than its price
        return None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _path_value(path: Path | None, clean: Callable[[str], str]) -> str | bytes | None:
    """Return *path*, absolute, as text, or as bytes where its name is no text."""
    if path is None:
        return None
    text = str(path.absolute())
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return clean(text)


def _path_of(value: str | bytes | None) -> Path | None:
    return None if value is None else Path(os.fsdecode(value))
