"""
A conversation that writes down what follows from what.

`*` stands before what happened, `>` before what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from geppetto.realtime import client_events
from geppetto.realtime import happenings as happened
from geppetto.realtime.client_events import SessionSettings
from geppetto.realtime.conversation import Conversation
from geppetto.realtime.events import (
    AudioDelta,
    ErrorDetails,
    OutputText,
    ResponseCreated,
    ResponseDone,
    ServerError,
    SessionUpdated,
    TextDelta,
    TextDone,
)
from geppetto.realtime.reply import IN_CONVERSATION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geppetto.realtime import events
    from geppetto.realtime.reply import Asking, Turn

SETTINGS = SessionSettings()
ASKED = ["> item user: a?", "> create", "* asked 1"]
BUSY = "conversation_already_has_active_response"


def said(event: client_events.ClientEvent) -> str:
    """Return a client event as one line."""
    match event:
        case client_events.UpdateSession():
            return "> update" + (f" {changes(event)}" if event.before is not None else "")
        case client_events.CreateTextItem():
            return f"> item {event.role}: {event.text}"
        case client_events.CreateAudioItem():
            return f"> item user: {len(event.pcm)} bytes"
        case client_events.AppendAudio():
            return f"> append {len(event.pcm)} bytes"
        case client_events.CommitAudio():
            return "> commit"
        case client_events.ClearAudio():
            return "> clear"
        case client_events.TruncateItem():
            return f"> truncate {event.item_id} part {event.content_index} to {event.audio_end_ms} ms"
        case client_events.CreateResponse():
            rules = f" ({event.instructions})" if event.instructions else ""
            return f"> create{rules}" + (f" for {said(event.input)[2:]}" if event.input is not None else "")
        case client_events.CancelResponse():
            return f"> cancel {event.response_id or 'whatever runs'}"


def changes(event: client_events.UpdateSession) -> dict[str, object]:
    """Return what of *event* is different from what holds."""
    assert event.before is not None
    before = attrs.asdict(event.before, recurse=False)
    after = attrs.asdict(event.settings, recurse=False)
    return {name: value for name, value in after.items() if value != before[name]}


def told(happening: happened.Happening) -> str:
    """Return a happening as one line; a reply is named by the index of its question, 0 for none."""
    match happening:
        case happened.SessionReady():
            return f"* ready {happening.session_id}"
        case happened.QuestionAsked():
            return f"* asked {happening.turn.index}"
        case happened.QuestionHeard():
            return f"* heard {happening.turn.index}: {happening.text!r}"
        case happened.QuestionUnheard():
            return f"* unheard {happening.turn.index}: {happening.error}"
        case happened.SettingsHold():
            return f"* hold {dict(happening.change.values)}"
        case happened.SettingsRefused():
            return f"* refused {dict(happening.change.values)}: {happening.error}"
        case happened.ReplyText():
            return f"* text {index(happening.reply.turn)}: {happening.delta!r}"
        case happened.ReplyAudio():
            return f"* audio {index(happening.reply.turn)}: {len(happening.pcm)} bytes"
        case happened.ReplyDone():
            reply = happening.reply
            again = ", asked again" if reply.repeated else ""
            return f"* done {index(reply.turn)}: {reply.why_partial or 'completed'}: {reply.text!r}{again}"
        case happened.RateLimited():
            return f"* limited {happening.turn.index}: {happening.wait_s}"
        case happened.HistoryCut():
            return f"* history cut by {happening.dropped}"
        case happened.Complaint():
            return f"* complaint: {happening.error}"
        case happened.SessionOver():
            return f"* over {happening.ending.status.name}: {happening.ending.why}"


def index(turn: Turn | None) -> int:
    """Return the index of *turn*, 0 for none."""
    return turn.index if turn is not None else 0


class Talk:
    """A conversation that writes down what follows from what."""

    def __init__(
        self, *, max_attempts: int = 3, history_budget_chars: int = 1000, transcription_model: str | None = None
    ) -> None:
        """Begin one, with the settings already accepted."""
        self.conversation = Conversation(
            SETTINGS,
            history_budget_chars=history_budget_chars,
            max_attempts=max_attempts,
            transcription_model=transcription_model,
        )
        self.turns: list[Turn] = []
        self.sent: list[client_events.ClientEvent] = []
        assert self.hear(SessionUpdated()) == ["> update"]

    def follows(self, happenings: Iterable[happened.Happening]) -> list[str]:
        """Return what is to be sent now, and what happened."""
        new = self.conversation.events_to_send()
        self.sent += new
        return [said(event) for event in new] + [told(happening) for happening in happenings]

    def ask(self, question: str, asking: Asking = IN_CONVERSATION) -> list[str]:
        """Ask, and return what follows."""
        turn, happenings = self.conversation.ask(question, asking)
        self.turns.append(turn)
        return self.follows(happenings)

    def hear(self, *events: events.ServerEvent) -> list[str]:
        """Hear *events*, and return what follows."""
        return [line for event in events for line in self.follows(self.conversation.receive(event))]

    def lose(self) -> list[str]:
        """Lose the connection, and return what a new one begins with."""
        return self.follows(self.conversation.connection_lost())

    def resume(self) -> list[str]:
        """End the pause, and return what follows."""
        return self.follows(self.conversation.resume())

    def withdraw(self, number: int) -> tuple[bool, list[str]]:
        """Take question *number* back; return whether it is over with that, and what follows."""
        over = self.conversation.withdraw(self.turns[number - 1])
        return over, self.follows([])

    def last(self, kind: type[client_events.ClientEvent]) -> str:
        """Return the id of the last event of *kind* that was sent."""
        return next(event.event_id for event in reversed(self.sent) if isinstance(event, kind))


def state(talk: Talk) -> str:
    """Return whether the server owes us something, or something else runs or pauses, or nothing."""
    if talk.conversation.expecting:
        return "expecting"
    return "idle" if talk.conversation.idle else "waiting"


def asking() -> Talk:
    """Return a talk in which question 1 is at the server."""
    talk = Talk()
    assert talk.ask("a?") == ASKED
    return talk


def created(response_id: str) -> ResponseCreated:
    """Return `response.created`."""
    return ResponseCreated(response_id=response_id)


def words(response_id: str, delta: str, item_id: str = "i") -> TextDelta:
    """Return a piece of text."""
    return TextDelta(response_id=response_id, item_id=item_id, delta=delta)


def all_words(response_id: str, text: str, item_id: str = "i") -> TextDone:
    """Return the whole text of a part."""
    return TextDone(response_id=response_id, item_id=item_id, text=text)


def sound(response_id: str, pcm: bytes = b"\0\0") -> AudioDelta:
    """Return a piece of audio."""
    return AudioDelta(response_id=response_id, item_id="i", pcm=pcm)


def done(response_id: str, *output: str) -> ResponseDone:
    """Return `response.done` of a complete response that repeats *output*."""
    parts = tuple(OutputText(item_id=f"i{n}", text=text) for n, text in enumerate(output))
    return ResponseDone(response_id=response_id, status="completed", output=parts)


def failing(response_id: str, code: str, message: str = "") -> ResponseDone:
    """Return `response.done` of a failed response."""
    return ResponseDone(response_id=response_id, status="failed", error=ErrorDetails(code=code, message=message))


def error(code: str, event_id: str = "", *, message: str = "", param: str = "") -> ServerError:
    """Return `error`."""
    return ServerError(error=ErrorDetails(code=code, event_id=event_id, message=message, param=param))
