"""
How each generation of the API is spoken: what is sent, with which headers, and the default model.

What is heard is not the dialect's business: `decoding` takes the names of both, because servers mix them.

Source: OpenAI Realtime API reference (GA, 2026-11), and the beta reference as of 2024-10 to 2026-05.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, assert_never

import attrs

from geppetto.realtime.events import (
    CancelResponse,
    CreateAudioItem,
    CreateResponse,
    CreateTextItem,
    UpdateSession,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.realtime.events import ClientEvent, SessionSettings


def _session_ga(settings: SessionSettings) -> dict[str, object]:
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


def _session_xai(settings: SessionSettings) -> dict[str, object]:
    """
    Return the session of xAI: GA, but voice and turn detection are flat, and there is neither type nor modality.

    Source: recorded sessions with Grok Voice, 2026-11.
    """
    session = _session_ga(settings)
    audio = session["audio"]
    assert isinstance(audio, dict)
    audio["input"].pop("turn_detection")
    session["turn_detection"] = None
    if (voice := audio["output"].pop("voice", None)) is not None:
        session["voice"] = voice
    del session["type"], session["output_modalities"]  # it always speaks
    return session


def _session_beta(settings: SessionSettings) -> dict[str, object]:
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


_TYPES: Mapping[type[ClientEvent], str] = {
    UpdateSession: "session.update",
    CreateTextItem: "conversation.item.create",
    CreateAudioItem: "conversation.item.create",
    CreateResponse: "response.create",
    CancelResponse: "response.cancel",
}


@attrs.frozen(kw_only=True)
class Dialect:
    """How one generation of the API says things."""

    name: str
    default_model: str
    default_voice: str
    """Empty leaves it to the server."""
    default_temperature: float | None
    """None where the dialect has no temperature."""
    headers: tuple[tuple[str, str], ...]
    """Headers of the opening handshake beside `Authorization`."""
    assistant_text: str
    """The content type of an assistant's text part."""
    encode_session: Callable[[SessionSettings], dict[str, object]]

    def encode(self, event: ClientEvent) -> str:
        """Return *event* as the text of one WebSocket frame; half a surrogate pair becomes U+FFFD."""
        text = json.dumps(self._encode(event), ensure_ascii=False, separators=(",", ":"))
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
                    "session": self.encode_session(event.settings),
                }
            case CreateTextItem() | CreateAudioItem():
                body = {"type": _TYPES[type(event)], "item": self._message(event)}
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

    def _message(self, message: CreateTextItem | CreateAudioItem) -> dict[str, object]:
        if isinstance(message, CreateAudioItem):
            audio = base64.b64encode(message.pcm).decode("ascii")
            return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
        part = self.assistant_text if message.role == "assistant" else "input_text"
        return {"type": "message", "role": message.role, "content": [{"type": part, "text": message.text}]}


GA = Dialect(
    name="ga",
    default_model="gpt-realtime-2.1",
    default_voice="marin",
    default_temperature=None,
    headers=(),
    assistant_text="output_text",
    encode_session=_session_ga,
)
BETA = Dialect(
    name="beta",
    default_model="gpt-4o-realtime-preview-2024-10-01",
    default_voice="alloy",
    default_temperature=0.8,
    headers=(("OpenAI-Beta", "realtime=v1"),),
    assistant_text="text",
    encode_session=_session_beta,
)
GA_OF_ANY_MODEL = attrs.evolve(GA, default_voice="")
"""For servers whose voices nobody knows beforehand: theirs is taken."""
BETA_OF_ANY_MODEL = attrs.evolve(BETA, default_voice="")
XAI = attrs.evolve(
    GA,
    default_model="grok-voice-latest",
    default_voice="eve",
    assistant_text="text",
    encode_session=_session_xai,
)
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (GA, BETA)}
