"""One client's events and their answers, without a socket: events in, events out."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.offline import conversation, desk, items
from geppetto.offline.client_events import _EVENTS
from geppetto.offline.conversation import Conversation
from geppetto.offline.desk import Desk, Reaction
from geppetto.offline.session import Session
from tests.official_types import check_server_event

Json = dict[str, Any]
SECOND = bytes(48_000)


def new_desk(dialect: Any = "ga") -> Desk:  # noqa: ANN401 - "ga" or "beta"
    counter = itertools.count(1)
    session = Session(session_id="sess_1", model="gpt-realtime", expires_at=1_795_300_000, beta=dialect == "beta")
    return Desk(
        session=session,
        conversation=Conversation(conversation_id="conv_1"),
        new_id=lambda prefix: f"{prefix}_{next(counter)}",
        dialect=dialect,
    )


def tell(desk: Desk, kind: str, **fields: object) -> Reaction:
    """Send one event, and check whatever comes back against the official types."""
    reaction = desk.receive(json.dumps({"type": kind, **fields}))
    for text in desk.wire(reaction.events):
        check_server_event(json.loads(text), desk.dialect)
    return reaction


def error_of(reaction: Reaction) -> Json:
    (event,) = reaction.events
    assert event["type"] == "error", event
    error = event["error"]
    assert isinstance(error, dict)
    return error


def kinds(reaction: Reaction) -> list[object]:
    return [event["type"] for event in reaction.events]


def say(desk: Desk, text: str, **fields: object) -> Reaction:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return tell(desk, "conversation.item.create", item=item, **fields)


def order(desk: Desk) -> list[str]:
    return [item.item_id for item in desk.conversation.items]


def answered(desk: Desk, pcm: bytes = SECOND) -> str:
    """Run one whole spoken response, and return the id of its item."""
    response = tell(desk, "response.create").started
    assert response is not None
    response.say("Word.")
    response.sound(pcm)
    response.finish("completed")
    desk.settle(response)
    return response.item.item_id


def named(name: str) -> Json:
    return {"type": "message", "role": "user", "id": name, "content": [{"type": "input_text", "text": name}]}


def test_items_are_added_at_the_end_the_front_or_in_between() -> None:
    """previous_item_id puts an item anywhere; the answer names the item before it."""
    desk = new_desk()
    for name, after in (("a", None), ("b", None), ("c", "root"), ("d", "a")):
        reaction = tell(
            desk,
            "conversation.item.create",
            item=named(name),
            **({} if after is None else {"previous_item_id": after}),
        )
        assert kinds(reaction) == ["conversation.item.added", "conversation.item.done"]
    assert order(desk) == ["c", "a", "d", "b"]
    assert reaction.events[0]["previous_item_id"] == "a"


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({}, "missing_required_parameter", "item.type"),
        ({"type": "song"}, "invalid_value", "item.type"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
        ({"type": "message", "role": "robot", "content": []}, "invalid_value", "item.role"),
        ({"type": "message", "role": "user", "content": [{}]}, "missing_required_parameter", "item.content[0].type"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "text", "text": "x"}]},
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "x"}]},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "?"}]},
            "invalid_value",
            "item.content[0].audio",
        ),
        ({"type": "message", "role": "user", "content": [], "mood": 1}, "unknown_parameter", "item.mood"),
        ({"type": "function_call", "name": "f"}, "missing_required_parameter", "item.arguments"),
        ({"type": "function_call_output", "call_id": "c", "output": "x"}, "invalid_tool_call_id", "item.call_id"),
        (named("taken"), "invalid_value", "item.id"),
    ],
)
def test_items_that_are_refused(item: Json, code: str, param: str) -> None:
    """An item that cannot be is refused with its path, and the conversation stays as it was."""
    desk = new_desk()
    tell(desk, "conversation.item.create", item=named("taken"))
    error = error_of(tell(desk, "conversation.item.create", item=item, event_id="mine"))
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert order(desk) == ["taken"]


def test_unknown_previous_item_is_refused() -> None:
    """An item after one that does not exist is refused."""
    error = error_of(say(new_desk(), "x", previous_item_id="nobody"))
    assert (error["code"], error["param"]) == ("invalid_value", "previous_item_id")


def test_a_restored_conversation_with_a_tool_call() -> None:
    """System, assistant text, a call and its output are taken back, each shown as the live service shows it."""
    desk = new_desk()
    created = [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
        {"type": "function_call", "name": "now", "arguments": "{}", "call_id": "call_1"},
        {"type": "function_call_output", "call_id": "call_1", "output": "noon"},
    ]
    shown = [tell(desk, "conversation.item.create", item=item).events[0]["item"] for item in created]
    assert [item.get("status") for item in shown if isinstance(item, dict)] == ["completed"] * 3 + [None]
    prompt = tell(desk, "response.create").started
    assert prompt is not None
    assert prompt.prompt.reply == "The tool answered: noon"
    assert prompt.prompt.instructions.endswith("Be kind.")


def test_conversation_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item over the limit is refused; the audio kept for retrieval is bounded too, the oldest goes first."""
    monkeypatch.setattr(conversation, "ITEM_LIMIT", 3)
    monkeypatch.setattr(conversation, "KEPT_AUDIO_BYTES", 100_000)
    desk = new_desk()
    for _ in range(3):
        tell(desk, "input_audio_buffer.append", audio=base64.b64encode(SECOND).decode())
        assert kinds(tell(desk, "input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"
    assert [len(item.audio) for item in desk.conversation.items] == [0, 48_000, 48_000]
    assert error_of(say(desk, "one too many"))["code"] == "conversation_full"


def test_retrieve_brings_the_audio_back() -> None:
    """A retrieved item carries its audio, as base64."""
    desk = new_desk()
    tell(desk, "input_audio_buffer.append", audio=base64.b64encode(SECOND).decode())
    item_id = tell(desk, "input_audio_buffer.commit").events[0]["item_id"]
    item = tell(desk, "conversation.item.retrieve", item_id=item_id).events[0]["item"]
    assert isinstance(item, dict)
    assert base64.b64decode(item["content"][0]["audio"]) == SECOND
    assert item["content"][0]["transcript"] is None


def test_delete_and_its_errors() -> None:
    """A deleted item is gone; unknown items are refused under the name of what was tried."""
    desk = new_desk()
    tell(desk, "conversation.item.create", item=named("a"))
    assert kinds(tell(desk, "conversation.item.delete", item_id="a")) == ["conversation.item.deleted"]
    assert order(desk) == []
    for verb in ("retrieve", "delete"):
        error = error_of(tell(desk, f"conversation.item.{verb}", item_id="a"))
        assert error["code"] == f"item_{verb}_invalid_item_id"


def test_truncate_cuts_the_audio_and_forgets_the_words() -> None:
    """After truncation the item holds what was heard, and no transcript."""
    desk = new_desk()
    item_id = answered(desk)
    reaction = tell(desk, "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=400)
    assert reaction.events == [
        {"type": "conversation.item.truncated", "item_id": item_id, "content_index": 0, "audio_end_ms": 400}
    ]
    item = desk.conversation.find(item_id)
    assert item is not None
    assert (item.audio_ms, len(item.audio), item.parts()[0]["transcript"]) == (400, 19_200, None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"audio_end_ms": 1_001}, "invalid_value"),
        ({"audio_end_ms": 0}, "unsupported_content_type"),
        ({"audio_end_ms": -1}, "invalid_value"),
        ({"audio_end_ms": "all"}, "invalid_type"),
        ({"content_index": 1}, "invalid_value"),
        ({"item_id": "asked"}, "unsupported_content_type"),
        ({"item_id": "nobody"}, "item_truncate_invalid_item_id"),
    ],
)
def test_truncate_is_refused(fields: Json, code: str) -> None:
    """Beyond the audio, to nothing, of another item: each has its error."""
    desk = new_desk()
    tell(desk, "conversation.item.create", item=named("asked"))
    cut = {"item_id": answered(desk), "content_index": 0, "audio_end_ms": 1_000}
    error = error_of(tell(desk, "conversation.item.truncate", **(cut | fields)))
    assert error["code"] == code


