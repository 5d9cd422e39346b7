"""What the Python API gives for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.pricing.cost import Cost
    from geppetto.realtime.events import ResponseStatus
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Latency
    from geppetto.records.reply_files import SavedReply


@attrs.frozen(kw_only=True)
class Answer:
    """An answer whose files are closed."""

    index: int
    """1 for the first question; 0 for an answer to nothing that was asked here."""
    question: str
    text: str
    status: ResponseStatus
    """`cancelled` also when the session ended before the answer did."""
    reason: str
    """Why it is not `completed`, in the server's words; empty when it is."""
    audio_file: Path | None
    """None when no audio came."""
    transcript_file: Path | None
    """None when nothing at all came."""
    audio_ms: int
    latency: Latency
    usage: Usage
    cost: Cost | None = None
    """None when the price of the model is not known, or the server told no tokens."""
    response_id: str
    session_id: str
    attempts: int = 1
    """How many times a response was asked for: after a lost connection and at a rate limit, again."""
    tag: object = None
    """What the question was given to be found again."""


def answer_of(saved: SavedReply, latency: Latency, session_id: str, cost: Cost | None) -> Answer:
    """Return the answer that a saved reply is."""
    reply = saved.reply
    return Answer(
        index=reply.turn.index if reply.turn is not None else 0,
        question=reply.turn.question if reply.turn is not None else "",
        text=reply.text,
        status=reply.status or "cancelled",
        reason=str(reply.error) if reply.error is not None else reply.reason,
        audio_file=saved.audio_file,
        transcript_file=saved.transcript_file,
        audio_ms=saved.audio_ms,
        latency=latency,
        usage=reply.usage,
        cost=cost,
        response_id=reply.response_id,
        session_id=session_id,
        attempts=reply.turn.attempts if reply.turn is not None else 0,
        tag=reply.turn.asking.tag if reply.turn is not None else None,
    )
