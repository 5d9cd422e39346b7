"""What a run may cost, as a range with its reasons."""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.batch.estimate import Estimate
from geppetto.pricing.price_list import PriceList
from geppetto.realtime.usage import Usage

if TYPE_CHECKING:
    from geppetto.pricing.cost import Cost

TODAY = date(2026, 11, 21)
MODEL = "gpt-realtime-2.1"


def estimate(
    *questions: str,
    audio: bool = True,
    conversation: bool = False,
    instructions_chars: int = 0,
    max_output_tokens: int | None = None,
) -> Estimate:
    """Return the estimate of *questions*."""
    found = Estimate(
        audio=audio,
        conversation=conversation,
        instructions_chars=instructions_chars,
        max_output_tokens=max_output_tokens,
    )
    for question in questions:
        found.add(question, instructions=None, spoken=False)
    return found


def costs(found: Estimate) -> tuple[Cost, Cost] | None:
    """Return what it costs at OpenAI."""
    return PriceList().estimate(MODEL, found.low, found.high, provider_host="api.openai.com", when=TODAY)


def test_text_is_two_to_six_characters_a_token() -> None:
    """The instructions go with each question."""
    found = estimate("x" * 12, instructions_chars=60)
    assert found.low.input_text_tokens == 2 + 10
    assert found.high.input_text_tokens == 6 + 30 + 2 * 8


def test_a_questions_own_instructions_take_the_place_of_the_sessions() -> None:
    """They are not sent beside them."""
    found = estimate(instructions_chars=6000)
    found.add("x" * 6, instructions="y" * 6, spoken=False)
    assert found.low.input_text_tokens == 2


def test_a_spoken_question_has_ten_tokens_a_second() -> None:
    """Its text is not sent; a length that is not known is anything that is accepted."""
    known, unknown = estimate(), estimate()
    known.add("What?", instructions=None, spoken=True, spoken_ms=2_050)
    unknown.add("What?", instructions=None, spoken=True)
    assert [known.low.input_audio_tokens, known.high.input_audio_tokens] == [21, 21]
    assert [unknown.low.input_audio_tokens, unknown.high.input_audio_tokens] == [1, 6000]
    assert known.low.input_text_tokens == 0
    assert known.spoken == 1


def test_an_answer_has_twenty_tokens_a_second_and_its_words() -> None:
    """From 2 to 60 s."""
    found = estimate("x")
    assert (found.low.output_audio_tokens, found.low.output_text_tokens) == (40, 6)
    assert (found.high.output_audio_tokens, found.high.output_text_tokens) == (1200, 200)


def test_written_answers_have_no_audio() -> None:
    """Nor does their history."""
    found = estimate("x", "y", audio=False, conversation=True)
    assert found.high.output_audio_tokens == found.high.input_audio_tokens == 0
    assert found.high.output_text_tokens == 2 * 500


@settings(deadline=None)
@given(limit=st.integers(1, 3000), audio=st.booleans())
def test_a_limit_holds_for_words_and_sound_together(limit: int, audio: bool) -> None:
    """No answer is estimated above it."""
    found = estimate("x", audio=audio, max_output_tokens=limit)
    assert found.low.output_tokens == min(limit, 46 if audio else 6)
    assert found.high.output_tokens == min(limit, 1400 if audio else 500)


def test_a_conversation_grows() -> None:
    """The second question brings the first one and its answer along; alone it does not."""
    alone, together = estimate("x" * 12, "y" * 12), estimate("x" * 12, "y" * 12, conversation=True)
    assert together.high.input_tokens - alone.high.input_tokens == (6 + 8) + 1400
    assert together.low.input_tokens - alone.low.input_tokens == 2 + 46
    assert together.high.output_tokens == alone.high.output_tokens


def test_what_was_said_is_cached_at_best() -> None:
    """The low end takes all of it for cached, the high end nothing."""
    found = estimate("x" * 12, "y" * 12, conversation=True, instructions_chars=60)
    assert found.low.cached_tokens == 10 + 2 + 46
    assert found.low.cached_audio_tokens == 40
    assert found.high.cached_tokens == 0


