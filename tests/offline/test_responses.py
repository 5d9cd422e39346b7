"""One response without a socket: words, deltas, pace, and the cost."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.offline.items import Item
from geppetto.offline.prompt import Prompt
from geppetto.offline.responses import OngoingResponse, Pace, ResponseSettings, deltas, words

PIECE = bytes(4_800)


def new_response(modality: Literal["audio", "text"] = "audio", limit: int | None = None) -> OngoingResponse:
    body: dict[str, object] = {"id": "item_1", "type": "message", "role": "assistant", "content": []}
    return OngoingResponse(
        response_id="resp_1",
        conversation_id="conv_1",
        item=Item(body=body | {"status": "in_progress"}),
        previous_item_id=None,
        prompt=Prompt(question="", history=(), instructions="", reply=None, text_tokens=3, audio_tokens=0),
        settings=ResponseSettings(modality=modality, voice="alloy", max_output_tokens=limit, metadata=None),
    )


def done_of(events: list[dict[str, object]]) -> dict[str, Any]:
    (done,) = (event["response"] for event in events if event["type"] == "response.done")
    assert isinstance(done, dict)
    return done


@given(st.text())
def test_words_lose_nothing(text: str) -> None:
    """Joined, the words are the text again."""
    assert "".join(words(text)) == text


def test_words_keep_the_space_before_them() -> None:
    """A word brings the white space that stands before it."""
    assert words("One two,\n three. ") == ["One", " two,", "\n three.", " "]


@given(st.binary(max_size=20_000))
def test_deltas_lose_nothing(pcm: bytes) -> None:
    """Joined, the deltas are the audio again; all but the last hold 100 ms."""
    pieces = deltas(pcm)
    assert b"".join(pieces) == pcm
    assert all(len(piece) == 4_800 for piece in pieces[:-1])


def test_budget_counts_words_and_audio() -> None:
    """What max_output_tokens does not allow is not said, and not counted."""
    response = new_response(limit=4)
    assert response.say("Four") is not None  # 1 token
    assert response.sound(PIECE) is not None  # 2 tokens: 100 ms
    assert response.sound(PIECE) is None
    assert response.say(" more") is not None
    assert response.say(" no") is None
    done = done_of(response.finish("incomplete", "max_output_tokens"))
    assert done["usage"]["output_token_details"] == {"text_tokens": 2, "audio_tokens": 2}
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "Four more"}]


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_failed_response_says_why(modality: Literal["audio", "text"]) -> None:
    """A failed response carries its error, and its item is incomplete."""
    error: dict[str, object] = {"type": "server_error", "code": "voice_unavailable", "message": "No voice."}
    done = done_of(new_response(modality).finish("failed", error=error))
    assert done["status_details"] == {"type": "failed", "error": error}
    assert done["output"][0]["status"] == "incomplete"


def test_pace_lets_the_lead_go_at_once_and_then_keeps_time() -> None:
    """The first second of a one-second lead does not wait; each later piece waits for the one before it."""
    pace = Pace(lead_s=1.0)
    assert [pace.wait_s(50.0, PIECE) for _ in range(10)] == pytest.approx([0.0] * 10)
    assert pace.wait_s(50.0, PIECE) == pytest.approx(0.1)
    assert pace.wait_s(50.1, PIECE) == pytest.approx(0.1)
    assert pace.wait_s(50.5, PIECE) == pytest.approx(0.0)


def test_pace_starts_again_after_a_gap() -> None:
    """A listener who ran dry gets the lead anew, not the whole time that was lost."""
    pace = Pace(lead_s=0.2)
    pace.wait_s(0.0, PIECE)
    assert [pace.wait_s(60.0, PIECE) for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])


def test_pace_without_lead_never_waits() -> None:
    """A lead of 0 means no pacing at all."""
    pace = Pace(lead_s=0.0)
    assert {pace.wait_s(1.0, PIECE) for _ in range(100)} == {0.0}
