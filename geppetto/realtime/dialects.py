"""
How each generation of the API is spoken: what is sent, with which headers, and the default model.

What is heard is not the dialect's business: `decoding` takes the names of both, because servers mix them.

Source: OpenAI Realtime API reference (GA, 2026-11), and the beta reference as of 2024-10 to 2026-05.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, assert_never

import msgspec

from geppetto.realtime.client_events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    CommitAudio,
    CreateAudioItem,
    CreateResponse,
    CreateTextItem,
    TruncateItem,
    UpdateSession,
)
from geppetto.realtime.listening import ON_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.realtime.client_events import ClientEvent, SessionSettings
    from geppetto.realtime.listening import Listening


def session_ga(settings: SessionSettings) -> dict[str, object]:
    """Return the nested GA session. `turn_detection` is null: we decide when a question ends."""
    pcm = {"type": "audio/pcm", "rate": 24_000}
    transcription = {"model": settings.transcription_model} if settings.transcription_model else None
    output: dict[str, object] = {"format": pcm}
    if settings.voice is not None:
        output["voice"] = settings.voice
    if settings.speed is not None:
        output["speed"] = settings.speed
    session: dict[str, object] = {
        "type": "realtime",
        "output_modalities": [settings.modality],
        "max_output_tokens": settings.max_output_tokens or "inf",
        "audio": {
            "input": {"format": pcm, "turn_detection": None, "transcription": transcription},
            "output": output,
        },
    }
    if settings.instructions is not None:
        session["instructions"] = settings.instructions
    if settings.temperature is not None:
        # GA has no temperature. Configuration refuses it before; a server that allows it is asked for it.
        session["temperature"] = settings.temperature
    return session


def session_beta(settings: SessionSettings) -> dict[str, object]:
    """Return the flat beta session."""
    session: dict[str, object] = {
        "modalities": ["text", "audio"] if settings.modality == "audio" else ["text"],
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "max_response_output_tokens": settings.max_output_tokens or "inf",
        "turn_detection": None,
        "input_audio_transcription": (
            {"model": settings.transcription_model} if settings.transcription_model else None
        ),
    }
    optional = {
        "instructions": settings.instructions,
        "voice": settings.voice,
        "speed": settings.speed,
        "temperature": settings.temperature,
    }
    session.update({key: value for key, value in optional.items() if value is not None})
    return session


def changes(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    """Return what of *after* is new, as deep as it goes; a session's `type` comes along, because GA wants it."""
    new: dict[str, object] = {}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inside := changes(old, value):
                new[key] = inside
        elif key not in before or value != old:
            new[key] = value
    if "type" in after and new:
        new = {"type": after["type"], **new}
    return new


_TYPES: Mapping[type[ClientEvent], str] = {
    UpdateSession: "session.update",
    CreateTextItem: "conversation.item.create",
    CreateAudioItem: "conversation.item.create",
    AppendAudio: "input_audio_buffer.append",
    CommitAudio: "input_audio_buffer.commit",
    ClearAudio: "input_audio_buffer.clear",
    TruncateItem: "conversation.item.truncate",
    CreateResponse: "response.create",
    CancelResponse: "response.cancel",
}


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How one generation of the API says things."""

    name: str
    default_model: str
    default_voice: str
    """Empty leaves it to the server."""
    default_temperature: float | None
    """None where the dialect has no temperature."""
    default_transcription_model: str
    """Empty where nobody knows one."""
    headers: tuple[tuple[str, str], ...]
    """Headers of the opening handshake beside `Authorization`."""
    assistant_text: str
    """The content type of an assistant's text part."""
    encode_session: Callable[[SessionSettings], dict[str, object]]
    images: bool = True
    """Whether a question may show pictures."""
    truncates: bool = True
    """Whether the server can be told what of an answer was heard."""
    out_of_band: bool = True
    """Whether a response can be kept out of the conversation (`conversation: "none"`)."""
    listening: Listening = ON_REQUEST
    """How it takes spoken questions."""

    def can_change(self, before: SessionSettings, after: SessionSettings) -> bool:
        """Whether a session with *before* can be told to have *after*: a setting cannot be unsaid."""
        return _says_all_of(self.encode_session(before), self.encode_session(after))

    def encode(self, event: ClientEvent) -> str:
        """Return *event* as the text of one WebSocket frame; half a surrogate pair becomes U+FFFD."""
        body = self._encode(event)
        try:
            return msgspec.json.encode(body).decode()
        except UnicodeEncodeError:
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    @staticmethod
    def type_of(event: ClientEvent) -> str:
        """Return the wire's `type` of *event*; both dialects call these the same."""
        return _TYPES[type(event)]

    def _encode(self, event: ClientEvent) -> dict[str, object]:
        match event:
            case UpdateSession():
                body: dict[str, object] = {
                    "type": _TYPES[UpdateSession],
                    "session": self._session(event),
                }
            case CreateTextItem() | CreateAudioItem():
                body = {"type": _TYPES[type(event)], "item": self._message(event)}
            case AppendAudio():
                body = {"type": _TYPES[AppendAudio], "audio": _base64(event.pcm)}
            case CommitAudio() | ClearAudio():
                body = {"type": _TYPES[type(event)]}
            case TruncateItem():
                body = {
                    "type": _TYPES[TruncateItem],
                    "item_id": event.item_id,
                    "content_index": event.content_index,
                    "audio_end_ms": event.audio_end_ms,
                }
            case CreateResponse():
                body = {"type": _TYPES[CreateResponse]}
                response: dict[str, object] = {}
                if event.instructions is not None:
                    response["instructions"] = event.instructions
                if event.input is not None:
                    response |= {"conversation": "none", "input": [self._message(event.input)]}
                if response:
                    body["response"] = response
            case CancelResponse():
                body = {"type": _TYPES[CancelResponse]}
                if event.response_id is not None:
                    body["response_id"] = event.response_id
            case _:
                assert_never(event)
        return {**body, "event_id": event.event_id}

    def _session(self, event: UpdateSession) -> dict[str, object]:
        session = self.encode_session(event.settings)
        return session if event.before is None else changes(self.encode_session(event.before), session)

    def _message(self, message: CreateTextItem | CreateAudioItem) -> dict[str, object]:
        if isinstance(message, CreateAudioItem):
            audio = _base64(message.pcm)
            return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
        part = self.assistant_text if message.role == "assistant" else "input_text"
        content = [{"type": "input_image", "image_url": url} for url in message.images]
        return {
            "type": "message",
            "role": message.role,
            "content": [*content, {"type": part, "text": message.text}],
        }


def _base64(pcm: bytes | memoryview) -> str:
    return base64.b64encode(pcm).decode("ascii")


def _says_all_of(before: dict[str, object], after: dict[str, object]) -> bool:
    for key, old in before.items():
        new = after.get(key)
        if key not in after or (isinstance(old, dict) and isinstance(new, dict) and not _says_all_of(old, new)):
            return False
    return True


GA = Dialect(
    name="ga",
    default_model="gpt-realtime-2.1",
    default_voice="marin",
    default_temperature=None,
    default_transcription_model="gpt-realtime-whisper",
    headers=(),
    assistant_text="output_text",
    encode_session=session_ga,
)
BETA = Dialect(
    name="beta",
    default_model="gpt-4o-realtime-preview-2024-10-01",
    default_voice="alloy",
    default_temperature=0.8,
    default_transcription_model="whisper-1",
    headers=(("OpenAI-Beta", "realtime=v1"),),
    assistant_text="text",
    encode_session=session_beta,
    images=False,
)
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (GA, BETA)}
