"""
Where one client's events are answered: a state machine without sockets, clock or threads.

`Desk.receive` takes what came from the socket, and returns the events to send and the response to start or stop.
A bad event changes nothing and is answered by one `error` event: nothing a client sends raises.

Source: OpenAI Realtime API reference, client events.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Final, Literal

import attrs

from geppetto.offline import beta
from geppetto.offline.asking import asked_response, session_voice
from geppetto.offline.checks import Refused, decoded
from geppetto.offline.client_events import check_fields, check_type, error_event, id_of, parse
from geppetto.offline.conversation import Conversation
from geppetto.offline.items import APPEND_LIMIT_BYTES, BYTES_PER_MS, Item, checked_item, listened_item
from geppetto.offline.prompt import read_prompt
from geppetto.offline.responses import OngoingResponse
from geppetto.offline.session import Session, voice_refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from geppetto.offline.responses import Event

BUFFER_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""Of the input audio buffer: 11 minutes."""
COMMIT_MINIMUM_MS: Final = 100
OUT_OF_BAND_LIMIT: Final = 8
"""Out-of-band responses at the same time."""


@attrs.frozen(kw_only=True)
class Reaction:
    """What the server does about one message: cancel first, then send, then start."""

    events: list[Event] = attrs.field(factory=list)
    started: OngoingResponse | None = None
    cancelled: OngoingResponse | None = None


