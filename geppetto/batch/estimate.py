"""
What a run will use and cost, before it is asked: a range, by assumptions that are told with it.

What is known is the text of the questions, and how long spoken ones are. The rest is assumed, see `assumptions`.

Source: "Managing costs" in the Realtime API guides, 2026-11: each response has all of the conversation before it as
its input; audio of the user has a token for each 100 ms, audio of the assistant one for each 50 ms; a message has
some tokens more than its content.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.pricing.cost import EMBEDDED
from geppetto.realtime.usage import Usage
from geppetto.text import escape_line

if TYPE_CHECKING:
    from geppetto.pricing.cost import Cost

INPUT_MS_PER_TOKEN: Final = 100
OUTPUT_MS_PER_TOKEN: Final = 50
SCHEMA: Final = 1


@attrs.frozen(kw_only=True)
class _End:
    """One end of the range."""

    chars_per_token: int
    message_tokens: int
    """Of a message, beside its content."""
    spoken_ms: int
    """Of a spoken question whose length is not known; the shortest and the longest that are accepted."""
    answer_ms: int
    """How long a spoken answer is; it has about 3 tokens of text a second."""
    answer_words_tokens: int
    written_tokens: int
    """Of an answer that is not spoken."""
    context_tokens: int
    """The most that the model keeps of a conversation: the API drops the rest without a word."""
    cached: bool
    """Whether what was in the last input counts as cached."""


_LOW: Final = _End(
    chars_per_token=6,
    message_tokens=0,
    spoken_ms=100,
    answer_ms=2_000,
    answer_words_tokens=6,
    written_tokens=6,
    context_tokens=28_000,
    cached=True,
)
_HIGH: Final = _End(
    chars_per_token=2,
    message_tokens=8,
    spoken_ms=600_000,
    answer_ms=60_000,
    answer_words_tokens=200,
    written_tokens=500,
    context_tokens=128_000,
    cached=False,
)
_WORDS_SHARES: Final = [
    Fraction(end.answer_words_tokens, end.answer_words_tokens + end.answer_ms // OUTPUT_MS_PER_TOKEN)
    for end in (_LOW, _HIGH)
]
"""How much of an answer's tokens are its words."""


@attrs.define
class _Tokens:
    text: int = 0
    audio: int = 0

    def add(self, other: _Tokens) -> None:
        self.text += other.text
        self.audio += other.audio


