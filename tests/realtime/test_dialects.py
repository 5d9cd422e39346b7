"""What is sent, in either dialect, judged by the official package's types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, cast

import attrs
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geppetto.realtime.client_events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    CommitAudio,
    CreateAudioItem,
    CreateResponse,
    CreateTextItem,
    SessionSettings,
    TruncateItem,
    UpdateSession,
)
from geppetto.realtime.compatible import XAI
from geppetto.realtime.dialects import BETA, DIALECTS, GA, Dialect
from tests.official_types import check_client_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.realtime.client_events import ClientEvent, Modality

FULL = SessionSettings(
    instructions="Be brief.", voice="ash", speed=1.25, max_output_tokens=100, transcription_model="whisper-1"
)
OPTIONAL = {
    "instructions": st.none() | st.text(),
    "voice": st.none() | st.sampled_from(["alloy", "ash", "verse"]),
    "speed": st.none() | st.floats(0.25, 1.5),
    "max_output_tokens": st.none() | st.integers(1, 4096),
    "transcription_model": st.none() | st.sampled_from(["whisper-1", "gpt-4o-transcribe"]),
}


def wire(dialect: Dialect, event: ClientEvent) -> dict[str, Any]:
    """Return the JSON of *event*."""
    return cast("dict[str, Any]", json.loads(dialect.encode(event)))


def session(dialect: Dialect, settings: SessionSettings, before: SessionSettings | None = None) -> Mapping[str, Any]:
    """Return the session of a `session.update`."""
    return cast(
        "Mapping[str, Any]", wire(dialect, UpdateSession(event_id="e", settings=settings, before=before))["session"]
    )


EVENTS: list[ClientEvent] = [
    UpdateSession(event_id="e", settings=SessionSettings()),
    UpdateSession(event_id="e", settings=FULL),
    UpdateSession(event_id="e", settings=SessionSettings(modality="text")),
    CreateTextItem(event_id="e", role="user", text="Hi"),
    CreateTextItem(event_id="e", role="assistant", text="Hi"),
    CreateTextItem(event_id="e", role="system", text="Hi"),
    CreateAudioItem(event_id="e", pcm=b"\1\0" * 50),
    AppendAudio(event_id="e", pcm=memoryview(b"\1\0" * 50)),
    CommitAudio(event_id="e"),
    ClearAudio(event_id="e"),
    TruncateItem(event_id="e", item_id="i", content_index=0, audio_end_ms=100),
    UpdateSession(event_id="e", settings=FULL, before=SessionSettings()),
    CreateResponse(event_id="e"),
    CreateResponse(event_id="e", instructions="In French."),
    CreateResponse(event_id="e", input=CreateTextItem(event_id="i", role="user", text="Hi")),
    CreateResponse(event_id="e", input=CreateAudioItem(event_id="i", pcm=b"\1\0" * 50), instructions=""),
    CancelResponse(event_id="e"),
    CancelResponse(event_id="e", response_id="r"),
]


@pytest.mark.parametrize("name", ["ga", "beta"])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_an_official_one(name: Literal["ga", "beta"], event: ClientEvent) -> None:
    """Each client event has the documented shape, its id, and the type that the log will name."""
    sent = wire(DIALECTS[name], event)
    check_client_event(sent, name)
    assert sent["event_id"] == "e"
    assert sent["type"] == Dialect.type_of(event)


@given(st.builds(SessionSettings, modality=st.sampled_from(["audio", "text"]), **OPTIONAL))
def test_any_settings_are_official_ones(settings: SessionSettings) -> None:
    """Whatever is set or left out, both dialects say it in documented words."""
    event = UpdateSession(event_id="e", settings=settings)
    check_client_event(wire(GA, event), "ga")
    check_client_event(
        wire(BETA, msgspec.structs.replace(event, settings=attrs.evolve(settings, temperature=0.8))), "beta"
    )


def test_pictures_are_official() -> None:
    """They stand before the text."""
    item = CreateTextItem(event_id="e", role="user", text="Hi", images=["data:image/png;base64,AA"])
    sent = wire(GA, item)
    check_client_event(sent, "ga")
    assert [part["type"] for part in cast("Any", sent)["item"]["content"]] == ["input_image", "input_text"]


SETTINGS = st.builds(SessionSettings, modality=st.sampled_from(["audio", "text"]), **OPTIONAL)


@given(SETTINGS, SETTINGS, st.sampled_from([GA, BETA, XAI]))
def test_a_change_says_what_is_different(before: SessionSettings, after: SessionSettings, dialect: Dialect) -> None:
    """What held and what is said, put together as the server does it, is what is wanted, if that can be said."""
    said = session(dialect, after, before)
    merged = merge(session(dialect, before), said)
    if dialect.can_change(before, after):
        assert merged == session(dialect, after)
    if before == after:
        assert said == {}
    if said and dialect is GA:
        check_client_event(wire(GA, UpdateSession(event_id="e", settings=after, before=before)), "ga")


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a deep partial merge makes of both."""
    both = dict(old)
    for key, value in new.items():
        both[key] = merge(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
    return both


def test_what_was_said_cannot_be_left_to_the_server_again() -> None:
    """That takes a new session."""
    assert GA.can_change(SessionSettings(), FULL)
    assert not GA.can_change(FULL, attrs.evolve(FULL, voice=None))
    assert GA.can_change(FULL, attrs.evolve(FULL, transcription_model=None))


def test_ga_session() -> None:
    """Nested; server-side turn detection is switched off by null, not left out."""
    pcm = {"type": "audio/pcm", "rate": 24_000}
    assert session(GA, FULL) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "max_output_tokens": 100,
        "audio": {
            "input": {"format": pcm, "turn_detection": None, "transcription": {"model": "whisper-1"}},
            "output": {"format": pcm, "voice": "ash", "speed": 1.25},
        },
    }


