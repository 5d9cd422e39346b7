"""
Conversation items: what a client may create, and how an item is sent back.

Source: OpenAI Realtime API reference, `conversation.item.create`, `conversation.item.retrieve`.
"""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.offline.checks import (
    array,
    check_object,
    decoded,
    mapping,
    missing,
    nullable,
    one_of,
    text,
    unsupported,
)
from geppetto.offline.settings import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from geppetto.offline.checks import (
        Check,
    )

APPEND_LIMIT_BYTES: Final = 15 * 1024 * 1024
BYTES_PER_MS: Final = 2 * SAMPLE_RATE_HZ // 1000


@attrs.define(kw_only=True)
class Item:
    """
    One item of a conversation.

    Args:
        body: The item as it is sent, in the GA vocabulary, without audio.
        audio: PCM16 little-endian, mono, 24 000 Hz, of the item's audio content.
        audio_bytes: How much audio the item has, even after the audio itself was forgotten.
    """

    body: dict[str, object]
    audio: bytearray = attrs.field(factory=bytearray, repr=False)
    audio_bytes: int = 0

    @property
    def item_id(self) -> str:
        """Return the id, chosen by the client or the server."""
        return str(self.body["id"])

    @property
    def kind(self) -> str:
        """Return `message`, `function_call` or `function_call_output`."""
        return str(self.body["type"])

    @property
    def role(self) -> str:
        """Return `system`, `user` or `assistant`; empty for what is not a message."""
        return str(self.body.get("role", ""))

    @property
    def in_progress(self) -> bool:
        """Tell whether a response is still writing this item."""
        return self.body.get("status") == "in_progress"

    @property
    def audio_ms(self) -> int:
        """Return the length of the item's audio, in whole milliseconds."""
        return self.audio_bytes // BYTES_PER_MS

    def parts(self) -> list[dict[str, object]]:
        """Return the content parts; empty for function calls and their outputs."""
        content = self.body.get("content")
        return content if isinstance(content, list) else []

    def hear(self, pcm: bytes) -> None:
        """Add *pcm* to the item's audio."""
        self.audio += pcm
        self.audio_bytes += len(pcm)

    def wire(self) -> dict[str, object]:
        """Return the item as events carry it: without audio; a copy."""
        return copy.deepcopy(self.body)

    def wire_with_audio(self) -> dict[str, object]:
        """Return the item as `conversation.item.retrieved` carries it."""
        body = self.wire()
        content = body.get("content")
        for part in content if isinstance(content, list) else []:
            if part["type"] in ("input_audio", "output_audio") and self.audio:
                part["audio"] = base64.b64encode(self.audio).decode()
        return body


_ITEM: Final[dict[str, Check]] = {
    "id": text(64),
    "object": one_of("realtime.item"),
    "type": one_of("message", "function_call", "function_call_output"),
    "status": one_of("completed", "incomplete", "in_progress"),
}
_TEXT: Final = text(1_000_000)
_PARTS: Final[dict[str, dict[str, dict[str, Check]]]] = {
    "system": {"input_text": {"text": _TEXT}},
    "user": {
        "input_text": {"text": _TEXT},
        "input_audio": {"audio": text(), "transcript": nullable(_TEXT)},
        "input_image": {"image_url": text(), "detail": one_of("auto", "low", "high")},
    },
    # Assistant audio cannot be sent back: a restored answer is text.
    "assistant": {"output_text": {"text": _TEXT}},
}
_REQUIRED: Final = {
    "input_text": "text",
    "output_text": "text",
    "input_audio": "audio",
    "input_image": "image_url",
}


def checked_item(value: object, path: str, new_id: str) -> Item:
    """
    Return the item that a client describes, with *new_id* unless it chose one.

    Raises:
        Refused: the item is not one that a client may create.
    """
    given = mapping(value, path)
    if "type" not in given:
        raise missing(f"{path}.type")
    kind = _ITEM["type"](given["type"], f"{path}.type")
    known = dict(_ITEM)
    if kind == "function_call":
        known |= {"name": text(128), "arguments": _TEXT, "call_id": text(64)}
        body = check_object(given, path, known, ["name", "arguments"])
        body.setdefault("call_id", f"call_{new_id.removeprefix('item_')}")
    elif kind == "function_call_output":
        known |= {"call_id": text(64), "output": _TEXT}
        body = check_object(given, path, known, ["call_id", "output"])
    else:
        return _checked_message(given, path, new_id)
    rest = {name: value for name, value in body.items() if name not in ("id", "object", "status", "type")}
    status = {} if kind == "function_call_output" else {"status": "completed"}
    return Item(body={"id": body.get("id", new_id), "type": kind, **status, **rest})


def _checked_message(given: dict[str, object], path: str, new_id: str) -> Item:
    known = dict(_ITEM) | {"role": one_of("system", "user", "assistant"), "content": array(mapping, 256)}
    body = check_object(given, path, known, ["role", "content"])
    role = str(body["role"])
    item = Item(
        body={
            "id": body.get("id", new_id),
            "type": "message",
            "status": "completed",
            "role": role,
        }
    )
    content = body["content"]
    assert isinstance(content, list)
    item.body["content"] = [
        _checked_part(part, f"{path}.content[{index}]", role, item) for index, part in enumerate(content)
    ]
    return item


def _checked_part(part: dict[str, object], path: str, role: str, item: Item) -> dict[str, object]:
    kind = part.get("type")
    if kind is None:
        raise missing(f"{path}.type")
    if role == "assistant" and kind == "output_audio":
        raise missing(f"{path}.text")
    known = _PARTS[role]
    if not isinstance(kind, str) or kind not in known:
        raise unsupported(f"{path}.type", kind, list(known))
    checked = check_object(part, path, {"type": text(), **known[kind]}, [_REQUIRED[kind]])
    if kind == "input_audio":
        item.hear(decoded(checked.pop("audio"), f"{path}.audio", APPEND_LIMIT_BYTES))
        checked.setdefault("transcript", None)
    return checked


def listened_item(item_id: str, pcm: bytes) -> Item:
    """Return the user's item that a commit of the input audio buffer makes."""
    item = Item(
        body={
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
    )
    item.hear(pcm)
    return item
