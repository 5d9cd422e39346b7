"""
What servers say to a chat: the turns of OpenAI, in the order of recorded sessions, and ways to change them.

Source: recordings of July 2026 (OpenAI, Azure, Voice Live), and the vendors' references and servers as of 2026-11.
"""

from __future__ import annotations

import base64
import copy
import itertools
from typing import TYPE_CHECKING, Final

from tests.fakes.scripted_server import tone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.fakes.scripted_server import Event, Peer, Story

PCM: Final = tone(1500)
USAGE: Final = {
    "total_tokens": 40,
    "input_tokens": 16,
    "output_tokens": 24,
    "input_token_details": {
        "text_tokens": 16,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": 4,
        "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 9, "audio_tokens": 15},
}


def opening(session_id: str = "sess_1", **session: object) -> Event:
    """Return `session.created` as OpenAI sends it, with *session* in it."""
    body = {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        **session,
    }
    return {"type": "session.created", "event_id": "event_0", "session": body}


def updated(session_id: str = "sess_1", **session: object) -> Event:
    """Return `session.updated`, likewise."""
    return {**opening(session_id, **session), "type": "session.updated"}


def turn(number: int, text: str, pcm: bytes = PCM, *, usage: object = None, pieces: int = 3) -> list[Event]:
    """Return the answer to the typed question *number* as OpenAI sends it, from the question's item to the limits."""
    rid, item = f"resp_{number}", f"item_a{number}"
    at = {"response_id": rid, "item_id": item, "output_index": 0, "content_index": 0}
    asked = {"id": f"item_u{number}", "type": "message", "status": "completed", "role": "user", "content": []}
    begun = {"id": item, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    over = {**begun, "status": "completed", "content": [{"type": "output_audio", "transcript": text}]}
    cuts = [len(pcm) * index // pieces for index in range(pieces + 1)]
    half = len(text) // 2
    said = {"type": "response.output_audio_transcript.delta", **at, "obfuscation": "x1"}
    response: Event = {
        "object": "realtime.response",
        "id": rid,
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "usage": None,
        "metadata": None,
    }
    done = {**response, "status": "completed", "output": [over], "usage": USAGE if usage is None else usage}
    events: list[Event] = [
        {"type": "conversation.item.added", "previous_item_id": None, "item": asked},
        {"type": "conversation.item.done", "previous_item_id": None, "item": asked},
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "response_id": rid, "output_index": 0, "item": begun},
        {"type": "conversation.item.added", "previous_item_id": asked["id"], "item": begun},
        {"type": "response.content_part.added", **at, "part": {"type": "audio", "transcript": ""}},
        {**said, "delta": text[:half]},
        *(
            {
                "type": "response.output_audio.delta",
                **at,
                "delta": base64.b64encode(pcm[start:end]).decode(),
            }
            for start, end in itertools.pairwise(cuts)
            if start < end
        ),
        {**said, "delta": text[half:]},
        {"type": "response.output_audio.done", **at},
        {"type": "response.output_audio_transcript.done", **at, "transcript": text},
        {"type": "response.content_part.done", **at, "part": {"type": "audio", "transcript": text}},
        {"type": "conversation.item.done", "previous_item_id": asked["id"], "item": over},
        {"type": "response.output_item.done", "response_id": rid, "output_index": 0, "item": over},
        {"type": "response.done", "response": done},
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 40_000, "remaining": 39_950}]},
    ]
    return [{**event, "event_id": f"event_{number}_{index}"} for index, event in enumerate(events)]


_BETA_NAMES: Final = {
    "conversation.item.added": "conversation.item.created",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}


def in_beta(events: Sequence[Event]) -> list[Event]:
    """Return *events* by their names in the beta, which has no `conversation.item.done`."""
    renamed = []
    for event in without(events, "conversation.item.done"):
        event["type"] = _BETA_NAMES.get(event["type"], event["type"])
        renamed.append(event)
    return renamed


def without(events: Sequence[Event], *types: str) -> list[Event]:
    """Return copies of *events*, leaving out those of any of *types*."""
    return [copy.deepcopy(event) for event in events if event["type"] not in types]


def only(events: Sequence[Event], *types: str) -> list[Event]:
    """Return copies of those of *events* that are of any of *types*."""
    return [copy.deepcopy(event) for event in events if event["type"] in types]


def each(events: Sequence[Event], change: Callable[[Event], object]) -> list[Event]:
    """Return copies of *events*, each of which *change* was called with."""
    changed = [copy.deepcopy(event) for event in events]
    for event in changed:
        change(event)
    return changed


def spoken(events: Sequence[Event], *transcription: Event) -> list[Event]:
    """Return *events*, which answer a typed question, for a spoken one that *transcription* is made of."""
    asked, _, *answer = copy.deepcopy([*events])
    asked["item"]["content"] = [{"type": "input_audio", "transcript": None}]
    committed = {"type": "input_audio_buffer.committed", "item_id": asked["item"]["id"], "previous_item_id": None}
    return [committed, asked, *answer[:3], *transcription, *answer[3:]]


def transcribed(number: int, text: str, **fields: object) -> Event:
    """Return what a transcribing model made of the spoken question *number*."""
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": f"item_u{number}", "content_index": 0, "transcript": text, **fields}


def cut_off(number: int, text: str) -> tuple[list[Event], Event]:
    """Return the answer to question *number* up to its first audio, and its end after a cancel."""
    whole = turn(number, text)
    begun = next(index for index, event in enumerate(whole) if event["type"] == "response.output_audio.delta")
    end = only(whole, "response.done")[0]
    end["response"] |= {
        "status": "cancelled",
        "status_details": {"type": "cancelled", "reason": "client_cancelled"},
        "output": [],
    }
    return whole[: begun + 1], end


def answering(
    turns: Sequence[Sequence[Event]], *, opens: Sequence[Event] | None = None, updates: Sequence[Event] | None = None
) -> Story:
    """
    Return the story of a server that answers one question after the other.

    *opens* is what it says first, *updates* what it says to `session.update`.
    """

    async def story(peer: Peer) -> None:
        await peer.send(*([opening()] if opens is None else opens))
        await peer.expect("session.update")
        await peer.send(*([updated()] if updates is None else updates))
        for events in turns:
            await peer.expect("response.create")
            await peer.send(*events)
        await peer.client_left()

    return story


def in_turn(*stories: Story) -> Story:
    """Return a story that is another one for each connection; the last one goes on."""
    left = list(stories)

    async def story(peer: Peer) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(peer)

    return story


def error(message: str, client_event_id: str | None = None, **fields: object) -> Event:
    """Return an `error` event, of the type `invalid_request_error` unless *fields* say otherwise."""
    inside: Mapping[str, object] = {
        "type": "invalid_request_error",
        "code": None,
        "message": message,
        "param": None,
        "event_id": client_event_id,
        **fields,
    }
    return {"type": "error", "event_id": "event_e", "error": dict(inside)}
