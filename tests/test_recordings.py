"""What real servers sent, played back to a whole chat with their provider: no byte, word or token is lost."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest
import yaml

from tests.fakes.program import frames, transcripts
from tests.providers.saying import PCM
from tests.providers.stage import assert_quiet, talking

if TYPE_CHECKING:
    from tests.fakes.scripted_server import Event, Peer

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@attrs.frozen
class Source:
    """Where a recording is from."""

    provider: str
    target: str
    beta: bool = False


SOURCES: Final = {
    "openai_text_to_audio": Source("openai", "/v1/realtime"),
    "openai_speech_server_vad": Source("openai", "/v1/realtime"),
    "openai_tool_call": Source("openai", "/v1/realtime"),
    "azure_text_to_audio": Source("azure", "/openai/v1/realtime"),
    "azure_voice_live_text_to_audio_beta": Source(
        "azure-preview", "/voice-live/realtime?api-version=2026-04-10", beta=True
    ),
}


@attrs.frozen
class Recorded:
    """One response of a recording."""

    response_id: str
    transcript: str
    pcm: bytes
    """As the client must write it: a lost last half of a frame is padded, because payloads were cut to 33 bytes."""
    tokens: dict[str, int]
    """Total, input, output, and of which kind they were."""


def load(name: str) -> list[tuple[str, Event]]:
    """Return the direction and the event of each message, or skip the test where there are no recordings."""
    path = RECORDINGS / f"{name}.yaml"
    if not path.exists():
        pytest.skip(f"the recordings are not here ({path.name} in {RECORDINGS.name}/)")
    interactions: list[dict[str, Any]] = yaml.safe_load(path.read_text())["interactions"]
    return [(each["direction"], each["data"]) for each in interactions if each["kind"] == "message"]


def responses(messages: list[tuple[str, Event]]) -> list[Recorded]:
    """Return what was said in each response, taken from the recording without any code of the client."""
    events = [event for direction, event in messages if direction == "received"]
    recorded = []
    for response_id in (event["response"]["id"] for event in events if event["type"] == "response.created"):
        own = [event for event in events if event.get("response_id") == response_id]
        texts = [
            event.get("transcript") or event.get("text")
            for event in own
            if event["type"].endswith(("audio_transcript.done", "_text.done"))
        ]
        pcm = b"".join(base64.b64decode(event["delta"]) for event in own if event["type"].endswith("audio.delta"))
        (usage,) = (
            event["response"]["usage"]
            for event in events
            if event["type"] == "response.done" and event["response"]["id"] == response_id
        )
        text = "\n".join(filter(None, texts))
        recorded.append(Recorded(response_id, text, pcm + b"\x00" * (len(pcm) % 2), tokens(usage)))
    return recorded


def tokens(usage: dict[str, Any]) -> dict[str, int]:
    """Return the figures of a recorded usage by the names that Geppetto has for them."""
    inputs, outputs = usage["input_token_details"], usage["output_token_details"]
    return {
        "total_tokens": usage["total_tokens"],
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "input_text_tokens": inputs["text_tokens"],
        "input_audio_tokens": inputs["audio_tokens"],
        "cached_tokens": inputs["cached_tokens"],
        "output_text_tokens": outputs["text_tokens"],
        "output_audio_tokens": outputs["audio_tokens"],
    }


def heard(messages: list[tuple[str, Event]]) -> list[str]:
    """Return what was made of spoken questions."""
    kind = "conversation.item.input_audio_transcription.completed"
    return [event["transcript"].strip() for _, event in messages if event["type"] == kind]


def turns(messages: list[tuple[str, Event]]) -> list[list[Event]]:
    """
    Cut what was received into the opening and one piece for each response.

    A piece begins where the recording's client spoke for the last time before the response was created: typed
    text, a spoken question, or the output of a tool, instead of which our client asks a typed question.
    """
    pieces: list[list[Event]] = [[]]
    spoke = False
    for direction, event in messages:
        if direction == "sent":
            spoke = event["type"] in {"response.create", "input_audio_buffer.append"}
            continue
        if spoke:
            pieces.append([])
            spoke = False
        pieces[-1].append(event)
    return pieces


def test_every_recording_is_played() -> None:
    """None of those that are here is left out."""
    if not RECORDINGS.exists():
        pytest.skip(f"the recordings are not here ({RECORDINGS.name}/)")
    assert {path.stem for path in RECORDINGS.glob("*.yaml")} == SOURCES.keys()


@pytest.mark.parametrize("name", SOURCES)
async def test_a_recording_comes_out_as_it_was(tmp_path: Path, name: str) -> None:
    """Each response of a recording gives its WAV, byte for byte, its transcript and its tokens."""
    messages = load(name)
    source = SOURCES[name]
    recorded = responses(messages)
    opening, *answers = turns(messages)
    assert len(answers) == len(recorded) > 0
    said = heard(messages)

    async def story(peer: Peer) -> None:
        await peer.send(opening[0])
        await peer.expect("session.update")
        await peer.send(*opening[1:])
        for events in answers:
            await peer.expect("response.create")
            await peer.send(*events)
        await peer.client_left()

    aloud = PCM if said else None
    async with talking(story, tmp_path, source.provider, target=source.target, model="recorded") as at:
        got = [await at.chat.ask(f"Question {number}.", audio=aloud) for number in range(len(recorded))]
    assert [answer.status for answer in got] == ["completed"] * len(got)
    assert [answer.response_id for answer in got] == [each.response_id for each in recorded]
    assert [answer.text for answer in got] == [each.transcript for each in recorded]
    played = [frames(answer.audio_file) if answer.audio_file is not None else b"" for answer in got]
    assert played == [each.pcm for each in recorded]
    assert transcripts(tmp_path) == [each.transcript or "No transcript available" for each in recorded]
    for answer, each in zip(got, recorded, strict=True):
        assert {name: getattr(answer.usage, name) for name in each.tokens} == each.tokens
        assert answer.usage.total_tokens > 0
        assert (answer.cost is None) == bool(each.tokens["input_audio_tokens"])  # for which there is no price here
    assert at.screen.heard == said
    beta_header = at.seen.header("OpenAI-Beta")
    assert beta_header == ("realtime=v1" if source.beta else None)
    if not said:
        assert_quiet(at)
