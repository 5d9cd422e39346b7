"""The live service: opt-in (`-m live`), needs OPENAI_API_KEY and costs a few cents."""

from __future__ import annotations

import os
import wave
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto import ClientConfig, ServerRefused, open_chat

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live


def _config(tmp_path: Path, key: str | None) -> ClientConfig:
    if not os.environ.get("OPENAI_API_KEY"):
        pytest.skip("OPENAI_API_KEY is not set")
    return ClientConfig(api_key=key, audio_output_dir=tmp_path / "audio", log_dir=tmp_path / "logs")


async def test_two_questions_are_answered_in_one_conversation(tmp_path: Path) -> None:
    """The live service answers with text and audio, and remembers the first question at the second."""
    config = _config(tmp_path, os.environ.get("OPENAI_API_KEY"))
    with trio.fail_after(120):
        async with open_chat(config) as chat:
            first = await chat.ask("My favourite river is the Danube. Answer with OK.")
            second = await chat.ask("Which is my favourite river? Answer with its name alone.")
    assert (first.status, second.status) == ("completed", "completed")
    assert "danube" in second.text.lower()
    assert second.audio_file is not None
    with wave.open(str(second.audio_file)) as audio:
        assert audio.getparams()[:3] == (1, 2, 24_000)
        assert audio.getnframes() > 2_400
    assert second.usage.output_tokens > 0


async def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    """A wrong key ends at once, and the sentence says so."""
    config = _config(tmp_path, "sk-wrong")
    with trio.fail_after(60), pytest.raises(ServerRefused, match="key"):
        async with open_chat(config):
            await trio.sleep_forever()
