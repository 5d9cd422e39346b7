"""What the session tells the one who displays it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.realtime.happenings import ReplyAudio


class ChatStatus(msgspec.Struct, frozen=True, kw_only=True):
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


class Ready(msgspec.Struct, frozen=True):
    """Nothing is being answered: a question can be typed."""


class Words(msgspec.Struct, frozen=True):
    """Words of the answer to question *index*, as they arrive."""

    index: int
    text: str


class Heard(msgspec.Struct, frozen=True):
    """What the server's transcribing model made of the spoken question *index*."""

    index: int
    text: str


class Sound(msgspec.Struct, frozen=True):
    """Audio of an answer that was asked for, as it arrives; only for those who want it."""

    piece: ReplyAudio


class Saved(msgspec.Struct, frozen=True):
    """An answer is over, and its files are closed."""

    answer: Answer


class Notice(msgspec.Struct, frozen=True):
    """One sentence about the session, not from the model; may hold text of the server's, unescaped."""

    text: str


ToDisplay = Ready | Words | Heard | Sound | Saved | Notice
