"""A question as the skills see it: cleaned, without courtesies, with what was said before."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from datetime import datetime

QUESTION_LIMIT_CHARS: Final = 2_000  # what is beyond is not read: it bounds the time of every skill


@attrs.frozen(kw_only=True)
class Exchange:
    """One question of the conversation and the answer it got."""

    question: str
    answer: str


@attrs.frozen(kw_only=True)
class Request:
    """One question, and all that an answer may depend on. Skills do no I/O."""

    heard: str
    """The question without control characters, white space collapsed, quotes straight."""
    said: str
    """The same without "please", "can you", "hey Geppetto" and the closing punctuation."""
    history: Sequence[Exchange]
    """What was said before, oldest first; not cleaned."""
    instructions: str
    """What the client told the session to be; the brain can quote it, not follow it."""
    now: datetime
    rng: random.Random

    @property
    def plain(self) -> str:
        """`said` in lower case, for matching."""
        return self.said.lower()

    def is_longer_than(self, limit_chars: int) -> bool:
        """Tell whether a skill should leave the question alone: half of it would get a wrong answer."""
        return len(self.said) > limit_chars


Skill = Callable[[Request], str | None]
"""Returns the answer, one or more whole sentences, or None when the question is not for this skill."""


def clean(text: str) -> str:
    """Return at most `QUESTION_LIMIT_CHARS` of *text*, without characters that control a terminal."""
    # Category C: controls (ESC among them), lone surrogates, bidirectional marks, unassigned code points.
    visible = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text[:QUESTION_LIMIT_CHARS])
    return " ".join(visible.split()).translate(_STRAIGHT)


_STRAIGHT: Final = str.maketrans("‘’“”", "''\"\"")
_COURTESY: Final = re.compile(
    r"^(?:(?:please|(?:can|could|would|will) you|(?:hello|hi|hey|ok|okay)(?: there)?|geppetto"
    r"|i (?:want|would like|need) you to|and|then|now|well|so)\b[ ,.:!]+)+",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(r"(?:[ ,]+(?:please|thanks|thank you|geppetto|for me))*[ .?!…=]*$", re.IGNORECASE)
_CLOSING_LIMIT_CHARS: Final = 80


def without_courtesy(heard: str) -> str:
    """Return *heard* without polite words around it, or *heard* itself when it is nothing but courtesy."""
    said = _COURTESY.sub("", heard, count=1)
    # Searched only near the end: on a long row of spaces or dots the pattern would take quadratic time.
    body, end = said[:-_CLOSING_LIMIT_CHARS], said[-_CLOSING_LIMIT_CHARS:]
    said = body + _CLOSING.sub("", end, count=1)
    return said or heard
