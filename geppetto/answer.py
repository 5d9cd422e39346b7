"""What the Python API gives for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.realtime.events import ResponseStatus
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Latency


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
    response_id: str
    session_id: str
