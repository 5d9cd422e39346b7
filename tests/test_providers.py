"""Providers: their hosts, their headers, and the session that each is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio

from geppetto.config import ClientConfig
from geppetto.errors import ConfigError
from geppetto.providers import PROVIDERS
from geppetto.realtime.client_events import CreateTextItem, UpdateSession
from tests.fakes.chatting import chatting
from tests.fakes.scripted_server import answers

if TYPE_CHECKING:
    from pathlib import Path

BOUND_S = 20.0


def session(provider: str, **settings: Any) -> dict[str, Any]:  # noqa: ANN401  # each test knows its settings
    """Return the session that `session.update` asks *provider* for."""
    config = ClientConfig(provider=provider, **settings)
    text = config.protocol.encode(UpdateSession(event_id="e", settings=config.session_settings))
    asked: dict[str, Any] = json.loads(text)["session"]
    return asked


def test_xai_has_a_flat_voice_and_no_type() -> None:
    """Voice and turn detection stand at the top, formats do not; it always speaks, so no modality is asked for."""
    asked = session("xai", instructions="i")
    pcm = {"type": "audio/pcm", "rate": 24_000}
    assert asked == {
        "max_output_tokens": "inf",
        "audio": {"input": {"format": pcm, "transcription": None}, "output": {"format": pcm}},
        "turn_detection": None,
        "voice": "eve",
        "instructions": "i",
    }
    assert "voice" not in session("xai", voice="")
    item = CreateTextItem(event_id="e", role="assistant", text="t")
    assert '"content":[{"type":"text","text":"t"}]' in ClientConfig(provider="xai").protocol.encode(item)


@pytest.mark.parametrize("provider", ["localai", "speaches", "huggingface"])
def test_servers_with_voices_of_their_own_choose_theirs(provider: str) -> None:
    """No voice of OpenAI is asked of them, unless one is named."""
    assert "marin" not in str(session(provider))
    assert "alloy" not in str(session(provider))
    assert "'voice': 'v'" in str(session(provider, voice="v"))


def test_the_dialects_of_providers() -> None:
    """Azure's preview and speaches speak the beta; another dialect that is asked for is spoken as it is written."""
    beta = {name for name, one in PROVIDERS.items() if one.dialect.name == "beta"}
    assert beta == {"azure-preview", "speaches"}
    assert session("speaches")["modalities"] == ["text", "audio"]
    assert session("huggingface")["type"] == "realtime"
    assert ClientConfig(provider="xai", dialect="beta").protocol.default_voice == "alloy"


def test_the_python_api_knows_providers_too() -> None:
    """The address is the provider's by default; one with a placeholder has to be named."""
    assert ClientConfig(provider="xai").endpoint == "wss://api.x.ai/v1/realtime?model=grok-voice-latest"
    assert ClientConfig().served_by.auth_header("k") == ("Authorization", "Bearer k")
    with pytest.raises(ConfigError, match="azure needs resource"):
        ClientConfig(provider="azure")


@pytest.mark.parametrize(
    ("provider", "url", "serves"),
    [
        ("openai", "wss://API.openai.com:443/x", True),
        ("openai", "wss://api.openai.com.evil.example/", False),
        ("azure", "wss://a-1.openai.azure.com/x", True),
        ("azure", "wss://a.b.openai.azure.com/x", False),
        ("azure", "wss://-.openai.azure.com/x", False),
        ("azure", "wss://openai.azure.com/x", False),
        ("azure", "wss://xopenai.azure.com/x", False),
        ("xai", "wss://apixxai/", False),
        ("localai", "ws://localhost:8080/", True),
        ("localai", "ws://localhost:8081/", False),
    ],
)
def test_the_hosts_of_providers(provider: str, url: str, serves: bool) -> None:
    """Exactly theirs: no neighbour, no prefix, no other port of this machine."""
    assert PROVIDERS[provider].serves(url) is serves


@pytest.mark.parametrize("resource", ["", "a.b", "a/", "a@b", "a:1", "a#", "-a", "a-", "ä", "a" * 64, "a\n"])
def test_a_placeholder_takes_one_part_of_a_host(resource: str) -> None:
    """So it can't lead to another host."""
    with pytest.raises(ConfigError, match="must be one part of a host name"):
        PROVIDERS["azure"].fill({"resource": resource})
    assert PROVIDERS["azure"].fill({"resource": "a-1"}) == "wss://a-1.openai.azure.com/openai/v1/realtime"


@pytest.mark.parametrize(
    ("provider", "header", "value"),
    [("azure", "api-key", "k-1"), ("xai", "Authorization", "Bearer k-1"), (None, "Authorization", "Bearer k-1")],
)
async def test_the_key_goes_in_the_header_that_the_provider_reads(
    tmp_path: Path, provider: str | None, header: str, value: str
) -> None:
    """One header has the key, and no other."""
    with trio.fail_after(BOUND_S):
        async with chatting(answers(["Yes."]), tmp_path, provider=provider, api_key="k-1") as at:
            assert (await at.chat.ask("There?")).text == "Yes."
    assert at.server.seen.header(header) == value
    assert str(at.server.seen.headers).count("k-1") == 1


def test_the_ways_of_providers() -> None:
    """Who cannot truncate, who answers speech by itself, and where nobody knows a transcribing model."""
    ways = {name: provider.dialect for name, provider in PROVIDERS.items()}
    assert {name for name, way in ways.items() if not way.truncates} == {"xai", "speaches"}
    assert {name for name, way in ways.items() if way.listening.answers} == {"localai", "speaches", "huggingface"}
    assert {name for name, way in ways.items() if way.listening.silence_ms} == {"huggingface"}
    named = {name for name, way in ways.items() if way.default_transcription_model}
    assert named == {"openai", "azure-preview", "litellm", "offline"}


def test_speaches_is_sent_no_null() -> None:
    """One drops the whole update, and a format is answered by an error."""
    asked = session("speaches", modality="text", instructions="i", voice="v", speed=1.1, max_output_tokens=9)
    assert None not in asked.values()
    assert not {"input_audio_format", "output_audio_format", "input_audio_transcription"} & asked.keys()
    assert (asked["modalities"], asked["voice"], asked["max_response_output_tokens"]) == (["text"], "v", 9)
