"""
One response: the events of its life, in the order in which the live service sends them, and what it cost.

Source: OpenAI Realtime API reference, `response.*`; order as in recorded traffic. Audio is only ever in the deltas.
"""

from __future__ import annotations

import base64
import copy
import re
from typing import TYPE_CHECKING, Final, Literal

import attrs

from geppetto.offline.items import BYTES_PER_MS
from geppetto.offline.prompt import OUTPUT_AUDIO_MS_PER_TOKEN, text_tokens

if TYPE_CHECKING:
    from geppetto.offline.items import Item
    from geppetto.offline.prompt import Prompt

Event = dict[str, object]
"""One event on its way out, in the GA vocabulary, still without its `event_id`."""

DELTA_MS: Final = 100
DELTA_BYTES: Final = DELTA_MS * BYTES_PER_MS
TOKEN_LIMIT: Final = 40_000
"""What `rate_limits.updated` shows. Nothing enforces it: the offline server has no limits."""
_CACHE_BLOCK_TOKENS: Final = 64

Status = Literal["completed", "cancelled", "incomplete", "failed"]
Ending = tuple[Status, str | None, Event | None]
"""How a response ends: what `OngoingResponse.finish` takes."""


def words(text: str) -> list[str]:
    """Split *text* into words that keep the white space before them: joined, they are *text* again."""
    return re.findall(r"\s*\S+|\s+$", text)


def deltas(pcm: bytes) -> list[bytes]:
    """Cut PCM16 into pieces of `DELTA_MS`, the last one shorter."""
    return [pcm[start : start + DELTA_BYTES] for start in range(0, len(pcm), DELTA_BYTES)]


@attrs.frozen(kw_only=True)
class ResponseSettings:
    """What the session says about a response, with what the client asked for this one."""

    modality: Literal["audio", "text"]
    voice: str
    max_output_tokens: int | None
    """None for "inf"."""
    metadata: dict[str, str] | None
    temperature: float | None = None


