"""
Wire JSON to events. Takes the names of GA and beta alike, because compatible servers mix them.

Nothing but `type` is required of an event: every other field has a neutral default, whatever the server sent
in its place.

Source: OpenAI Realtime API reference, server events (GA, 2026-11, and beta).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from geppetto.audio.assembly import BadAudio, decode_delta
from geppetto.realtime.deltas import decode_plainly, type_of
from geppetto.realtime.events import (
    AudioCommitted,
    AudioDelta,
    ConversationItem,
    ErrorDetails,
    IgnoredServerEvent,
    InputTranscript,
    InputTranscriptFailed,
    OutputText,
    ResponseCreated,
    ResponseDone,
    ServerError,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    TextDone,
    UnknownServerEvent,
)
from geppetto.realtime.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.realtime.events import (
        Json,
        ResponseStatus,
        ServerEvent,
    )


class BadMessage(ValueError):
    """A frame that is no event: not JSON, not an object, no type, or audio that is not base64."""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _index(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _error(value: object) -> ErrorDetails:
    error = _object(value)
    return ErrorDetails(
        type=_text(error.get("type")),
        code=_text(error.get("code")),
        message=_text(error.get("message")) or (value if isinstance(value, str) else ""),
        param=_text(error.get("param")),
        event_id=_text(error.get("event_id")),
    )


def _session_created(event: Json) -> ServerEvent:
    session = _object(event.get("session"))
    expires_at = session.get("expires_at")
    return SessionCreated(
        session_id=_text(session.get("id")),
        model=_text(session.get("model")),
        expires_at=float(expires_at)
        if isinstance(expires_at, (int, float)) and not isinstance(expires_at, bool) and 0 < expires_at < 1e12
        else None,
    )


def _session_updated(_event: Json) -> ServerEvent:
    return SessionUpdated()


def _conversation_item(event: Json) -> ServerEvent:
    item = _object(event.get("item"))
    return ConversationItem(item_id=_text(item.get("id")), role=_text(item.get("role")))


def _audio_committed(event: Json) -> ServerEvent:
    return AudioCommitted(item_id=_text(event.get("item_id")))


def _input_transcript(event: Json) -> ServerEvent:
    """Return the transcript. One that is `in_progress` is no last word: xAI sends several."""
    if event.get("status") == "in_progress":
        return IgnoredServerEvent(type=_TRANSCRIBED)
    return InputTranscript(item_id=_text(event.get("item_id")), text=_text(event.get("transcript")))


def _input_transcript_failed(event: Json) -> ServerEvent:
    return InputTranscriptFailed(item_id=_text(event.get("item_id")), error=_error(event.get("error")))


def _response_created(event: Json) -> ServerEvent:
    return ResponseCreated(response_id=_text(_object(event.get("response")).get("id")))


def _text_delta(event: Json) -> ServerEvent:
    return TextDelta(
        response_id=_text(event.get("response_id")),
        item_id=_text(event.get("item_id")),
        content_index=_index(event.get("content_index")),
        delta=_text(event.get("delta")),
    )


def _text_done(event: Json) -> ServerEvent:
    return TextDone(
        response_id=_text(event.get("response_id")),
        item_id=_text(event.get("item_id")),
        content_index=_index(event.get("content_index")),
        text=_text(event.get("transcript")) or _text(event.get("text")),
    )


def _audio_delta(event: Json) -> ServerEvent:
    delta = event.get("delta")
    if not isinstance(delta, str):
        msg = "an audio delta without audio"
        raise BadMessage(msg)
    try:
        pcm = decode_delta(delta)
    except BadAudio as error:
        msg = f"an audio delta that cannot be decoded ({error})"
        raise BadMessage(msg) from error
    return AudioDelta(
        response_id=_text(event.get("response_id")),
        item_id=_text(event.get("item_id")),
        content_index=_index(event.get("content_index")),
        pcm=pcm,
    )


_STATUSES: Mapping[str, ResponseStatus] = {
    "completed": "completed",
    "cancelled": "cancelled",
    "incomplete": "incomplete",
    "failed": "failed",
}


def _response_done(event: Json) -> ServerEvent:
    response = _object(event.get("response"))
    details = _object(response.get("status_details"))
    status = _STATUSES.get(_text(response.get("status")), "completed")
    output: list[OutputText] = []
    for item_value in _list(response.get("output")):
        item = _object(item_value)
        for index, part_value in enumerate(_list(item.get("content"))):
            part = _object(part_value)
            text = _text(part.get("transcript")) or _text(part.get("text"))
            if text:
                output.append(OutputText(item_id=_text(item.get("id")), content_index=index, text=text))
    return ResponseDone(
        response_id=_text(response.get("id")),
        status=status,
        reason=_text(details.get("reason")),
        error=_error(details.get("error")) if status == "failed" else None,
        output=tuple(output),
        usage=Usage.from_json(response.get("usage")),
    )


def _server_error(event: Json) -> ServerEvent:
    return ServerError(error=_error(event.get("error")))


_TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
_DECODERS: Mapping[str, Callable[[Json], ServerEvent]] = {
    "session.created": _session_created,
    "session.updated": _session_updated,
    "conversation.item.added": _conversation_item,
    "conversation.item.created": _conversation_item,
    "conversation.item.done": _conversation_item,
    "input_audio_buffer.committed": _audio_committed,
    _TRANSCRIBED: _input_transcript,
    "conversation.item.input_audio_transcription.failed": _input_transcript_failed,
    "response.created": _response_created,
    "response.output_text.delta": _text_delta,
    "response.text.delta": _text_delta,
    "response.output_audio_transcript.delta": _text_delta,
    "response.audio_transcript.delta": _text_delta,
    "response.output_text.done": _text_done,
    "response.text.done": _text_done,
    "response.output_audio_transcript.done": _text_done,
    "response.audio_transcript.done": _text_done,
    "response.output_audio.delta": _audio_delta,
    "response.audio.delta": _audio_delta,
    "response.done": _response_done,
    "error": _server_error,
}

_IGNORED = frozenset(
    {
        "conversation.created",
        "conversation.item.retrieved",
        "conversation.item.deleted",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.cleared",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.timeout_triggered",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_audio.done",
        "response.audio.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "rate_limits.updated",
    }
)


def decode(message: str | bytes) -> tuple[str, ServerEvent]:
    """
    Return the wire's `type` and the event in one WebSocket frame, in either dialect's words.

    Raises:
        BadMessage: the frame is binary, no JSON, no object, has no type, or its audio is not base64. The
            sentence has no next step, because there is none for the user: it is counted and survived.
    """
    if isinstance(message, bytes):
        msg = f"a binary frame of {len(message)} bytes"
        raise BadMessage(msg)
    if '.delta"' in message:
        delta = decode_plainly(message)
        if delta is not None:
            return delta
    if (kind := type_of(message)) in _IGNORED:  # half of what is no delta, and at its end with the whole text again
        return kind, IgnoredServerEvent(type=kind)
    return decode_thoroughly(message)


def decode_thoroughly(message: str) -> tuple[str, ServerEvent]:
    """Decode any text, as `decode`."""
    try:
        event = json.loads(message)
    except (ValueError, RecursionError) as error:
        msg = "a frame that is not JSON"
        raise BadMessage(msg) from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        msg = "a JSON frame that is no event"
        raise BadMessage(msg)
    kind: str = event["type"]
    decoder = _DECODERS.get(kind)
    if decoder is not None:
        return kind, decoder(event)
    return kind, IgnoredServerEvent(type=kind) if kind in _IGNORED else UnknownServerEvent(type=kind)
