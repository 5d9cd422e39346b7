"""What real servers sent, played back to the whole client: no byte of audio and no word is lost."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pytest
import yaml

from tests.fakes.chatting import chatting
from tests.fakes.program import frames, transcripts

if TYPE_CHECKING:
    from tests.fakes.scripted_server import Event, Peer

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
NAMES: dict[str, Literal["ga", "beta"]] = {
    "openai_text_to_audio": "ga",
    "openai_speech_server_vad": "ga",
    "openai_tool_call": "ga",
    "azure_text_to_audio": "ga",
    "azure_voice_live_text_to_audio_beta": "beta",
}


@attrs.frozen
class Recorded:
    """One response of a recording."""

    response_id: str
    transcript: str
    pcm: bytes
    """As the client must write it: a lost last half of a frame is padded, because payloads were cut to 33 bytes."""


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
        recorded.append(Recorded(response_id, "\n".join(filter(None, texts)), pcm + b"\x00" * (len(pcm) % 2)))
    return recorded


def turns(messages: list[tuple[str, Event]]) -> list[list[Event]]:
    """
    Cut what was received into the opening and one piece for each response.

    A piece begins where the recording's client spoke for the last time before the response was created: typed
    text, a spoken question, or the output of a tool; our client asks a typed question instead of each.
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


@pytest.mark.parametrize("name", NAMES)
async def test_a_recording_comes_out_as_it_was(tmp_path: Path, name: str) -> None:
    """Each response of a recording gives its WAV, byte for byte, and its transcript."""
    messages = load(name)
    recorded = responses(messages)
    opening, *answers = turns(messages)
    assert len(answers) == len(recorded) > 0

    async def story(peer: Peer) -> None:
        await peer.send(opening[0])
        await peer.expect("session.update")
        await peer.send(*opening[1:])
        for events in answers:
            await peer.expect("response.create")
            await peer.send(*events)
        await peer.client_left()

    async with chatting(story, tmp_path, dialect=NAMES[name]) as at:
        got = [await at.chat.ask(f"Question {number}.") for number in range(len(recorded))]
    assert [answer.status for answer in got] == ["completed"] * len(got)
    assert [answer.response_id for answer in got] == [each.response_id for each in recorded]
    assert [answer.text for answer in got] == [each.transcript for each in recorded]
    heard = [frames(answer.audio_file) if answer.audio_file is not None else b"" for answer in got]
    assert heard == [each.pcm for each in recorded]
    assert transcripts(tmp_path) == [each.transcript or "No transcript available" for each in recorded]
    assert got[-1].usage.total_tokens > 0
    assert at.chat.metrics.bad_messages == 0
    assert not at.chat.metrics.errors
    beta_header = at.server.seen.header("OpenAI-Beta")
    assert beta_header == ("realtime=v1" if NAMES[name] == "beta" else None)
