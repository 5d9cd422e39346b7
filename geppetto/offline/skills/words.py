"""Words: repeat, spell, turn around, measure; and counting aloud."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from geppetto.offline.skills.numbers import digits_for_words

if TYPE_CHECKING:
    from geppetto.offline.skills.request import Request

REPEAT_LIMIT_CHARS: Final = 600
SPELL_LIMIT_CHARS: Final = 60
COUNT_LIMIT: Final = 100

_MARKS: Final = (".", "!", "?", "…")

_REPEAT: Final = re.compile(
    r"^(?:repeat|say|read aloud|read out)(?: after me)?(?:[:,] *| +)(?P<text>.+)$", re.IGNORECASE
)
_SPELL: Final = re.compile(
    r"^(?:how (?:do|would) (?:you|i) spell|spell)(?: the word)?[: ]+(?P<word>.+)$", re.IGNORECASE
)
_REVERSE: Final = re.compile(
    r"^(?:reverse(?: the word)?[: ]+(?P<word>.+)|(?:spell |say |what is )(?P<other>.+) backwards?)$",
    re.IGNORECASE,
)
_LETTERS: Final = re.compile(
    r"^how many (?:letters|characters) (?:are |has |does )?(?:there )?(?:in )?(?:the word )?"
    r"(?P<word>\S+?)(?: have)?$",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(
    r"^count (?:(?P<down>down|backwards?) ?)?(?:from (?P<start>-?[0-9]+) ?)?"
    r"(?:(?:up |down )?to (?P<end>-?[0-9]+))?$"
)


def answer(request: Request) -> str | None:
    """Answer a request that is about words as such."""
    return _counted(request) or _reversed(request) or _spelled(request) or _measured(request) or _repeated(request)


def _repeated(request: Request) -> str | None:
    match = _REPEAT.search(request.said)
    if match is None:
        return None
    text = match["text"]
    # `said` has lost the closing mark, which belongs to what is to be repeated.
    after = request.heard[request.heard.rfind(text) + len(text) :]
    text = text.strip(' "') + (after[0] if after[:1] in _MARKS else "")
    if not any(c.isalnum() for c in text):
        return None
    if len(text) > REPEAT_LIMIT_CHARS:
        return text[:REPEAT_LIMIT_CHARS].rstrip() + " … That is as much as I repeat."
    text = text[0].upper() + text[1:]
    return text if text.rstrip('"')[-1:] in _MARKS else text + "."


def _word(match: re.Match[str], *groups: str) -> str:
    return next((match[group] for group in groups if match[group]), "").strip(" \"'.,:;!?")


def _spelled(request: Request) -> str | None:
    match = _SPELL.search(request.said)
    word = _word(match, "word") if match else ""
    letters = [c.upper() if len(c.upper()) == 1 else c for c in word if c.isalnum()]
    if not letters:
        return None
    if len(letters) > SPELL_LIMIT_CHARS:
        return f"I spell at most {SPELL_LIMIT_CHARS} letters at a time."
    return ", ".join(letters) + "."


def _reversed(request: Request) -> str | None:
    match = _REVERSE.search(request.said)
    word = _word(match, "word", "other") if match else ""
    if not word:
        return None
    if len(word) > SPELL_LIMIT_CHARS:
        return f"I turn around at most {SPELL_LIMIT_CHARS} letters at a time."
    return f"{word} backwards is {word[::-1].lower()}."


def _measured(request: Request) -> str | None:
    match = _LETTERS.search(request.said)
    word = _word(match, "word") if match else ""
    count = sum(c.isalnum() for c in word)
    if not count:
        return None
    return f"{word[:SPELL_LIMIT_CHARS]} has {count} letter{'s' if count > 1 else ''}."


def _counted(request: Request) -> str | None:
    match = None if request.is_longer_than(200) else _COUNT.search(digits_for_words(request.plain))
    if match is None or not (match["start"] or match["end"]):
        return None
    if max(len(match["start"] or ""), len(match["end"] or "")) > 15:
        return _TOO_MANY
    down = match["down"] is not None
    start = int(match["start"]) if match["start"] else 1
    end = int(match["end"]) if match["end"] else (1 if down else start + 9)
    if down and not match["start"]:
        start, end = end, 1  # "count down to ten" is not English, but what it means is plain
    if abs(end - start) >= COUNT_LIMIT:
        return _TOO_MANY
    step = 1 if end >= start else -1
    return ", ".join(str(n) for n in range(start, end + step, step)) + "."


_TOO_MANY: Final = f"I count at most {COUNT_LIMIT} numbers at a time."
