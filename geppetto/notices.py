"""What the session tells the one who displays it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.realtime.happenings import ReplyAudio


@attrs.frozen(kw_only=True)
class ChatStatus:
    """How a chat stands."""

    connected: bool
    """Whether the session is open now."""
    session_id: str
    expires_at: float | None
    """When the server ends the session, in Unix seconds; None when it did not say."""
    answering: int
    """The index of the question that is being answered; 0 when none is."""
    waiting: int
    """Questions that have not been sent yet."""
    sending: float | None = None
    """How much of a spoken question has gone out, 0 to 1; None when none is on its way."""


@attrs.frozen
class Ready:
    """Nothing is being answered: a question can be typed."""


@attrs.frozen
class Words:
    """Words of the answer to question *index*, as they arrive."""

    index: int
    text: str


@attrs.frozen
class Heard:
    """What the server's transcribing model made of the spoken question *index*."""

    index: int
    text: str


@attrs.frozen
class Sound:
    """Audio of an answer that was asked for, as it arrives; only for those who want it."""

    piece: ReplyAudio


@attrs.frozen
class Saved:
    """An answer is over, and its files are closed."""

    answer: Answer


@attrs.frozen
class Notice:
    """One sentence about the session, not from the model; may hold text of the server's, unescaped."""

    text: str


ToDisplay = Ready | Words | Heard | Sound | Saved | Notice
