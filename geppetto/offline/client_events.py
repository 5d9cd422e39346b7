"""
What a client may send: JSON in, a client event of a known type with known fields out.

Source: OpenAI Realtime API reference, client events.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NoReturn

from geppetto.offline.checks import (
    Refused,
    check_object,
    integer,
    mapping,
    missing,
    mistyped,
    nullable,
    text,
    unsupported,
)

if TYPE_CHECKING:
    from geppetto.offline.checks import (
        Check,
    )

DEPTH_LIMIT: Final = 64
"""Arrays and objects within each other in one event."""

_ID: Final = text(512)
_EVENTS: Final[dict[str, tuple[dict[str, Check], tuple[str, ...]]]] = {
    "session.update": ({"session": mapping}, ("session",)),
    "input_audio_buffer.append": ({"audio": text()}, ("audio",)),
    "input_audio_buffer.commit": ({}, ()),
    "input_audio_buffer.clear": ({}, ()),
    "conversation.item.create": ({"item": mapping, "previous_item_id": nullable(_ID)}, ("item",)),
    "conversation.item.retrieve": ({"item_id": _ID}, ("item_id",)),
    "conversation.item.delete": ({"item_id": _ID}, ("item_id",)),
    "conversation.item.truncate": (
        {"item_id": _ID, "content_index": integer(0, 255), "audio_end_ms": integer(0, 2**31)},
        ("item_id", "content_index", "audio_end_ms"),
    ),
    "response.create": ({"response": nullable(mapping)}, ()),
    "response.cancel": ({"response_id": nullable(_ID)}, ()),
}
"""The fields of each client event, and which of them it must have."""


def parse(message: str | bytes) -> dict[str, object]:
    """
    Return the JSON object in *message*.

    Raises:
        Refused: the frame is binary, or holds no JSON object, or one that is nested deeper than `DEPTH_LIMIT`.
    """
    if isinstance(message, bytes):
        raise Refused("invalid_event", "Events are JSON in text frames: a binary frame is not an event.")
    try:
        event = json.loads(message, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("invalid_json", "The message is not valid JSON.") from None
    if not isinstance(event, dict):
        raise Refused("invalid_json", "The message is not a JSON object.")
    if _too_deep(event):
        raise Refused("invalid_json", f"The message is nested deeper than {DEPTH_LIMIT} levels.")
    return event


def id_of(event: dict[str, object]) -> str | None:
    """
    Return the client's own id of *event*, for the errors about it.

    Raises:
        Refused: it is not a string.
    """
    event_id = nullable(_ID)(event.get("event_id"), "event_id")
    return event_id if isinstance(event_id, str) else None


def check_type(event: dict[str, object]) -> None:
    """
    Check that *event* has a type that this server knows.

    Raises:
        Refused: it does not.
    """
    if "type" not in event:
        raise missing("type")
    if not isinstance(event["type"], str):
        raise mistyped("type", "a string", event["type"])
    if event["type"] not in _EVENTS:
        raise unsupported("type", event["type"], list(_EVENTS))


def check_fields(event: dict[str, object]) -> dict[str, object]:
    """
    Return *event*, of a known type, with its fields checked; what is inside an object is for others to check.

    Raises:
        Refused: a field is unknown, missing, or of the wrong type.
    """
    known, required = _EVENTS[str(event["type"])]
    return check_object(event, "", {"type": text(), "event_id": nullable(_ID), **known}, required)


def error_event(
    code: str, message: str, *, param: str | None = None, event_id: str | None = None
) -> dict[str, object]:
    """Return an `error` event about something that a client sent."""
    error = {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": param,
        "event_id": event_id,
    }
    return {"type": "error", "error": error}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _too_deep(event: dict[str, object]) -> bool:
    level: list[dict[str, object] | list[object]] = [event]
    for _ in range(DEPTH_LIMIT):
        inner = (value for one in level for value in (one.values() if isinstance(one, dict) else one))
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return False
    return True
