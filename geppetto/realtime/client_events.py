"""
What we say on the wire, as values, in the words of the GA Realtime API; `dialects` makes the wire's JSON of them.

Source: OpenAI Realtime API reference, client events, as of 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class UpdateSession(msgspec.Struct, frozen=True, kw_only=True):
    """`session.update`: answered by `session.updated`, or by an `error`, never by both."""

    event_id: str
    settings: SessionSettings
    before: SessionSettings | None = None
    """
    What holds already: only what is different is sent. The voice, named again after the first audio, may be refused
    with all that comes with it.
    """


class CreateTextItem(msgspec.Struct, frozen=True, kw_only=True):
    """`conversation.item.create` with a message of text parts; `role` decides the content type."""

    event_id: str
    role: Literal["user", "assistant", "system"]
    text: str
    images: Sequence[str] = ()
    """`data:` URLs of pictures that stand before the text; GA only, and only a user's."""


class CreateAudioItem(msgspec.Struct, frozen=True, kw_only=True):
    """`conversation.item.create` with a user's message that is spoken: PCM16, mono, 24,000 Hz."""

    event_id: str
    pcm: bytes


class AppendAudio(msgspec.Struct, frozen=True, kw_only=True):
    """`input_audio_buffer.append`: a piece of a spoken question, PCM16, mono, 24,000 Hz. Nothing answers it."""

    event_id: str
    pcm: bytes | memoryview


class CommitAudio(msgspec.Struct, frozen=True, kw_only=True):
    """`input_audio_buffer.commit`: the pieces become the user's item. It asks for no response."""

    event_id: str


class ClearAudio(msgspec.Struct, frozen=True, kw_only=True):
    """`input_audio_buffer.clear`: forget the pieces."""

    event_id: str


class TruncateItem(msgspec.Struct, frozen=True, kw_only=True):
    """`conversation.item.truncate`: the server forgets what of an answer was not heard, and all of its transcript."""

    event_id: str
    item_id: str
    content_index: int
    audio_end_ms: int


class CreateResponse(msgspec.Struct, frozen=True, kw_only=True):
    """
    `response.create`. One at a time in the default conversation.

    With *input* it is out of band: it sees nothing of the conversation and leaves nothing in it.
    """

    event_id: str
    instructions: str | None = None
    """For this response alone, instead of the session's."""
    input: CreateTextItem | CreateAudioItem | None = None
    """The one message that an out-of-band response answers; its `event_id` is not sent."""


class CancelResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`response.cancel`; without an id, whichever response runs."""

    event_id: str
    response_id: str | None = None


ClientEvent = (
    UpdateSession
    | CreateTextItem
    | CreateAudioItem
    | AppendAudio
    | CommitAudio
    | ClearAudio
    | TruncateItem
    | CreateResponse
    | CancelResponse
)
