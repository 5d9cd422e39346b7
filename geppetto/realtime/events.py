"""
What we hear on the wire, as values, in the words of the GA Realtime API; `decoding` makes them of the wire's JSON.

Fields that servers leave out have neutral defaults, because compatible servers leave out nearly everything
but `type`. Don't subclass these.

Source: OpenAI Realtime API reference, server events, as of 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from geppetto.realtime.usage import Usage

Json = Mapping[str, object]


class SessionCreated(msgspec.Struct, frozen=True, kw_only=True):
    """`session.created`: the first frame of every session."""

    session_id: str = ""
    model: str = ""
    expires_at: float | None = None
    """Unix seconds."""


class SessionUpdated(msgspec.Struct, frozen=True, kw_only=True):
    """`session.updated`: the settings hold for the responses to come."""


class ConversationItem(msgspec.Struct, frozen=True, kw_only=True):
    """`conversation.item.added`, `.created` (beta) and `.done`: an item stands in the conversation."""

    item_id: str = ""
    role: str = ""


class AudioCommitted(msgspec.Struct, frozen=True, kw_only=True):
    """`input_audio_buffer.committed`: a spoken question has become an item."""

    item_id: str = ""


class InputTranscript(msgspec.Struct, frozen=True, kw_only=True):
    """`conversation.item.input_audio_transcription.completed`: what another model made of a spoken question."""

    item_id: str = ""
    text: str = ""


class InputTranscriptFailed(msgspec.Struct, frozen=True, kw_only=True):
    """`conversation.item.input_audio_transcription.failed`; the question itself is answered all the same."""

    item_id: str = ""
    error: ErrorDetails


class ResponseCreated(msgspec.Struct, frozen=True, kw_only=True):
    """`response.created`."""

    response_id: str


class TextDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    Words of an answer: `response.output_text.delta` or `response.output_audio_transcript.delta`.

    One class for both: the user reads them the same way, and a response has one or the other.
    """

    response_id: str
    item_id: str = ""
    content_index: int = 0
    delta: str


class TextDone(msgspec.Struct, frozen=True, kw_only=True):
    """The whole text of one content part: `….output_text.done`, `….output_audio_transcript.done`."""

    response_id: str
    item_id: str = ""
    content_index: int = 0
    text: str


class AudioDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`response.output_audio.delta`, base64 undone. `pcm` may be cut at any byte, so its length may be odd."""

    response_id: str
    item_id: str = ""
    content_index: int = 0
    pcm: bytes


class ErrorDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The inside of an `error` event, and of a failed response's `status_details`."""

    type: str = ""
    code: str = ""
    message: str = ""
    param: str = ""
    event_id: str = ""
    """The id of the client event that is at fault; empty when the server does not say."""

    def __str__(self) -> str:
        """Return the message and, in brackets, the code, whichever of them there are."""
        name = self.code or self.type
        if self.message and name:
            return f"{self.message.rstrip('.')} ({name})"
        return self.message.rstrip(".") or name or "no reason given"


class OutputText(msgspec.Struct, frozen=True, kw_only=True):
    """One content part of a finished response, as `response.done` repeats it."""

    item_id: str = ""
    content_index: int = 0
    text: str = ""


ResponseStatus = Literal["completed", "cancelled", "incomplete", "failed"]


class ResponseDone(msgspec.Struct, frozen=True, kw_only=True):
    """`response.done`: a turn is over here and nowhere else."""

    response_id: str
    status: ResponseStatus
    reason: str = ""
    """`status_details.reason`: `client_cancelled`, `turn_detected`, `max_output_tokens`, `content_filter`."""
    error: ErrorDetails | None = None
    """Of a failed response; no `error` event comes with it."""
    output: tuple[OutputText, ...] = ()
    usage: Usage = msgspec.field(default_factory=Usage)


class ServerError(msgspec.Struct, frozen=True, kw_only=True):
    """`error`: not fatal by itself, unless a close follows or its code is one of the fatal ones."""

    error: ErrorDetails


class IgnoredServerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the API that changes nothing here: acknowledgements, part and item frames, rate limits."""

    type: str


class UnknownServerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that no reference knows: servers add them without notice, and a client must not die of it."""

    type: str


ServerEvent = (
    SessionCreated
    | SessionUpdated
    | ConversationItem
    | AudioCommitted
    | InputTranscript
    | InputTranscriptFailed
    | ResponseCreated
    | TextDelta
    | TextDone
    | AudioDelta
    | ResponseDone
    | ServerError
    | IgnoredServerEvent
    | UnknownServerEvent
)
