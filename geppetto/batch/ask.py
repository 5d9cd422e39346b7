"""One question of a scripted run, or the line that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and how it is to be asked."""

    index: int
    """1 for the first line that is not blank. Malformed lines have a number, too, so that mending one moves none."""
    id: str
    """As it was given, else the index."""
    question: str
    """Empty only when it is spoken."""
    line: int
    """Of the input, from 1."""
    instructions: str | None = None
    """For this answer alone."""
    voice: str | None = None
    audio_file: Path | None = None
    """The spoken question, in any format that `read_audio` takes."""
    expect: str | None = None
    """A regular expression that the answer must match somewhere."""
    max_first_audio_ms: float | None = None

    @property
    def text(self) -> str:
        """What records call the question."""
        return self.question or str(self.audio_file)


class BadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no question."""

    index: int
    line: int
    id: str
    why: str
    """For people: "line 7 is not JSON (…)"."""
