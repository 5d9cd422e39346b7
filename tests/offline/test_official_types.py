"""The referee itself: it must object to what is wrong, or its silence means nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.official_types import check_client_event, check_server_event

DELTA: dict[str, Any] = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "AAAA",
}
CREATED: dict[str, Any] = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "expires_at": 1, "audio": {}},
}
ITEM: dict[str, Any] = {
    "type": "conversation.item.create",
    "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
}


def test_documented_events_pass() -> None:
    """What the API documents raises nothing."""
    check_server_event(DELTA)
    check_server_event(CREATED)
    check_client_event(ITEM)
    check_client_event(
        {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "item_1"}]}}
    )
    check_server_event({**DELTA, "type": "response.audio.delta"}, "beta")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"event_id": None}, "event_id"),
        ({"output_index": "0"}, "output_index"),
        ({"obfuscation": "x"}, r"unknown fields: response\.output_audio\.delta\.obfuscation"),
        ({"type": "response.audio.delta"}, "no such event in the ga dialect"),
        ({"type": None}, "no type"),
    ],
)
def test_wrong_server_events_are_named(change: dict[str, Any], match: str) -> None:
    """A field that is missing, of the wrong type or unknown is an error with its path."""
    with pytest.raises(AssertionError, match=match):
        check_server_event({**DELTA, **change})


def test_missing_fields_are_named() -> None:
    """A required field that is absent is an error with its path."""
    with pytest.raises(AssertionError, match="delta: Field required"):
        check_server_event({name: value for name, value in DELTA.items() if name != "delta"})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"pace": 1}, r"session\.pace"),
        ({"audio": {"output": {"pitch": 1}}}, r"session\.audio\.output\.pitch"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"output_modalities": ["video"]}, "output_modalities"),
    ],
)
def test_unknown_fields_are_found_at_any_depth(change: dict[str, Any], match: str) -> None:
    """Inside a session nothing undocumented passes, but what the server adds to it does."""
    with pytest.raises(AssertionError, match=match):
        check_server_event({**CREATED, "session": {**CREATED["session"], **change}})


def test_wrong_client_events_are_named() -> None:
    """A content part with an unknown field is an error with its index."""
    item = {**ITEM["item"], "content": [{"type": "input_text", "text": "Hi", "mood": "good"}]}
    with pytest.raises(AssertionError, match=r"item\.content\[0\]\.mood"):
        check_client_event({**ITEM, "item": item})
