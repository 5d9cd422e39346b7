"""The captures in README: where they are, and what of them is the same in every walk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

README: Final = Path(__file__).parents[2] / "README.md"
_BLOCK: Final = re.compile(
    r"(?<=<!-- walk: )(?P<name>\w+)(?P<opens> -->\n```[a-z]*\n)(?P<text>.*?)(?=\n```\n)", re.DOTALL
)
_CHANGES: Final = (
    (r"(?<!\d)\d{8}_\d{6}(?:_\d+)?(?!\d)", "TIME"),  # in the names of files
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b", "TIME"),
    (r"\b[0-9a-z]{8}(?= TIME)|(?<=going on with )[0-9a-z]{8}", "ID"),
    (r"\breceiving(?: \d+ s of audio)?", "receiving"),
    (r"\d+ (?=ms\b)", "N "),
    (r"\d+\.\d+ (?=s\b)", "N "),
    (r"[\d.]+ (?:GB|MB)\b", "N GB"),
    (r"[\d,]+ (?:\([\d,]+ cached\) )?(?=tokens\b)", "N "),
    (r"\bin(?: \([\d,]+ cached\))?, [\d,]+ out\b", "in, N out"),
    (r"\b\d+ of \d+ min\b", "N of N min"),
    (r"\b1(?:, \d+)+,?", "1, 2, …"),  # how far it counted
    (r"\b127\.0\.0\.1:\d+\b", "ADDRESS"),
    (r"\bGeppetto \d[\w.+]*", "Geppetto VERSION"),
    (r"\bon \w+ \d[\w.+]*, \w+ \w+(?=\.)", "on PYTHON, SYSTEM"),
)
"""What is different in the next walk, or on another machine."""


def blocks(text: str) -> dict[str, str]:
    """Return the captures in *text*, a page of Markdown, by the name in the comment before each."""
    return {match["name"]: match["text"] for match in _BLOCK.finditer(text)}


def with_captures(text: str, captures: Mapping[str, str]) -> str:
    """
    Return *text* with *captures* in the place of those that it has.

    Raises:
        KeyError: it has one that there is none for.
    """
    return _BLOCK.sub(lambda match: f"{match['name']}{match['opens']}{captures[match['name']]}", text)


def lasting(capture: str) -> str:
    """Return what of *capture* is so in every walk: without figures, times and names, in whatever rows."""
    text = " ".join(capture.split())
    for pattern, word in _CHANGES:
        text = re.sub(pattern, word, text)
    return text
