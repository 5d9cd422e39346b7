"""The session object: defaults, deep merge, and updates that are refused whole."""

from __future__ import annotations

from typing import Any

import pytest

from geppetto.offline.checks import Refused
from geppetto.offline.session import Session

PCM = {"type": "audio/pcm", "rate": 24_000}


def new_session(*, beta: bool = False) -> Session:
    return Session(session_id="sess_1", model="gpt-realtime", expires_at=1_795_300_000, beta=beta)


def test_defaults_are_those_of_the_live_service() -> None:
    """A new session has server_vad on, no transcription, audio out, and voice alloy, as recorded."""
    wire = new_session().wire()
    assert wire.pop("instructions")
    assert wire == {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 1_795_300_000,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }


def test_update_changes_only_what_it_names() -> None:
    """A deep update leaves its neighbours alone at every level."""
    session = new_session()
    before = session.wire()
    session.update({"type": "realtime", "audio": {"output": {"voice": "marin"}}})
    session.update({"type": "realtime", "audio": {"input": {"turn_detection": None}}, "instructions": ""})
    after = session.wire()
    assert session.get("audio", "output") == {"format": PCM, "voice": "marin", "speed": 1.0}
    assert session.get("audio", "input", "turn_detection") is None
    assert after["instructions"] == ""
    assert {**after, "audio": 0, "instructions": 0} == {**before, "audio": 0, "instructions": 0}


def test_turn_detection_merges_with_its_own_kind_only() -> None:
    """Settings of server_vad stay under server_vad; another kind starts from its defaults."""
    session = new_session()

    def update(detection: dict[str, Any] | None) -> object:
        session.update({"type": "realtime", "audio": {"input": {"turn_detection": detection}}})
        return session.get("audio", "input", "turn_detection")

    update({"type": "server_vad", "threshold": 0.9})
    kept = update({"type": "server_vad", "create_response": False})
    assert isinstance(kept, dict)
    assert (kept["threshold"], kept["create_response"]) == (0.9, False)
    assert update({"type": "semantic_vad", "eagerness": "low"}) == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": True,
    }
    update(None)
    fresh = update({"type": "server_vad"})
    assert isinstance(fresh, dict)
    assert fresh["threshold"] == 0.5


def test_transcription_is_shown_with_its_unset_fields() -> None:
    """A transcription model shows language and prompt as null, as recorded."""
    session = new_session()
    session.update({"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}})
    assert session.get("audio", "input", "transcription") == {"model": "whisper-1", "language": None, "prompt": None}


def test_what_is_sent_is_a_copy() -> None:
    """Changing what `wire` returned does not change the session."""
    session = new_session()
    session.wire()["tools"] = ["changed"]
    assert session.get("tools") == []


TOOL = {"type": "function", "name": "now", "description": "The time.", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    "patch",
    [
        {"audio": {"output": {"speed": 1.5, "format": PCM}}},
        {"audio": {"output": {"voice": {"id": "voice_1"}}}},
        {"audio": {"input": {"noise_reduction": {"type": "near_field"}, "format": PCM}}},
        {"max_output_tokens": 4096},
        {"max_output_tokens": "inf"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "now"}},
        {"tool_choice": "required", "parallel_tool_calls": True, "reasoning": {"effort": "low"}},
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.5}},
        {"tracing": {"workflow_name": "test"}},
        {"tracing": "auto", "prompt": None, "include": ["item.input_audio_transcription.logprobs"]},
        {"model": "gpt-realtime"},
    ],
)
def test_valid_updates(patch: dict[str, Any]) -> None:
    """What the live service takes is taken, and shown."""
    session = new_session()
    session.update({"type": "realtime", **patch})
    for name, value in patch.items():
        if not isinstance(value, dict):
            assert session.get(name) == value


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"voice": "alloy"}, "unknown_parameter", "session.voice"),
        ({"audio": {"output": {"pitch": 1}}}, "unknown_parameter", "session.audio.output.pitch"),
        ({"id": "sess_2"}, "unknown_parameter", "session.id"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": None}, "invalid_type", "session.type"),
        ({"model": "gpt-other"}, "invalid_value", "session.model"),
        ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": []}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": ["video"]}, "invalid_value", "session.output_modalities[0]"),
        ({"output_modalities": "audio"}, "invalid_type", "session.output_modalities"),
        ({"instructions": 7}, "invalid_type", "session.instructions"),
        ({"max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"max_output_tokens": 4097}, "invalid_value", "session.max_output_tokens"),
        ({"max_output_tokens": True}, "invalid_type", "session.max_output_tokens"),
        ({"max_output_tokens": "many"}, "invalid_value", "session.max_output_tokens"),
        ({"audio": {"output": {"speed": 0.2}}}, "invalid_value", "session.audio.output.speed"),
        ({"audio": {"output": {"speed": "fast"}}}, "invalid_type", "session.audio.output.speed"),
        ({"audio": {"output": {"voice": {}}}}, "missing_required_parameter", "session.audio.output.voice.id"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"output": {"format": {"type": "audio/pcmu"}}}},
            "invalid_value",
            "session.audio.output.format.type",
        ),
        ({"audio": {"output": {"format": "pcm16"}}}, "invalid_type", "session.audio.output.format"),
        (
            {"audio": {"input": {"turn_detection": {"threshold": 1}}}},
            "missing_required_parameter",
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "eagerness": "low"}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection.eagerness",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 1}}}},
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tools": [{"type": "mcp", "name": "x"}]}, "invalid_value", "session.tools[0].type"),
        ({"tool_choice": "maybe"}, "invalid_value", "session.tool_choice"),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_value", "session.prompt"),
        (
            {"truncation": {"type": "retention_ratio"}},
            "missing_required_parameter",
            "session.truncation.retention_ratio",
        ),
    ],
)
def test_refused_updates_change_nothing(patch: dict[str, Any], code: str, param: str) -> None:
    """One bad setting refuses the whole update, with the code and the path of the live service."""
    session = new_session()
    before = session.wire()
    with pytest.raises(Refused) as caught:
        session.update({"type": "realtime", "instructions": "good", **patch})
    assert (caught.value.code, caught.value.param) == (code, param)
    assert session.wire() == before


def test_type_is_required() -> None:
    """GA wants `type` in every session.update."""
    with pytest.raises(Refused, match=r"session\.type") as caught:
        new_session().update({"instructions": "x"})
    assert caught.value.code == "missing_required_parameter"


def test_voice_is_locked_once_it_was_heard() -> None:
    """After assistant audio another voice is refused whole; the same one is not."""
    session = new_session()
    session.update({"type": "realtime", "audio": {"output": {"voice": "alloy"}}}, voice_locked=True)
    with pytest.raises(Refused) as caught:
        session.update(
            {"type": "realtime", "instructions": "new", "audio": {"output": {"voice": "cedar"}}}, voice_locked=True
        )
    assert caught.value.code == "cannot_update_voice"
    assert session.get("instructions") != "new"


def test_temperature_lives_in_the_beta_only() -> None:
    """A beta session has a temperature from 0.6 to 1.2."""
    session = new_session(beta=True)
    session.update({"type": "realtime", "temperature": 1.2})
    assert session.wire()["temperature"] == 1.2
    with pytest.raises(Refused, match=r"0\.6 to 1\.2"):
        session.update({"type": "realtime", "temperature": 0.5})
