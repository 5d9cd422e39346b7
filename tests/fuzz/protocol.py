"""What servers send, and what is sent to them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from geppetto.audio.assembly import AudioAssembler
from geppetto.connection.failures import ServerBusy, rejection
from geppetto.realtime.client_events import (
    AppendAudio,
    CancelResponse,
    CreateAudioItem,
    CreateResponse,
    CreateTextItem,
    SessionSettings,
    TruncateItem,
    UpdateSession,
)
from geppetto.realtime.conversation import Conversation
from geppetto.realtime.decoding import BadMessage, decode
from geppetto.realtime.dialects import BETA, GA
from geppetto.realtime.events import AudioDelta, ErrorDetails
from geppetto.realtime.happenings import ReplyAudio, ReplyDone, SessionOver
from geppetto.realtime.reply import Asking
from geppetto.realtime.verdicts import session_ending, wait_s
from geppetto.text import escape
from tests.connection.referee import MAX_BYTES, check
from tests.fuzz.bits import check_shown, text_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geppetto.realtime.client_events import ClientEvent
    from geppetto.realtime.happenings import Happening
    from geppetto.realtime.reply import Reply, Turn

_LONGEST_WAIT_S = 600.0


def decoding(data: bytes) -> None:
    """Any frame is an event or a `BadMessage`."""
    with suppress(BadMessage):
        decode(data)
    with suppress(BadMessage):
        kind, _ = decode(text_of(data))
        escape(kind).encode()


def frames(data: bytes) -> None:
    """Whatever frames come, cut anywhere, and longer than they may be: wsproto alone would have heard the same."""
    step, limit, stream = (data[0] % 16 + 1, data[0] // 16, data[1:]) if data else (1, 0, b"")
    check(stream[:4096], list(range(0, len(stream), step)), max_bytes=limit or MAX_BYTES)


def dialects(data: bytes) -> None:
    """What is sent is JSON in UTF-8 in both dialects, whatever the texts, and no word is lost."""
    parts = [text_of(part) for part in data.split(b"\n", 3)]
    instructions, voice, text, event_id = (*parts, "", "", "")[:4]
    settings = SessionSettings(modality="audio", instructions=instructions, voice=voice)
    events: list[ClientEvent] = [
        UpdateSession(event_id=event_id, settings=settings),
        CreateTextItem(event_id=event_id, role="user", text=text),
        CreateTextItem(event_id=event_id, role="assistant", text=text),
        CreateAudioItem(event_id=event_id, pcm=data),
        AppendAudio(event_id=event_id, pcm=memoryview(data)),
        TruncateItem(event_id=event_id, item_id=voice, content_index=0, audio_end_ms=len(data)),
        CreateResponse(event_id=event_id),
        CancelResponse(event_id=event_id, response_id=voice),
    ]
    for dialect in (GA, BETA):
        for event in events:
            sent = json.loads(dialect.encode(event).encode("utf-8"))
            assert sent["type"] == dialect.type_of(event)
            assert sent["event_id"] == whole(event_id)
            if isinstance(event, CreateTextItem):
                assert sent["item"]["content"][0]["text"] == whole(text)
                with suppress(BadMessage):
                    decode(json.dumps(sent))


def conversation(data: bytes) -> None:
    """Lines of server events, between them `!a` to `!w`, what the user does: nothing ends twice, no audio is lost."""
    talk = Conversation(SessionSettings(), history_budget_chars=30, max_attempts=2, transcription_model="w")
    turns: list[Turn] = []
    over: list[Reply] = []
    heard_bytes = kept_bytes = 0
    assemblers: dict[int, AudioAssembler] = {}

    def note(happenings: Iterable[Happening]) -> int:
        pcm_bytes = 0
        for happening in happenings:
            if isinstance(happening, ReplyDone):
                assert happening.reply.status is not None
                assert not any(happening.reply is other for other in over), "a reply ended twice"
                over.append(happening.reply)
            elif isinstance(happening, ReplyAudio):
                assembler = assemblers.setdefault(id(happening.reply), AudioAssembler())
                assembler.add(happening.item_id, happening.content_index, happening.pcm)
                pcm_bytes += len(happening.pcm)
            elif isinstance(happening, SessionOver):
                assert happening.ending.status
                assert str(happening.ending.error)
        return pcm_bytes

    for line in data.split(b"\n"):
        match line[:2]:
            case b"!a":
                turn, happenings = talk.ask(text_of(line[2:]) or "a?")
                turns.append(turn)
                note(happenings)
            case b"!s":
                turn, happenings = talk.ask("a.wav", Asking(pcm=line * 20_000))
                turns.append(turn)
                note(happenings)
            case b"!c":
                talk.change(SessionSettings(modality="audio", instructions=text_of(line[2:])))
            case b"!l":
                note(talk.connection_lost())
            case b"!r":
                note(talk.resume())
            case b"!h":
                talk.hold()
            case b"!w" if turns:
                turn = turns[line[2] % len(turns) if len(line) > 2 else 0]
                turn.truncate = True
                talk.withdraw(turn)
            case _:
                with suppress(BadMessage):
                    _, event = decode(text_of(line))
                    kept_bytes += note(talk.receive(event))
                    heard_bytes += len(event.pcm) if isinstance(event, AudioDelta) else 0
        for event_to_send in talk.events_to_send():
            GA.encode(event_to_send).encode()
            BETA.encode(event_to_send).encode()
    assert heard_bytes == kept_bytes, "audio was lost on its way"
    for reply in talk.open_replies:
        assert not any(reply is other for other in over), "what is over is open"
        reply.text.encode("utf-8", "surrogatepass")


def waits(data: bytes) -> None:
    """However a server says when to try again, the wait is a number of seconds that ends; its words can be shown."""
    said = text_of(data)
    for error in (
        ErrorDetails(code="rate_limit_exceeded", message=f"Rate limit reached. Please try again in {said}"),
        ErrorDetails(code=said, type="rate_limit_error", message=said, param=said, event_id="event_1"),
    ):
        seconds = wait_s(error)
        assert seconds is None or 0 <= seconds <= _LONGEST_WAIT_S
        ending = session_ending(error, "event_1")
        assert ending is None or ending.status
    name, _, value = data.partition(b":")
    for status_code in (302, 401, 404, 418, 429, 503, 599):
        failure = rejection("voice.example", status_code, data, [(b"Retry-After", data), (name, value)])
        check_shown(str(failure))
        assert "\n" not in str(failure)
        if isinstance(failure, ServerBusy):
            assert 0 <= failure.retry_after_s <= _LONGEST_WAIT_S