def test_beta_session() -> None:
    """Flat; audio takes both modalities, and turn detection is null as well."""
    assert session(BETA, attrs.evolve(FULL, temperature=0.7)) == {
        "modalities": ["text", "audio"],
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "max_response_output_tokens": 100,
        "turn_detection": None,
        "input_audio_transcription": {"model": "whisper-1"},
        "instructions": "Be brief.",
        "voice": "ash",
        "speed": 1.25,
        "temperature": 0.7,
    }


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_what_is_not_set_is_left_to_the_server(modality: Modality) -> None:
    """No voice, speed or instructions of ours; the token limit is `inf`, transcription is off."""
    ga, beta = (session(dialect, SessionSettings(modality=modality)) for dialect in (GA, BETA))
    assert ga["audio"]["output"].keys() == {"format"}
    assert ga["audio"]["input"]["transcription"] is None
    assert ga["output_modalities"] == [modality]
    assert beta["modalities"] == (["text"] if modality == "text" else ["text", "audio"])
    assert ga["max_output_tokens"] == beta["max_response_output_tokens"] == "inf"
    assert not {"instructions", "temperature"} & ga.keys()
    assert not {"instructions", "voice", "speed", "temperature"} & beta.keys()


@pytest.mark.parametrize(
    ("dialect", "role", "kind"),
    [
        (GA, "user", "input_text"),
        (GA, "system", "input_text"),
        (GA, "assistant", "output_text"),
        (BETA, "user", "input_text"),
        (BETA, "assistant", "text"),
    ],
)
def test_the_role_decides_the_content_type(
    dialect: Dialect, role: Literal["user", "assistant", "system"], kind: str
) -> None:
    """What the assistant said is another type than what was said to it, and in each dialect its own."""
    item = wire(dialect, CreateTextItem(event_id="e", role=role, text="Hi"))["item"]
    assert item == {"type": "message", "role": role, "content": [{"type": kind, "text": "Hi"}]}


@example("half \ud83d, whole \ud83d\ude00")
@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    """A frame is always UTF-8: half a surrogate pair becomes U+FFFD, two halves their character."""
    frame = GA.encode(CreateTextItem(event_id="e", role="user", text=text))
    sent = json.loads(frame.encode("utf-8"))["item"]["content"][0]["text"]
    assert sent == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def test_only_beta_has_its_header_and_its_temperature() -> None:
    """GA servers refuse the beta header, and know no temperature."""
    assert GA.headers == ()
    assert BETA.headers == (("OpenAI-Beta", "realtime=v1"),)
    assert GA.default_temperature is None
    assert BETA.default_temperature == 0.8


def test_a_spoken_question_is_one_message() -> None:
    """Its audio is base64 in a part of its own."""
    item = wire(GA, CreateAudioItem(event_id="e", pcm=b"\1\0\2\0"))["item"]
    assert item == {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AQACAA=="}]}


def test_an_independent_response_brings_its_own_question() -> None:
    """It is out of band, and its input is all it sees."""
    question = CreateTextItem(event_id="i", role="user", text="Hi")
    response = wire(BETA, CreateResponse(event_id="e", input=question, instructions="Be brief."))["response"]
    assert response["conversation"] == "none"
    assert response["instructions"] == "Be brief."
    assert [part["content"][0]["text"] for part in response["input"]] == ["Hi"]
    assert "response" not in wire(GA, CreateResponse(event_id="e"))
