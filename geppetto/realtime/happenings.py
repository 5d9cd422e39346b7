"""What the conversation tells its driver: values, in the order in which things happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from geppetto.errors import Ending
    from geppetto.realtime.events import ErrorDetails
    from geppetto.realtime.reply import Reply, Turn
    from geppetto.realtime.updates import Change


class SessionReady(msgspec.Struct, frozen=True, kw_only=True):
    """The server opened the session."""

    session_id: str
    expires_at: float | None


class QuestionAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The turn's events are on their way out: its clock starts."""

    turn: Turn


class QuestionHeard(msgspec.Struct, frozen=True, kw_only=True):
    """What the server's transcribing model made of a spoken question: a guess, beside what the model heard."""

    turn: Turn
    text: str


class QuestionUnheard(msgspec.Struct, frozen=True, kw_only=True):
    """A spoken question has no transcript; it is answered all the same."""

    turn: Turn
    error: ErrorDetails


class SettingsHold(msgspec.Struct, frozen=True, kw_only=True):
    """The server took the settings that `Conversation.change` asked for: they hold from the next response on."""

    change: Change


class SettingsRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The server refused settings that were asked for, all of one change; the old ones go on."""

    change: Change
    error: ErrorDetails


class ReplyText(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Words of a reply, in the order in which the user reads them."""

    reply: Reply
    delta: str


class ReplyAudio(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Audio of a reply, as it was cut by the server: any number of bytes."""

    reply: Reply
    item_id: str
    content_index: int
    pcm: bytes


class ReplyDone(msgspec.Struct, frozen=True, kw_only=True):
    """The reply is over; its `status`, `reason`, `usage` and `text` are final."""

    reply: Reply


class RateLimited(msgspec.Struct, frozen=True, kw_only=True):
    """The server was too busy for the turn; call `Conversation.resume` when the wait is over."""

    turn: Turn
    error: ErrorDetails
    wait_s: float | None
    """How long, as the server says; None when it does not."""


class HistoryCut(msgspec.Struct, frozen=True, kw_only=True):
    """The history was longer than the budget: *dropped* items at its front were not told to the new session."""

    dropped: int


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """The server reported an error that the session survives."""

    error: ErrorDetails


class SessionOver(msgspec.Struct, frozen=True, kw_only=True):
    """The server said something after which going on is useless."""

    ending: Ending


Happening = (
    SessionReady
    | QuestionAsked
    | QuestionHeard
    | QuestionUnheard
    | SettingsHold
    | SettingsRefused
    | ReplyText
    | ReplyAudio
    | ReplyDone
    | RateLimited
    | HistoryCut
    | Complaint
    | SessionOver
)