@attrs.define(kw_only=True)
class Estimate:
    """Added up question by question, in one pass and constant memory."""

    audio: bool
    """Whether answers are spoken."""
    conversation: bool
    """Whether each answer sees all before it."""
    instructions_chars: int
    max_output_tokens: int | None
    """Of one answer; None is no limit."""
    questions: int = 0
    spoken: int = 0
    """Of the questions."""
    bad_lines: int = 0
    low: Usage = attrs.field(factory=Usage)
    high: Usage = attrs.field(factory=Usage)
    _low_context: _Tokens = attrs.field(factory=_Tokens, init=False, repr=False)
    _high_context: _Tokens = attrs.field(factory=_Tokens, init=False, repr=False)

    def add(self, question: str, *, instructions: str | None, spoken: bool, spoken_ms: float | None = None) -> None:
        """
        Take one question into account.

        Args:
            question: its text.
            instructions: its own, which take the place of the session's.
            spoken: whether it is asked by audio; then its text is not sent.
            spoken_ms: how long that audio is; None if that is not known.
        """
        self.questions += 1
        self.spoken += spoken
        rules_chars = self.instructions_chars if instructions is None else len(instructions)
        chars = 0 if spoken else len(question)
        heard_ms = spoken_ms if spoken else 0
        self.low += self._usage(_LOW, self._low_context, rules_chars, chars, heard_ms)
        self.high += self._usage(_HIGH, self._high_context, rules_chars, chars, heard_ms)

    def assumptions(self) -> list[str]:
        """Return what the range stands on, in sentences."""
        sentences = [f"a token of text has {_HIGH.chars_per_token} to {_LOW.chars_per_token} characters"]
        if self.audio:
            sentences.append(f"an answer speaks for {_LOW.answer_ms // 1000} to {_HIGH.answer_ms // 1000} s")
        else:
            sentences.append(f"an answer has {_LOW.written_tokens} to {_HIGH.written_tokens} tokens")
        if self.max_output_tokens is not None:
            sentences.append(f"and {self.max_output_tokens:,} tokens at the most")
        if self.spoken:
            sentences.append(f"audio of a question has a token for each {INPUT_MS_PER_TOKEN} ms")
        if self.conversation and self.questions > 1:
            sentences.append(
                "each question brings what was said before it along, at best at the price of cached tokens"
            )
        sentences.append("nothing is asked twice, no reasoning, no transcription of spoken questions")
        return sentences

    def lines(self, model: str, costs: tuple[Cost, Cost] | None) -> list[str]:
        """
        Return the estimate for people, safe for a terminal.

        Args:
            model: its name.
            costs: of `low` and of `high`, as `PriceList.estimate` returns them; None if there is no price.
        """
        malformed = f" · {_plural(self.bad_lines, 'malformed line')}" if self.bad_lines else ""
        found = [
            f"{_plural(self.questions, 'question')}{malformed}",
            f"{self.low.input_tokens:,} to {self.high.input_tokens:,} tokens in, "
            f"{self.low.output_tokens:,} to {self.high.output_tokens:,} out",
        ]
        if costs is not None and costs[1].source == EMBEDDED:
            found.append(f"{EMBEDDED} costs nothing")
        elif costs is not None:
            found.append(f"{costs[0]} to {costs[1]} for {escape_line(model)}, by {escape_line(costs[1].source)}")
        elif self.questions:
            found.append(f"A price that {escape_line(model)} needs is not known here. --prices-file tells it.")
        found.append(f"assumed: {'; '.join(self.assumptions())}")
        return found

    def as_json(self, model: str, costs: tuple[Cost, Cost] | None) -> dict[str, object]:
        """Return the estimate for programs; see `lines` for the arguments."""
        return {
            "schema": SCHEMA,
            "questions": self.questions,
            "spoken": self.spoken,
            "malformed_lines": self.bad_lines,
            "model": model,
            "usage": {"low": self.low.as_json(), "high": self.high.as_json()},
            "cost": None if costs is None else {"low": costs[0].as_json(), "high": costs[1].as_json()},
            "assumptions": self.assumptions(),
        }

    def _usage(self, end: _End, context: _Tokens, rules_chars: int, chars: int, heard_ms: float | None) -> Usage:
        """Return what one question uses at *end*, and let *context* grow by it."""
        rules = math.ceil(rules_chars / end.chars_per_token) + (end.message_tokens if rules_chars else 0)
        heard = math.ceil((end.spoken_ms if heard_ms is None else heard_ms) / INPUT_MS_PER_TOKEN)
        asked = _Tokens(math.ceil(chars / end.chars_per_token) + end.message_tokens, heard)
        said = self._answer(end)
        before = _Tokens(context.text, context.audio)
        if self.conversation:
            context.add(asked)
            context.add(said)
            _forget(context, end)
        cached_text = before.text + rules if end.cached and before.text else 0
        cached_audio = before.audio if end.cached else 0
        text, audio = rules + before.text + asked.text, before.audio + asked.audio
        return Usage(
            input_tokens=text + audio,
            input_text_tokens=text,
            input_audio_tokens=audio,
            cached_tokens=cached_text + cached_audio,
            cached_text_tokens=cached_text,
            cached_audio_tokens=cached_audio,
            output_tokens=said.text + said.audio,
            output_text_tokens=said.text,
            output_audio_tokens=said.audio,
            total_tokens=text + audio + said.text + said.audio,
        )

    def _answer(self, end: _End) -> _Tokens:
        """Return the tokens of one answer; a limit holds for its words and its sound together."""
        if not self.audio:
            return _Tokens(self._limited(end.written_tokens))
        sound = end.answer_ms // OUTPUT_MS_PER_TOKEN
        total = self._limited(end.answer_words_tokens + sound)
        if total < end.answer_words_tokens + sound:  # the dear part of it is sound: at the high end as much as can be
            share = min(_WORDS_SHARES) if end is _HIGH else max(_WORDS_SHARES)
            words = math.floor(total * share)
        else:
            words = end.answer_words_tokens
        return _Tokens(words, total - words)

    def _limited(self, tokens: int) -> int:
        return tokens if self.max_output_tokens is None else min(tokens, self.max_output_tokens)


def _forget(context: _Tokens, end: _End) -> None:
    """Cut *context* to what the model keeps: the cheap part of it at the low end, the dear one at the high end."""
    if end.cached:
        context.text = min(context.text, end.context_tokens)
        context.audio = min(context.audio, end.context_tokens - context.text)
    else:
        context.audio = min(context.audio, end.context_tokens)
        context.text = min(context.text, end.context_tokens - context.audio)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
