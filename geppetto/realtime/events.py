"""
What is said on the wire, as values, in the words of the GA Realtime API.

Client events are what we say, server events what we hear; `dialects` turns either into the wire's JSON and back.
Fields that servers leave out have neutral defaults, because compatible servers leave out nearly everything
but `type`. Don't subclass these.

Source: OpenAI Realtime API reference, client events and server events, as of 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from geppetto.realtime.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = Mapping[str, object]
Modality = Literal["audio", "text"]


@attrs.frozen(kw_only=True)
class SessionSettings:
    """What we ask of a session. None means: leave it to the server."""

    modality: Modality = "audio"
    """Audio always comes with its transcript; GA refuses both modalities together."""
    instructions: str | None = None
    voice: str | None = None
    speed: float | None = None
    """0.25 to 1.5."""
    max_output_tokens: int | None = None
    """None is no limit of ours: `inf`."""
    temperature: float | None = None
    """Beta only, 0.6 to 1.2: GA answers `unknown_parameter`."""
    transcription_model: str | None = None
    """The model that transcribes spoken questions; None switches that off."""


# --- client events -----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class UpdateSession:
    """`session.update`: answered by `session.updated`, or by an `error`, never by both."""

    event_id: str
    settings: SessionSettings


@attrs.frozen(kw_only=True)
class CreateTextItem:
    """`conversation.item.create` with a message of text parts; `role` decides the content type."""

    event_id: str
    role: Literal["user", "assistant", "system"]
    text: str


@attrs.frozen(kw_only=True)
class CreateAudioItem:
    """`conversation.item.create` with a user's message that is spoken: PCM16, mono, 24,000 Hz."""

    event_id: str
    pcm: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class CreateResponse:
    """
    `response.create`. One at a time in the default conversation.

    With *input* it is out of band: it sees nothing of the conversation and leaves nothing in it.
    """

    event_id: str
    instructions: str | None = None
    """For this response alone, instead of the session's."""
    input: CreateTextItem | CreateAudioItem | None = None
    """The one message that an out-of-band response answers; its `event_id` is not sent."""


@attrs.frozen(kw_only=True)
class CancelResponse:
    """`response.cancel`; without an id, whichever response runs."""

    event_id: str
    response_id: str | None = None


ClientEvent = UpdateSession | CreateTextItem | CreateAudioItem | CreateResponse | CancelResponse


# --- server events -----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SessionCreated:
    """`session.created`: the first frame of every session."""

    session_id: str = ""
    model: str = ""
    expires_at: float | None = None
    """Unix seconds."""


@attrs.frozen(kw_only=True)
class SessionUpdated:
    """`session.updated`: the settings hold for the responses to come."""


@attrs.frozen(kw_only=True)
class ConversationItem:
    """`conversation.item.added`, `.created` (beta) and `.done`: an item stands in the conversation."""

    item_id: str = ""
    role: str = ""


@attrs.frozen(kw_only=True)
class ResponseCreated:
    """`response.created`."""

    response_id: str


@attrs.frozen(kw_only=True)
class TextDelta:
    """
    Words of an answer: `response.output_text.delta` or `response.output_audio_transcript.delta`.

    One class for both: the user reads them the same way, and a response has one or the other.
    """

    response_id: str
    item_id: str = ""
    content_index: int = 0
    delta: str


@attrs.frozen(kw_only=True)
class TextDone:
    """The whole text of one content part: `….output_text.done`, `….output_audio_transcript.done`."""

    response_id: str
    item_id: str = ""
    content_index: int = 0
    text: str


@attrs.frozen(kw_only=True)
class AudioDelta:
    """`response.output_audio.delta`, base64 undone. `pcm` may be cut at any byte, so its length may be odd."""

    response_id: str
    item_id: str = ""
    content_index: int = 0
    pcm: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ErrorDetails:
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


@attrs.frozen(kw_only=True)
class OutputText:
    """One content part of a finished response, as `response.done` repeats it."""

    item_id: str = ""
    content_index: int = 0
    text: str = ""


ResponseStatus = Literal["completed", "cancelled", "incomplete", "failed"]


@attrs.frozen(kw_only=True)
class ResponseDone:
    """`response.done`: a turn is over here and nowhere else."""

    response_id: str
    status: ResponseStatus
    reason: str = ""
    """`status_details.reason`: `client_cancelled`, `turn_detected`, `max_output_tokens`, `content_filter`."""
    error: ErrorDetails | None = None
    """Of a failed response; no `error` event comes with it."""
    output: Sequence[OutputText] = ()
    usage: Usage = attrs.field(factory=Usage)


@attrs.frozen(kw_only=True)
class ServerError:
    """`error`: not fatal by itself, unless a close follows or its code is one of the fatal ones."""

    error: ErrorDetails


@attrs.frozen(kw_only=True)
class IgnoredServerEvent:
    """An event of the API that changes nothing here: acknowledgements, part and item frames, rate limits."""

    type: str


@attrs.frozen(kw_only=True)
class UnknownServerEvent:
    """An event that no reference knows: servers add them without notice, and a client must not die of it."""

    type: str


ServerEvent = (
    SessionCreated
    | SessionUpdated
    | ConversationItem
    | ResponseCreated
    | TextDelta
    | TextDone
    | AudioDelta
    | ResponseDone
    | ServerError
    | IgnoredServerEvent
    | UnknownServerEvent
)