def test_a_conversation_does_not_grow_for_ever() -> None:
    """The model keeps 28,000 to 128,000 tokens of it."""
    found = estimate(*["x" * 12] * 3000, conversation=True)
    before = found.low, found.high
    found.add("x" * 12, instructions=None, spoken=False)
    assert found.low.input_tokens - before[0].input_tokens == 28_000 + 2
    assert found.high.input_tokens - before[1].input_tokens == 128_000 + 6 + 8


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    """Return the estimate of any run."""
    found = Estimate(
        audio=draw(st.booleans()),
        conversation=draw(st.booleans()),
        instructions_chars=draw(st.integers(0, 5000)),
        max_output_tokens=draw(st.none() | st.integers(1, 5000)),
    )
    for question in draw(st.lists(st.text(max_size=50), max_size=20)):
        found.add(
            question,
            instructions=draw(st.none() | st.just("Be short.")),
            spoken=draw(st.booleans()),
            spoken_ms=draw(st.none() | st.floats(100, 600_000)),
        )
    return found


@settings(deadline=None)
@given(estimates())
def test_the_low_end_is_below_the_high_one(found: Estimate) -> None:
    """In all that costs, and the figures of both ends agree with themselves, so there is a price."""
    for name in ("input_tokens", "output_tokens", "total_tokens", "input_audio_tokens", "output_audio_tokens"):
        assert getattr(found.low, name) <= getattr(found.high, name)
    priced = costs(found)
    if found.low == Usage():
        return
    assert priced is not None
    assert Decimal(0) < priced[0].usd <= priced[1].usd


def test_the_estimate_for_people() -> None:
    """Counts, tokens, money, and what it stands on."""
    found = estimate("What is 12 times 7?", "And 13?", conversation=True, instructions_chars=200)
    found.bad_lines = 1
    lines = found.lines(MODEL, costs(found))
    assert lines[0] == "2 questions · 1 malformed line"
    assert lines[1] == "124 to 1,664 tokens in, 92 to 2,800 out"
    assert lines[2].startswith("$0.")
    assert f" for {MODEL}, by " in lines[2]
    assert lines[3].startswith(
        "assumed: a token of text has 2 to 6 characters; an answer speaks for 2 to 60 s; each "
    )


def test_a_model_without_a_price() -> None:
    """The tokens are told, the money is not, and the next step is."""
    lines = estimate("x").lines("my\x1bmodel", None)
    assert lines[2] == "A price that my\\x1bmodel needs is not known here. --prices-file tells it."


def test_nothing_to_ask() -> None:
    """There is no price to miss."""
    assert estimate().lines(MODEL, None)[:2] == ["0 questions", "0 to 0 tokens in, 0 to 0 out"]
    assert len(estimate().lines(MODEL, None)) == 3


def test_the_estimate_for_programs() -> None:
    """Tokens as in every other file, and the two costs."""
    found = estimate("x", max_output_tokens=100)
    value = json.loads(json.dumps(found.as_json(MODEL, costs(found))))
    assert list(value) == [
        "schema", "questions", "spoken", "malformed_lines", "model", "usage", "cost", "assumptions",
    ]  # fmt: skip
    assert Usage.from_record(value["usage"]["high"]) == found.high
    assert 0 < value["cost"]["low"]["usd"] < value["cost"]["high"]["usd"]
    assert "and 100 tokens at the most" in value["assumptions"]
    assert estimate("x").as_json(MODEL, None)["cost"] is None


def test_an_example_by_hand() -> None:
    """One short question to gpt-realtime-2.1: 32 and 64 dollars for a million tokens of audio, 4 and 24 of text."""
    found = estimate("x" * 12)
    low, _ = costs(found) or (None, None)
    assert low is not None
    assert math.isclose(low.usd, (2 * 4 + 6 * 24 + 40 * 64) / 1e6)