def test_item_that_is_being_written_is_left_alone() -> None:
    """An item in progress can be retrieved, not deleted or truncated."""
    desk = new_desk()
    response = tell(desk, "response.create").started
    assert response is not None
    item_id = response.item.item_id
    assert error_of(tell(desk, "conversation.item.delete", item_id=item_id))["code"] == "invalid_value"
    cut = tell(desk, "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1)
    assert error_of(cut)["code"] == "invalid_value"
    assert kinds(tell(desk, "conversation.item.retrieve", item_id=item_id)) == ["conversation.item.retrieved"]


def test_input_audio_buffer() -> None:
    """Appends are silent; a commit wants 100 ms; a commit empties the buffer, and so does clear."""
    desk = new_desk()
    assert tell(desk, "input_audio_buffer.append", audio=base64.b64encode(bytes(4_799)).decode()) == Reaction()
    assert error_of(tell(desk, "input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    tell(desk, "input_audio_buffer.append", audio="AA==")
    assert kinds(tell(desk, "input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert error_of(tell(desk, "input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    tell(desk, "input_audio_buffer.append", audio=base64.b64encode(SECOND).decode())
    assert kinds(tell(desk, "input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert error_of(tell(desk, "input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"


def test_input_audio_buffer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one append nor the buffer grows beyond its limit; a refused append adds nothing."""
    monkeypatch.setattr(desk, "BUFFER_LIMIT_BYTES", 10_000)
    monkeypatch.setattr(desk, "APPEND_LIMIT_BYTES", 6_000)
    one = new_desk()
    assert error_of(tell(one, "input_audio_buffer.append", audio="A" * 12_000))["code"] == "invalid_value"
    assert tell(one, "input_audio_buffer.append", audio="A" * 8_000) == Reaction()
    assert error_of(tell(one, "input_audio_buffer.append", audio="A" * 8_000))["code"] == "input_audio_buffer_full"
    committed = tell(one, "input_audio_buffer.commit").events[0]["item_id"]
    item = one.conversation.find(committed)
    assert item is not None
    assert item.audio_bytes == 6_000


def test_responses_in_and_out_of_the_conversation() -> None:
    """One response in the conversation, several beside it; each can be cancelled by its id."""
    desk = new_desk()
    first = tell(desk, "response.create").started
    beside = tell(desk, "response.create", response={"conversation": "none", "input": []}).started
    assert first is not None
    assert beside is not None
    busy = error_of(tell(desk, "response.create"))
    assert busy["code"] == "conversation_already_has_active_response"
    assert first.response_id in busy["message"]
    assert tell(desk, "response.cancel", response_id=beside.response_id).cancelled is beside
    assert tell(desk, "response.cancel").cancelled is first
    assert error_of(tell(desk, "response.cancel"))["code"] == "response_cancel_not_active"
    assert tell(desk, "response.create").started is not None
    assert len(order(desk)) == 2  # the response beside the conversation left nothing in it


def test_out_of_band_responses_are_bounded() -> None:
    """More than a few at a time are refused."""
    desk = new_desk()
    for _ in range(8):
        assert tell(desk, "response.create", response={"conversation": "none"}).started is not None
    error = error_of(tell(desk, "response.create", response={"conversation": "none"}))
    assert error["code"] == "rate_limit_exceeded"


def test_input_replaces_the_context() -> None:
    """`input` is the whole context of a response; it may refer to items of the conversation."""
    desk = new_desk()
    tell(desk, "conversation.item.create", item=named("old"))
    tell(desk, "conversation.item.create", item=named("new"))
    response = tell(desk, "response.create", response={"input": [{"type": "item_reference", "id": "old"}]}).started
    assert response is not None
    assert (response.prompt.question, response.prompt.history) == ("old", ())
    unknown = {"conversation": "none", "input": [{"type": "item_reference", "id": "nobody"}]}
    assert error_of(tell(desk, "response.create", response=unknown))["param"] == "response.input[0].id"


@pytest.mark.parametrize(
    ("response", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "response.modalities"),
        ({"temperature": 1}, "unknown_parameter", "response.temperature"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "response.output_modalities"),
        ({"conversation": "conv_1"}, "invalid_value", "response.conversation"),
        ({"metadata": {"k": 1}}, "invalid_type", "response.metadata.k"),
        ({"metadata": {str(k): "v" for k in range(17)}}, "invalid_value", "response.metadata"),
        ({"max_output_tokens": 5_000}, "invalid_value", "response.max_output_tokens"),
        ({"input": [{"type": "message"}]}, "missing_required_parameter", "response.input[0].role"),
        ({"audio": {"output": {"voice": "cedar"}}}, "cannot_update_voice", "response.audio.output.voice"),
    ],
)
def test_responses_that_are_refused(response: Json, code: str, param: str) -> None:
    """A bad setting of a response is refused with its path, and no response starts."""
    desk = new_desk()
    answered(desk)
    reaction = tell(desk, "response.create", response=response)
    error = error_of(reaction)
    assert (error["code"], error["param"]) == (code, param)
    assert reaction.started is None


def test_voice_is_locked_while_assistant_audio_is_present() -> None:
    """After a spoken answer the session's voice cannot change; after text answers only, it can."""
    desk = new_desk()
    patch = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    answered(desk, b"")
    assert kinds(tell(desk, "session.update", session=patch)) == ["session.updated"]
    answered(desk)
    patch["audio"] = {"output": {"voice": "marin"}}
    beside = {"conversation": "none", "audio": patch["audio"]}
    assert tell(desk, "response.create", response=beside).started is not None
    assert error_of(tell(desk, "session.update", session=patch))["code"] == "cannot_update_voice"


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "session.destroy"}, "invalid_value", "type"),
        ({"type": "response.cancel", "why": 1}, "unknown_parameter", "why"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        ({"type": "response.cancel", "event_id": 7}, "invalid_type", "event_id"),
    ],
)
def test_events_that_are_refused(event: Json, code: str, param: str) -> None:
    """An event that is not one is answered by an error."""
    error = error_of(new_desk().receive(json.dumps(event)))
    assert (error["code"], error["param"]) == (code, param)


def test_unknown_type_lists_the_known_ones_and_names_the_event() -> None:
    """The error for an unknown type says what the server takes, and whose event it was."""
    error = error_of(new_desk().receive('{"type": "response.crate", "event_id": "typo"}'))
    assert "'response.create'" in error["message"]
    assert error["event_id"] == "typo"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5_000) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_WORDS = [
    "session",
    "item",
    "response",
    "audio",
    "output",
    "input",
    "format",
    "type",
    "rate",
    "voice",
    "speed",
    "turn_detection",
    "transcription",
    "tools",
    "name",
    "content",
    "role",
    "text",
    "message",
    "user",
    "assistant",
    "input_text",
    "output_text",
    "input_audio",
    "function_call_output",
    "call_id",
    "realtime",
    "item_reference",
    "id",
    "conversation",
    "none",
    "metadata",
    "output_modalities",
    "modalities",
    "max_output_tokens",
    "truncation",
]
_SHAPED = st.recursive(
    _JSON | st.sampled_from(_WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["ga", "beta"]),
    st.lists(
        st.tuples(
            st.sampled_from(sorted(_EVENTS)),
            st.dictionaries(
                st.sampled_from(
                    [
                        "session",
                        "item",
                        "response",
                        "audio",
                        "item_id",
                        "content_index",
                        "audio_end_ms",
                        "event_id",
                        "junk",
                    ]
                ),
                _SHAPED,
                max_size=3,
            ),
        ),
        max_size=6,
    ),
)
def test_nothing_that_a_client_sends_raises(dialect: str, events: list[tuple[str, Json]]) -> None:
    """Whatever the JSON, every answer is a documented server event."""
    desk = new_desk(dialect)
    for kind, fields in events:
        tell(desk, kind, **fields)


def test_beta_refusals_use_the_words_of_the_beta() -> None:
    """Paths in errors are those of the flat session, and GA's own names are unknown."""
    desk = new_desk("beta")
    for session, code, param in (
        ({"speed": 9}, "invalid_value", "session.speed"),
        ({"voice": 9}, "invalid_type", "session.voice"),
        ({"turn_detection": {"type": "no_vad"}}, "invalid_value", "session.turn_detection.type"),
        ({"max_response_output_tokens": 0}, "invalid_value", "session.max_response_output_tokens"),
        ({"modalities": ["audio"]}, "invalid_value", "session.modalities"),
        ({"input_audio_format": "g711_ulaw"}, "invalid_value", "session.input_audio_format"),
        ({"output_modalities": ["text"]}, "unknown_parameter", "session.output_modalities"),
        ({"type": "realtime"}, "unknown_parameter", "session.type"),
        ({"audio": {}}, "unknown_parameter", "session.audio"),
    ):
        error = error_of(tell(desk, "session.update", session=session))
        assert (error["code"], error["param"]) == (code, param)
    error = error_of(tell(desk, "response.create", response={"turn_detection": None}))
    assert error["param"] == "response.turn_detection"


def test_beta_restores_with_its_own_content_types() -> None:
    """An assistant's `text` is taken, and shown as `text`."""
    desk = new_desk("beta")
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]}
    reaction = tell(desk, "conversation.item.create", item=item)
    (created,) = (json.loads(text) for text in desk.wire(reaction.events))
    assert created["item"]["content"] == [{"type": "text", "text": "Hello."}]
    aside = {"conversation": "none", "input": [item], "modalities": ["text"], "max_response_output_tokens": 9}
    response = tell(desk, "response.create", response=aside).started
    assert response is not None
    assert response.settings.max_output_tokens == 9


def test_limits_are_the_documented_ones() -> None:
    """An append takes the 15 MiB of the live service."""
    assert items.APPEND_LIMIT_BYTES == 15 * 1024 * 1024
