"""What an answer must be like: a run with checks is a test of the server."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from geppetto.batch.matching import SEARCH_TIMEOUT_S, compiled, matches
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.batch.ask import Ask
    from geppetto.batch.result import Result

_MAX_SHOWN_CHARS: Final = 200


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """
    What holds for every question of a run, beside what a question says itself.

    Raises:
        ConfigError: `expect` is not a regular expression, or the time is not above zero.
    """

    expect: str | None = None
    """Searched for anywhere in the text of the answer."""
    max_first_audio_ms: float | None = None
    """From the question until the first sound of its answer."""

    def __post_init__(self) -> None:
        """Find out early."""
        if self.expect is not None:
            try:
                compiled(self.expect)
            except ValueError as error:
                raise ConfigError(f"--expect {error}.") from error
        most_ms = self.max_first_audio_ms
        if most_ms is not None and not 0 < most_ms < math.inf:
            raise ConfigError(f"--max-first-audio-ms is {most_ms:g}, but must be a number above zero.")

    def failed(self, ask: Ask, answer: Answer | Result) -> list[str]:
        """
        Return a sentence for each check that *answer* to *ask* fails; a question's own checks go before the run's.

        Where there is no answer there is nothing to check. Blocks for 5 s at the most; see `matching.matches`.
        """
        if answer.status not in {"completed", "incomplete"}:
            return []
        sentences = []
        expect = ask.expect if ask.expect is not None else self.expect
        if expect is not None and (sentence := _mismatch(expect, _text_of(answer))) is not None:
            sentences.append(sentence)
        most_ms = ask.max_first_audio_ms if ask.max_first_audio_ms is not None else self.max_first_audio_ms
        if most_ms is not None:
            first_ms = answer.latency.first_audio_ms
            if first_ms is None:
                sentences.append(f"no audio came, and it was to come within {most_ms:g} ms")
            elif first_ms > most_ms:  # rounded up, or else 100.2 would be told as 100, and not within 100
                sentences.append(
                    f"the first audio came after {math.ceil(first_ms)} ms, and not within {most_ms:g} ms"
                )
        return sentences


def _text_of(answer: Answer | Result) -> str:
    """Return the words; an answer and its record have them under different names."""
    text: str = answer.text if hasattr(answer, "text") else answer.answer
    return text


def _mismatch(expect: str, text: str) -> str | None:
    """Return what to say of *text* if *expect* is not found in it."""
    found = matches(expect, text)
    if found:
        return None
    shown = expect if len(expect) <= _MAX_SHOWN_CHARS else f"{expect[:_MAX_SHOWN_CHARS]}…"
    if found is None:
        return f"whether the answer matches /{shown}/ could not be found out within {SEARCH_TIMEOUT_S:g} s"
    return f"the answer does not match /{shown}/"
