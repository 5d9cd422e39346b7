"""
What must be on disk: a second, simple opinion on what each message means.

The wire log tells how many messages of each session the client has read, and the server what it had said in them.
Nothing of Geppetto is used here to understand them.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    Event = dict[str, Any]


@attrs.define(kw_only=True, eq=False)
class Heard:
    """One response as it arrived: everything between its beginning and its end, or what came after its end."""

    response_id: str
    key: str | None
    status: str = ""
    """As its `response.done` says; empty without one."""
    texts: dict[str, str] = attrs.field(factory=dict)
    """By item, in the order of their first words."""
    pcm: bytes = b""
    audio_bytes: int = 0
    _odd: dict[str, bytes] = attrs.field(factory=dict)

    @property
    def text(self) -> str:
        """The words, a line for each item; without the key."""
        return masked("\n".join(text for text in self.texts.values() if text), self.key)

    @property
    def whole_pcm(self) -> bytes:
        """Its frames; an odd byte at the end is a frame with a zero."""
        return self.pcm + b"".join(odd + b"\x00" for odd in self._odd.values())

    def add_audio(self, item_id: str, data: bytes) -> None:
        """Put whole frames behind the others; a half one waits for the rest of its item."""
        self.audio_bytes += len(data)
        data = self._odd.pop(item_id, b"") + data
        if len(data) % 2:
            self._odd[item_id] = data[-1:]
            data = data[:-1]
        self.pcm += data


@attrs.define
class Witness:
    """Everything that was received, by connection and response."""

    key: str | None
    n_messages: dict[str, int] = attrs.field(factory=dict)
    """How many were received in each session, by its id."""
    strange: list[str] = attrs.field(factory=list)
    """What was received and not sent."""
    heard: list[Heard] = attrs.field(factory=list)
    _open: dict[str, Heard] = attrs.field(factory=dict)
    _late: dict[str, Heard] = attrs.field(factory=dict)
    _over: set[str] = attrs.field(factory=set)

    @classmethod
    def of(cls, log_dir: Path, sent: Mapping[str, Sequence[str]], key: str | None) -> Witness:
        """Read the log of the one session in *log_dir*; *sent* has what the server has said in each session."""
        witness = cls(key)
        session_id = ""
        (path,) = log_dir.glob("*.log")
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if entry["direction"] != "received":
                    continue
                if entry["type"] == "session.created":
                    session_id = json.loads(entry["raw_json"])["session"]["id"]
                    witness._new_session()
                number = witness.n_messages.get(session_id, 0)
                witness.n_messages[session_id] = number + 1
                text = next(iter(sent.get(session_id, ())[number : number + 1]), "")
                if masked(text, key) != entry["raw_json"]:
                    witness.strange.append(
                        f"message {number} of {session_id!r} was not sent: {entry['raw_json'][:80]}"
                    )
                elif not entry["type"].startswith("("):
                    witness._take(json.loads(text))
        return witness

    def _new_session(self) -> None:
        self._open, self._late, self._over = {}, {}, set()

    def _begin(self, response_id: str) -> Heard:
        heard = Heard(response_id=response_id, key=self.key)
        self.heard.append(heard)
        return heard

    def _find(self, response_id: str) -> Heard:
        known = self._late if response_id in self._over else self._open
        if response_id not in known:
            known[response_id] = self._begin(response_id)
        return known[response_id]

    def _take(self, event: Event) -> None:
        match event["type"]:
            case "response.created":
                if event["response"]["id"] not in self._over:
                    self._find(event["response"]["id"])
            case "response.output_audio.delta":
                self._find(event["response_id"]).add_audio(event["item_id"], base64.b64decode(event["delta"]))
            case "response.output_audio_transcript.delta":
                texts = self._find(event["response_id"]).texts
                texts[event["item_id"]] = texts.get(event["item_id"], "") + event["delta"]
            case "response.output_audio_transcript.done":
                if event["response_id"] not in self._over:
                    self._find(event["response_id"]).texts[event["item_id"]] = event["transcript"]
            case "response.done":
                response_id = event["response"]["id"]
                if response_id not in self._over:
                    heard = self._open.pop(response_id, None) or self._begin(response_id)
                    heard.status = event["response"]["status"]
                    self._over.add(response_id)
            case _:
                pass


def files_of(heard: Iterable[Heard]) -> list[tuple[bytes, str]]:
    """Return the PCM and the words of each pair of files that *heard* must have become, sorted."""
    return sorted((one.whole_pcm, one.text) for one in heard if one.pcm or one.audio_bytes or one.text)


def masked(text: str, key: str | None) -> str:
    """Return *text* as it may be kept: without the key, and without the first part of it."""
    for n_chars in range(len(key or ""), 11, -1):
        text = text.replace((key or "")[:n_chars], "[key]")
    return text