@attrs.define(kw_only=True)
class OngoingResponse:
    """
    A response from `response.created` to `response.done`.

    Args:
        conversation_id: None for an out-of-band response, which adds nothing to the history.
        item: The assistant's item that the response writes.
        previous_item_id: What stands before the item in the conversation.
        known_tokens: Text and audio tokens of an earlier prompt: what a cache would know.
    """

    response_id: str
    conversation_id: str | None
    item: Item
    previous_item_id: str | None
    prompt: Prompt
    settings: ResponseSettings
    known_tokens: tuple[int, int] = (0, 0)
    _said: list[str] = attrs.field(factory=list)
    _text_tokens: int = 0
    _audio_bytes: int = 0

    @property
    def spoken(self) -> bool:
        """Tell whether the answer is audio."""
        return self.settings.modality == "audio"

    @property
    def _audio_tokens(self) -> int:
        return -(-self._audio_bytes // (OUTPUT_AUDIO_MS_PER_TOKEN * BYTES_PER_MS))

    def _affords(self, text: int, audio_bytes: int = 0) -> bool:
        limit = self.settings.max_output_tokens
        audio = -(-(self._audio_bytes + audio_bytes) // (OUTPUT_AUDIO_MS_PER_TOKEN * BYTES_PER_MS))
        return limit is None or self._text_tokens + text + audio <= limit

    def begin(self) -> list[Event]:
        """Return the events before the first word."""
        part = {"type": "audio", "transcript": ""} if self.spoken else {"type": "text", "text": ""}
        events: list[Event] = [
            {"type": "response.created", "response": self._wire("in_progress", None)},
            {"type": "response.output_item.added", **self._place("item"), "item": self.item.wire()},
        ]
        if self.conversation_id is not None:
            events.append(self._item_event("conversation.item.added", self.previous_item_id))
        events.append({"type": "response.content_part.added", **self._place(), "part": part})
        return events

    def say(self, word: str) -> list[Event] | None:
        """Return the delta of one word, or None if `max_output_tokens` does not allow it."""
        cost = text_tokens(word.strip())
        if not self._affords(cost):
            return None
        self._said.append(word)
        self._text_tokens += cost
        kind = "output_audio_transcript" if self.spoken else "output_text"
        return [{"type": f"response.{kind}.delta", **self._place(), "delta": word}]

    def sound(self, pcm: bytes) -> list[Event] | None:
        """Return the delta of one piece of audio, or None if `max_output_tokens` does not allow it."""
        if not self._affords(0, len(pcm)):
            return None
        self._audio_bytes += len(pcm)
        self.item.hear(pcm)
        audio = base64.b64encode(pcm).decode()
        return [{"type": "response.output_audio.delta", **self._place(), "delta": audio}]

    def finish(self, status: Status, reason: str | None = None, error: Event | None = None) -> list[Event]:
        """
        Return the closing events and complete the item.

        Args:
            reason: Of a cancelled or incomplete response.
            error: Of a failed response: type, code and message.
        """
        said = "".join(self._said)
        self.item.body["status"] = "completed" if status == "completed" else "incomplete"
        if self.spoken:
            self.item.body["content"] = [{"type": "output_audio", "transcript": said}]
            part: Event = {"type": "audio", "transcript": said}
            events: list[Event] = [
                {"type": "response.output_audio.done", **self._place()},
                {"type": "response.output_audio_transcript.done", **self._place(), "transcript": said},
            ]
        else:
            self.item.body["content"] = [{"type": "output_text", "text": said}]
            part = {"type": "text", "text": said}
            events = [{"type": "response.output_text.done", **self._place(), "text": said}]
        details: Event | None = None
        if status != "completed":
            details = {"type": status}
            details |= {"reason": reason} if reason else {}
            details |= {"error": error} if error else {}
        events.append({"type": "response.content_part.done", **self._place(), "part": part})
        if self.conversation_id is not None:
            # Null even when `.added` named an item: so the live service does it.
            events.append(self._item_event("conversation.item.done", None))
        return [
            *events,
            {"type": "response.output_item.done", **self._place("item"), "item": self.item.wire()},
            {"type": "response.done", "response": self._wire(status, details)},
            self._rate_limits(),
        ]

    def _place(self, of: Literal["item", "part"] = "part") -> Event:
        place: Event = {"response_id": self.response_id, "output_index": 0}
        return place if of == "item" else {**place, "item_id": self.item.item_id, "content_index": 0}

    def _item_event(self, kind: str, previous: str | None) -> Event:
        return {"type": kind, "previous_item_id": previous, "item": self.item.wire()}

    def _wire(self, status: Status | Literal["in_progress"], details: Event | None) -> Event:
        done = status != "in_progress"
        limit = self.settings.max_output_tokens
        pcm = {"type": "audio/pcm", "rate": 24_000}
        wire: Event = {
            "object": "realtime.response",
            "id": self.response_id,
            "status": status,
            "status_details": details,
            "output": [self.item.wire()] if done else [],
            "conversation_id": self.conversation_id,
            "output_modalities": [self.settings.modality],
            "max_output_tokens": "inf" if limit is None else limit,
            "audio": {"output": {"format": pcm, "voice": self.settings.voice}},
            "usage": self._usage() if done else None,
            "metadata": copy.copy(self.settings.metadata),
        }
        if self.settings.temperature is not None:
            wire["temperature"] = self.settings.temperature
        return wire

    def _usage(self) -> Event:
        text_in, audio_in = self.prompt.text_tokens, self.prompt.audio_tokens
        cached_text, cached_audio = (
            min(now, known) // _CACHE_BLOCK_TOKENS * _CACHE_BLOCK_TOKENS
            for now, known in zip((text_in, audio_in), self.known_tokens, strict=True)
        )
        return {
            "total_tokens": self._total_tokens(),
            "input_tokens": text_in + audio_in,
            "output_tokens": self._text_tokens + self._audio_tokens,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": cached_text + cached_audio,
                "cached_tokens_details": {
                    "text_tokens": cached_text,
                    "audio_tokens": cached_audio,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": self._text_tokens, "audio_tokens": self._audio_tokens},
        }

    def _total_tokens(self) -> int:
        prompt = self.prompt.text_tokens + self.prompt.audio_tokens
        return prompt + self._text_tokens + self._audio_tokens

    def _rate_limits(self) -> Event:
        remaining = max(0, TOKEN_LIMIT - self._total_tokens())
        reset_s = round(60 * (TOKEN_LIMIT - remaining) / TOKEN_LIMIT, 3)
        limit = {"name": "tokens", "limit": TOKEN_LIMIT, "remaining": remaining, "reset_seconds": reset_s}
        return {"type": "rate_limits.updated", "rate_limits": [limit]}


@attrs.define(kw_only=True)
class Pace:
    """How far ahead of real time audio may be sent: *lead_s* seconds; 0 means without any pacing."""

    lead_s: float
    _started_s: float = 0.0
    _sent_s: float = 0.0

    def wait_s(self, now_s: float, pcm: bytes) -> float:
        """Count *pcm* as sent, and return how long to wait before sending it. *now_s* is any steady clock."""
        if not self.lead_s:
            return 0.0
        played_s = now_s - self._started_s
        if played_s > self._sent_s:  # nothing was ahead: who listens starts again here
            self._started_s, played_s = now_s - self._sent_s, self._sent_s
        self._sent_s += len(pcm) / (1000 * BYTES_PER_MS)
        return max(0.0, self._sent_s - played_s - self.lead_s)