@attrs.define(kw_only=True)
class Desk:
    """
    One client's session, conversation, input audio buffer and running responses.

    Args:
        new_id: Makes an id from its prefix, e.g. `item`.
        dialect: What the client speaks. Everything inside is GA.
    """

    session: Session
    conversation: Conversation
    new_id: Callable[[str], str]
    dialect: Literal["ga", "beta"] = "ga"
    _buffer: bytearray = attrs.field(factory=bytearray, repr=False)
    _running: dict[str, OngoingResponse] = attrs.field(factory=dict)
    _known_tokens: tuple[int, int] = (0, 0)

    @property
    def running(self) -> frozenset[str]:
        """Return the ids of the responses that have not come to their end."""
        return frozenset(self._running)

    def open(self) -> list[Event]:
        """Return the first events. GA has no `conversation.created`; the beta had."""
        events: list[Event] = [{"type": "session.created", "session": self.session.wire()}]
        if self.dialect == "beta":
            conversation = {"id": self.conversation.conversation_id, "object": "realtime.conversation"}
            events.append({"type": "conversation.created", "conversation": conversation})
        return events

    def receive(self, message: str | bytes) -> Reaction:
        """Answer one message of the client."""
        event_id: str | None = None
        try:
            event = parse(message)
            event_id = id_of(event)
            check_type(event)
            return self._react(event) if self.dialect == "ga" else self._react_in_beta(event)
        except Refused as refused:
            error = error_event(refused.code, refused.message, param=refused.param, event_id=event_id)
            return Reaction(events=[error])

    def settle(self, response: OngoingResponse) -> None:
        """Forget a response that has come to its end: the next one may start."""
        self._running.pop(response.response_id, None)

    def wire(self, events: list[Event]) -> list[str]:
        """Return *events* as the JSON texts to send, in the client's dialect, each with its id."""
        if self.dialect == "beta":
            events = [translated for event in events for translated in beta.outbound(event)]
        stamped = ({"type": event["type"], "event_id": self.new_id("event"), **event} for event in events)
        return [json.dumps(event, separators=(",", ":")) for event in stamped]

    def _react_in_beta(self, event: Event) -> Reaction:
        translated = beta.inbound(event)
        try:
            return self._react(translated)
        except Refused as refused:
            raise beta.refusal(refused) from None

    def _react(self, event: Event) -> Reaction:
        given = check_fields(event)
        match kind := given["type"]:
            case "session.update":
                self.session.update(given["session"], voice_locked=self._voice_heard())
                return Reaction(events=[{"type": "session.updated", "session": self.session.wire()}])
            case "input_audio_buffer.append":
                self._append(given["audio"])
                return Reaction()
            case "input_audio_buffer.commit":
                return Reaction(events=self._commit())
            case "input_audio_buffer.clear":
                self._buffer.clear()
                return Reaction(events=[{"type": "input_audio_buffer.cleared"}])
            case "conversation.item.create":
                return Reaction(events=self._create_item(given["item"], given.get("previous_item_id")))
            case "response.create":
                return self._create_response(given.get("response") or {})
            case "response.cancel":
                return self._cancel(given.get("response_id"))
        item_id = str(given["item_id"])
        match kind:
            case "conversation.item.retrieve":
                item = self.conversation.settled(item_id, "retrieve")
                return Reaction(events=[{"type": "conversation.item.retrieved", "item": item.wire_with_audio()}])
            case "conversation.item.delete":
                self.conversation.items.remove(self.conversation.settled(item_id, "delete"))
                return Reaction(events=[{"type": "conversation.item.deleted", "item_id": item_id}])
        content_index, end_ms = given["content_index"], given["audio_end_ms"]
        assert isinstance(content_index, int)
        assert isinstance(end_ms, int)
        self.conversation.truncate(item_id, content_index, end_ms)
        place = {"item_id": item_id, "content_index": content_index, "audio_end_ms": end_ms}
        return Reaction(events=[{"type": "conversation.item.truncated", **place}])

    def _voice_heard(self) -> bool:
        return any(item.role == "assistant" and item.audio_bytes for item in self.conversation.items)

    def _append(self, audio: object) -> None:
        pcm = decoded(audio, "audio", APPEND_LIMIT_BYTES)
        if len(self._buffer) + len(pcm) > BUFFER_LIMIT_BYTES:
            raise Refused(
                "input_audio_buffer_full",
                f"The input audio buffer holds at most {BUFFER_LIMIT_BYTES} bytes. Commit or clear it.",
                "audio",
            )
        self._buffer += pcm

    def _commit(self) -> list[Event]:
        buffered_ms = len(self._buffer) / BYTES_PER_MS
        if buffered_ms < COMMIT_MINIMUM_MS:
            raise Refused(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{COMMIT_MINIMUM_MS}ms of audio, but buffer only has {buffered_ms:.2f}ms of audio.",
            )
        item = listened_item(self.new_id("item"), bytes(self._buffer))
        previous = self.conversation.insert(item)
        self._buffer.clear()
        place = {"item_id": item.item_id, "previous_item_id": previous}
        events: list[Event] = [
            {"type": "input_audio_buffer.committed", **place},
            *_item_events(item, previous),
        ]
        if self.session.get("audio", "input", "transcription") is not None:
            error = {
                "type": "server_error",
                "code": "transcription_unavailable",
                "message": "The offline server cannot turn speech into text yet.",
                "param": None,
            }
            failed = "conversation.item.input_audio_transcription.failed"
            events.append({"type": failed, "item_id": item.item_id, "content_index": 0, "error": error})
        return events

    def _create_item(self, given: object, after: object) -> list[Event]:
        item = checked_item(given, "item", self.new_id("item"))
        call_id = item.body.get("call_id")
        if item.kind == "function_call_output" and not self.conversation.has_call(call_id):
            raise Refused(
                "invalid_tool_call_id", f"Tool call ID '{call_id}' not found in conversation.", "item.call_id"
            )
        previous = self.conversation.insert(item, None if after is None else str(after))
        return _item_events(item, previous)

    def _create_response(self, given: object) -> Reaction:
        asked = asked_response(given, self.session, self.conversation, self.new_id)
        self._check_room(asked.out_of_band)
        settings = asked.settings
        if not asked.out_of_band and self._voice_heard() and settings.voice != session_voice(self.session):
            raise voice_refused("response.audio.output.voice")
        context = asked.context
        if context is None:
            context = [item for item in self.conversation.items if not item.in_progress]
        prompt = read_prompt(context, asked.instructions)
        item = Item(
            body={
                "id": self.new_id("item"),
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
        )
        response = OngoingResponse(
            response_id=self.new_id("resp"),
            conversation_id=None if asked.out_of_band else self.conversation.conversation_id,
            item=item,
            previous_item_id=None if asked.out_of_band else self.conversation.insert(item),
            prompt=prompt,
            settings=settings,
            known_tokens=self._known_tokens,
        )
        if not asked.out_of_band:
            self._known_tokens = (prompt.text_tokens, prompt.audio_tokens)
        self._running[response.response_id] = response
        return Reaction(events=response.begin(), started=response)

    def _check_room(self, out_of_band: bool) -> None:
        active = [one for one in self._running.values() if (one.conversation_id is None) == out_of_band]
        if out_of_band and len(active) >= OUT_OF_BAND_LIMIT:
            raise Refused("rate_limit_exceeded", f"At most {OUT_OF_BAND_LIMIT} out-of-band responses run at a time.")
        if active and not out_of_band:
            raise Refused(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {active[0].response_id}. "
                "Wait until the response is finished before creating a new one.",
            )

    def _cancel(self, response_id: object) -> Reaction:
        candidates = [
            one
            for one in self._running.values()
            if (one.conversation_id is not None if response_id is None else one.response_id == response_id)
        ]
        if not candidates:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        response = candidates[0]
        self.settle(response)
        return Reaction(events=response.finish("cancelled", "client_cancelled"), cancelled=response)


def open_desk(model: str, *, dialect: Literal["ga", "beta"], expires_at: int) -> Desk:
    """Return the desk of a client that has just come in; *expires_at* is Unix time in seconds."""
    session = Session(session_id=_new_id("sess"), model=model, expires_at=expires_at, beta=dialect == "beta")
    conversation = Conversation(conversation_id=_new_id("conv"))
    return Desk(session=session, conversation=conversation, new_id=_new_id, dialect=dialect)


def _new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(10)}"


def _item_events(item: Item, previous: str | None) -> list[Event]:
    place: Event = {"previous_item_id": previous}
    return [
        {"type": "conversation.item.added", **place, "item": item.wire()},
        {"type": "conversation.item.done", **place, "item": item.wire()},
    ]
