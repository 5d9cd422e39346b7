"""From frames to events: both dialects' names, and whatever else servers send."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geppetto.realtime.decoding import BadMessage, decode
from geppetto.realtime.events import (
    AudioDelta,
    ConversationItem,
    ErrorDetails,
    IgnoredServerEvent,
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

IDS = {"event_id": "e", "response_id": "r", "item_id": "i", "output_index": 0, "content_index": 2}
PCM = base64.b64encode(b"\x01\x02\x03").decode()
NAMES = [
    ("conversation.item.added", "conversation.item.created"),
    ("response.output_text.delta", "response.text.delta"),
    ("response.output_text.done", "response.text.done"),
    ("response.output_audio_transcript.delta", "response.audio_transcript.delta"),
    ("response.output_audio_transcript.done", "response.audio_transcript.done"),
    ("response.output_audio.delta", "response.audio.delta"),
]
KNOWN = [
    "session.created",
    "session.updated",
    "conversation.item.done",
    "response.created",
    "response.done",
    "response.output_audio.done",
    "response.audio.done",
    "rate_limits.updated",
    "error",
    *(name for pair in NAMES for name in pair),
]


def hear(event: dict[str, Any]) -> object:
    """Decode *event* and return its value."""
    kind, value = decode(json.dumps(event))
    assert kind == event["type"]
    return value


@pytest.mark.parametrize(("ga", "beta"), NAMES)
def test_both_dialects_say_the_same(ga: str, beta: str) -> None:
    """The names of either generation give equal events, and none is unknown."""
    fields = {**IDS, "delta": PCM, "text": "Hi", "transcript": "Hi", "item": {"id": "i", "role": "user"}}
    event = hear({**fields, "type": ga})
    assert event == hear({**fields, "type": beta})
    assert not isinstance(event, (IgnoredServerEvent, UnknownServerEvent))


@pytest.mark.parametrize(
    ("wire", "event"),
    [
        (
            {"type": "session.created", "session": {"id": "s", "model": "m", "expires_at": 1.5}},
            SessionCreated(session_id="s", model="m", expires_at=1.5),
        ),
        ({"type": "session.updated", "session": {}}, SessionUpdated()),
        (
            {"type": "conversation.item.done", "item": {"id": "i", "role": "user"}},
            ConversationItem(item_id="i", role="user"),
        ),
        ({"type": "response.created", "response": {"id": "r"}}, ResponseCreated(response_id="r")),
        (
            {"type": "response.output_text.delta", **IDS, "delta": "Hi"},
            TextDelta(response_id="r", item_id="i", content_index=2, delta="Hi"),
        ),
        (
            {"type": "response.output_audio_transcript.done", **IDS, "transcript": "Hi"},
            TextDone(response_id="r", item_id="i", content_index=2, text="Hi"),
        ),
        (
            {"type": "response.output_text.done", **IDS, "text": "Hi"},
            TextDone(response_id="r", item_id="i", content_index=2, text="Hi"),
        ),
        (
            {"type": "response.output_audio.delta", **IDS, "delta": PCM},
            AudioDelta(response_id="r", item_id="i", content_index=2, pcm=b"\x01\x02\x03"),
        ),
        (
            {"type": "error", "error": {"type": "t", "code": "c", "message": "m", "param": "p", "event_id": "e"}},
            ServerError(error=ErrorDetails(type="t", code="c", message="m", param="p", event_id="e")),
        ),
        ({"type": "error", "error": "oops"}, ServerError(error=ErrorDetails(message="oops"))),
        ({"type": "error"}, ServerError(error=ErrorDetails())),
        ({"type": "rate_limits.updated"}, IgnoredServerEvent(type="rate_limits.updated")),
        ({"type": "ping"}, UnknownServerEvent(type="ping")),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "",
)
def test_what_is_said_is_understood(wire: dict[str, Any], event: object) -> None:
    """Each field finds its place."""
    assert hear(wire) == event


def test_the_end_of_a_response_is_read_in_full() -> None:
    """Words of every part that has some, in order, the tokens, and nothing of function calls."""
    wire = {
        "type": "response.done",
        "response": {
            "id": "r",
            "status": "completed",
            "status_details": None,
            "usage": {"total_tokens": 5},
            "output": [
                {"id": "f", "type": "function_call", "arguments": "{}"},
                {"id": "a", "content": [{"type": "output_audio", "transcript": "One."}, {"type": "x"}]},
                {
                    "id": "b",
                    "content": [{"type": "output_text", "text": ""}, {"type": "output_text", "text": "Two."}],
                },
            ],
        },
    }
    assert hear(wire) == ResponseDone(
        response_id="r",
        status="completed",
        usage=Usage(total_tokens=5),
        output=(OutputText(item_id="a", text="One."), OutputText(item_id="b", content_index=1, text="Two.")),
    )


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            {"status": "incomplete", "status_details": {"type": "incomplete", "reason": "max_output_tokens"}},
            ResponseDone(response_id="", status="incomplete", reason="max_output_tokens"),
        ),
        (
            {"status": "failed", "status_details": {"type": "failed", "error": {"code": "c", "message": "m"}}},
            ResponseDone(response_id="", status="failed", error=ErrorDetails(code="c", message="m")),
        ),
        ({"status": "failed"}, ResponseDone(response_id="", status="failed", error=ErrorDetails())),
        ({"status": "cancelled", "status_details": "x"}, ResponseDone(response_id="", status="cancelled")),
        ({"status_details": "unimplemented", "usage": {}}, ResponseDone(response_id="", status="completed")),
        ({"status": "in_progress"}, ResponseDone(response_id="", status="completed")),
        (None, ResponseDone(response_id="", status="completed")),
    ],
)
def test_a_response_ends_in_one_of_four_ways(response: object, expected: ResponseDone) -> None:
    """The reason is where each status has it; a server that names no status has completed."""
    assert hear({"type": "response.done", "response": response}) == expected


@pytest.mark.parametrize("expires_at", [True, "soon", -1, 0, 1e300, None, []])
def test_an_expiry_that_is_no_time_is_none(expires_at: object) -> None:
    """A clock is set by it, so nonsense is left out."""
    assert hear({"type": "session.created", "session": {"expires_at": expires_at}}) == SessionCreated()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"{}", "binary"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\ufeff{}", "not JSON"),
        ("9" * 5000, "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no event"),
        ("null", "no event"),
        ("{}", "no event"),
        ('{"type": 1}', "no event"),
        ('{"type": "response.output_audio.delta"}', "without audio"),
        ('{"type": "response.audio.delta", "delta": 7}', "without audio"),
        ('{"type": "response.audio.delta", "delta": "!!"}', "cannot be decoded"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_event_is_a_bad_message(message: str | bytes, why: str) -> None:
    """Whoever hears it can say in a few words what it was, without its content."""
    with pytest.raises(BadMessage, match=why) as caught:
        decode(message)
    assert len(str(caught.value)) < 120


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
KEYS = st.sampled_from(["id", "type", "delta", "text", "transcript", "response", "session", "item", "error"]) | (
    st.sampled_from(["output", "content", "usage", "status", "status_details", "reason", "code", "expires_at"])
    | st.sampled_from(["response_id", "content_index", "item_id"])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8), max_leaves=12
)


FULL: list[dict[str, Any]] = [
    {"type": "session.created", "session": {"id": "s", "model": "m", "expires_at": 1.5}},
    {"type": "conversation.item.added", "item": {"id": "i", "role": "user"}},
    {"type": "response.created", "response": {"id": "r"}},
    {"type": "response.output_text.delta", **IDS, "delta": "Hi"},
    {"type": "response.output_text.done", **IDS, "text": "Hi"},
    {"type": "response.output_audio_transcript.done", **IDS, "transcript": "Hi"},
    {"type": "response.output_audio.delta", **IDS, "delta": PCM},
    {"type": "error", "error": {"type": "t", "code": "c", "message": "m", "param": "p", "event_id": "e"}},
    {
        "type": "response.done",
        "response": {
            "id": "r",
            "status": "failed",
            "status_details": {"reason": "x", "error": {"type": "t", "code": "c", "message": "m"}},
            "usage": {"total_tokens": 5, "input_token_details": {"cached_tokens_details": {"text_tokens": 1}}},
            "output": [{"id": "a", "content": [{"transcript": "One.", "text": "One."}]}],
        },
    },
]
WRONG: list[object] = [None, True, 7, -0.5, 10**400, "", "x", [], [7], ["x"], [[]], {}, {"x": 7}]


def spoilt(value: object) -> list[object]:
    """Return *value* with a wrong thing in the place of each of its parts, one at a time."""
    parts: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    made: list[object] = []
    for key, part in parts:
        for other in [*WRONG, *spoilt(part)]:
            copy: Any = value.copy()  # type: ignore[attr-defined]  # a dict or a list, since it has parts
            copy[key] = other
            made.append(copy)
    return made


@pytest.mark.parametrize("event", FULL, ids=lambda event: event["type"])
def test_a_field_of_a_wrong_type_is_as_if_it_were_not_there(event: dict[str, Any]) -> None:
    """Whatever stands in its place, every field of the value has its own type, or the message is bad."""
    types = {name: type(field) for name, field in msgspec.structs.asdict(decode(json.dumps(event))[1]).items()}
    for wrong in spoilt(event):
        try:
            _, value = decode(json.dumps(wrong))
        except BadMessage:
            continue
        if type(value) is type(decode(json.dumps(event))[1]):
            found = {name: type(field) for name, field in msgspec.structs.asdict(value).items()}
            optional = {name for name, kind in found.items() if kind is type(None)} & {"expires_at", "error"}
            assert {**found, **{name: types[name] for name in optional}} == types, wrong


def survives(message: str | bytes) -> None:
    """Decode *message*: an event or BadMessage comes of it, and nothing else."""
    with suppress(BadMessage):
        decode(message)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KNOWN), st.dictionaries(KEYS, JSON, max_size=8))
def test_fields_of_any_type_are_survived(kind: str, fields: dict[str, object]) -> None:
    """Whatever stands in the fields of an event that is known, it is read, or a bad message."""
    survives(json.dumps({**fields, "type": kind}))


@given(JSON | st.dictionaries(st.text(max_size=5), JSON))
def test_any_json_is_survived(value: object) -> None:
    """JSON that is no event is a bad message."""
    survives(json.dumps(value))


@example("\ud83d")
@example('{"type": "\ud83d"}')
@given(st.text() | st.binary())
def test_any_frame_is_survived(message: str | bytes) -> None:
    """Text that is no JSON, and bytes, are bad messages."""
    survives(message)
