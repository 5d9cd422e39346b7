"""What the Python API gives for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.pricing.cost import Cost
    from geppetto.realtime.events import ResponseStatus
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Latency
    from geppetto.records.reply_files import SavedReply

CLIENT_CANCELLED: Final = "client_cancelled"
"""The reason of an answer that we wanted cancelled: it tells a person nothing. See `ResponseDone.reason`."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose files are closed."""

    index: int
    """1 for the first question; 0 for an answer to nothing that was asked here."""
    question: str
    """Of a spoken one, what the caller called it."""
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
    """None when the price of the model is not known, or the server told no tokens; the embedded one costs nothing."""
    response_id: str
    session_id: str
    attempts: int = 1
    """How many times a response was asked for: after a lost connection and at a rate limit, again."""
    spoken: bool = False
    """The question was audio."""
    heard: str = ""
    """What a transcribing model made of a spoken question, if that came before the answer was over."""
    independent: bool = False
    """Out of band: the answer knows nothing of the conversation, nor the conversation of it."""
    tag: object = None
    """What the question was given to be found again."""


def answer_of(saved: SavedReply, latency: Latency, session_id: str, cost: Cost | None) -> Answer:
    """Return the answer that a saved reply is."""
    reply = saved.reply
    turn = reply.turn
    return Answer(
        index=turn.index if turn is not None else 0,
        question=turn.question if turn is not None else "",
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
        attempts=turn.attempts if turn is not None else 0,
        spoken=turn is not None and turn.asking.pcm is not None,
        heard=turn.heard if turn is not None else "",
        independent=turn is not None and turn.asking.independent,
        tag=turn.asking.tag if turn is not None else None,
    )
