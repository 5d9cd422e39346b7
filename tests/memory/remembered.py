"""Answers to keep, and a clock for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from geppetto.answer import Answer
from geppetto.memory.kept import About
from geppetto.memory.store import Memory
from geppetto.pricing.cost import Cost
from geppetto.realtime.usage import Usage
from geppetto.records.metrics import Latency
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from geppetto.realtime.events import ResponseStatus

ABOUT = About(model="gpt-realtime", host="api.openai.com", voice="marin", instructions="Be brief.")
BEGIN = datetime(2026, 11, 21, 9, 15, 2, 345678, tzinfo=UTC)
COST = Cost(input_text=Decimal("0.0012"), output_audio=Decimal("0.03"), model="gpt-realtime", source="a list")
USAGE = Usage(input_tokens=7, output_tokens=5, total_tokens=12, input_text_tokens=7, cached_tokens=3)


class Clock:
    """Each look at it is a second later."""

    def __init__(self) -> None:
        """Begin at `BEGIN`."""
        self.now = BEGIN

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += timedelta(seconds=1)
        return self.now


def opened(path: Path, *, redactor: Redactor | None = None, timeout_s: float = 2.0) -> Memory:
    """Open the memory at *path* with a clock of its own."""
    return Memory.open(path, redactor=redactor or Redactor(), timeout_s=timeout_s, now=Clock())


def answer(
    question: str = "What is 12 times 7?",
    text: str = "12 times 7 is 84.",
    *,
    index: int = 1,
    status: ResponseStatus = "completed",
    reason: str = "",
    audio_file: Path | None = Path("/recordings/audio_20261121_101502.wav"),
    cost: Cost | None = None,
    session_id: str = "sess_1",
) -> Answer:
    """Return an answer."""
    return Answer(
        index=index,
        question=question,
        text=text,
        status=status,
        reason=reason,
        audio_file=audio_file,
        transcript_file=None if audio_file is None else audio_file.with_suffix(".txt"),
        audio_ms=1900,
        latency=Latency(first_text_ms=100.0, first_audio_ms=120.5, done_ms=500.0),
        usage=USAGE,
        cost=cost,
        response_id="resp_1",
        session_id=session_id,
        attempts=2,
    )
