"""What the conversation tells its driver: values, in the order in which things happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from geppetto.errors import Ending
    from geppetto.realtime.events import ErrorDetails
    from geppetto.realtime.reply import Reply, Turn
    from geppetto.realtime.updates import Change


@attrs.frozen(kw_only=True)
class SessionReady:
    """The server opened the session."""

    session_id: str
    expires_at: float | None


@attrs.frozen(kw_only=True)
class QuestionAsked:
    """The turn's events are on their way out: its clock starts."""

    turn: Turn


@attrs.frozen(kw_only=True)
class QuestionHeard:
    """What the server's transcribing model made of a spoken question: a guess, beside what the model heard."""

    turn: Turn
    text: str


@attrs.frozen(kw_only=True)
class QuestionUnheard:
    """A spoken question has no transcript; it is answered all the same."""

    turn: Turn
    error: ErrorDetails


@attrs.frozen(kw_only=True)
class SettingsHold:
    """The server took the settings that `Conversation.change` asked for: they hold from the next response on."""

    change: Change


@attrs.frozen(kw_only=True)
class SettingsRefused:
    """The server refused settings that were asked for, all of one change; the old ones go on."""

    change: Change
    error: ErrorDetails


@attrs.frozen(kw_only=True)
class ReplyText:
    """Words of a reply, in the order in which the user reads them."""

    reply: Reply
    delta: str


@attrs.frozen(kw_only=True)
class ReplyAudio:
    """Audio of a reply, as it was cut by the server: any number of bytes."""

    reply: Reply
    item_id: str
    content_index: int
    pcm: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ReplyDone:
    """The reply is over; its `status`, `reason`, `usage` and `text` are final."""

    reply: Reply


@attrs.frozen(kw_only=True)
class RateLimited:
    """The server was too busy for the turn; call `Conversation.resume` when the wait is over."""

    turn: Turn
    error: ErrorDetails
    wait_s: float | None
    """How long, as the server says; None when it does not."""


@attrs.frozen(kw_only=True)
class HistoryCut:
    """The history was longer than the budget: *dropped* items at its front were not told to the new session."""

    dropped: int


@attrs.frozen(kw_only=True)
class Complaint:
    """The server reported an error that the session survives."""

    error: ErrorDetails


@attrs.frozen(kw_only=True)
class SessionOver:
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
