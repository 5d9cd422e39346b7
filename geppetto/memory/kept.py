"""Kept conversations as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from geppetto.realtime.usage import Usage
from geppetto.records.metrics import Latency
from geppetto.text import encodable

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from geppetto.pricing.cost import Cost


@attrs.frozen(kw_only=True)
class About:
    """With whom a conversation is held, and how."""

    model: str = ""
    host: str = ""
    """The server, as `host` or `host:port`."""
    voice: str = ""
    instructions: str = ""


@attrs.frozen(kw_only=True)
class Conversation:
    """One conversation, without what was said in it."""

    id: str
    name: str | None
    """What the user calls it."""
    begun: datetime
    """UTC, as all times here."""
    changed: datetime
    """When its last answer came."""
    about: About
    title: str
    """The beginning of its first question; empty when there is none."""
    n_answers: int
    audio_ms: int
    usd: float | None
    """What the answers with a known cost cost together; None when there is no such answer."""
    all_priced: bool
    """Whether `usd` is the cost of all answers."""


@attrs.frozen(kw_only=True)
class Answered:
    """What is known of an answer beside its text."""

    status: str
    """As in `Answer`."""
    reason: str = ""
    audio_file: Path | None = None
    """Absolute; it may have been moved since."""
    transcript_file: Path | None = None
    audio_ms: int = 0
    latency: Latency = attrs.field(factory=Latency)
    usage: Usage = attrs.field(factory=Usage)
    cost: Cost | None = None
    response_id: str = ""
    session_id: str = ""
    """Of the server's session; one conversation may have had several."""
    attempts: int = 1


@attrs.frozen(kw_only=True)
class Item:
    """One thing that was said."""

    number: int
    """Grows with time, over all conversations."""
    role: Literal["user", "assistant"]
    text: str
    at: datetime
    spoken: bool = False
    """The question was audio: the text is what the records call it, unless it was heard."""
    heard: bool = False
    """The text is what a transcribing model made of the audio."""
    independent: bool = False
    """It was out of band: neither question nor answer belongs to what the model knows."""
    answer: Answered | None = None
    """None for a question."""


@attrs.frozen(kw_only=True)
class Hit:
    """An item that was found."""

    conversation_id: str
    name: str | None
    """Of the conversation."""
    item: Item
    excerpt: str
    """One line of it around the first place where one of the words was found."""


def storable(text: str) -> str:
    """
    Return *text* as a database can hold it: as UTF-8.

    Two halves of a surrogate pair that came in two deltas become their character; one alone becomes U+FFFD.
    Everything else, NUL too, stays.
    """
    return encodable(text)
