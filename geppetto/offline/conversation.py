"""
The items of one client's conversation, in order: insert, find, truncate.

Source: OpenAI Realtime API reference, `conversation.item.create`, `.delete`, `.truncate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from geppetto.offline.checks import Refused
from geppetto.offline.items import BYTES_PER_MS

if TYPE_CHECKING:
    from geppetto.offline.items import Item

ITEM_LIMIT: Final = 2_000
KEPT_AUDIO_BYTES: Final = 64 * 1024 * 1024
"""Audio kept for `conversation.item.retrieve` in one conversation; the oldest is forgotten first."""


@attrs.define(kw_only=True)
class Conversation:
    """The items of one client, in order. Bounded: `ITEM_LIMIT` items, `KEPT_AUDIO_BYTES` of audio."""

    conversation_id: str
    items: list[Item] = attrs.field(factory=list)

    def find(self, item_id: object) -> Item | None:
        """Return the item with this id."""
        return next((item for item in self.items if item.item_id == item_id), None)

    def insert(self, item: Item, after: str | None = None) -> str | None:
        """
        Put *item* behind the item called *after*, at the front for `"root"`, at the end for None.

        Returns:
            The id of the item before it, None at the front.

        Raises:
            Refused: the id is taken, *after* is unknown, or the conversation is full.
        """
        if self.find(item.item_id) is not None:
            raise Refused(
                "invalid_value",
                f"Error adding item: an item with id '{item.item_id}' already exists.",
                "item.id",
            )
        if len(self.items) >= ITEM_LIMIT:
            raise Refused("conversation_full", f"A conversation holds at most {ITEM_LIMIT} items.", "item")
        if after is None:
            at = len(self.items)
        elif after == "root":
            at = 0
        else:
            before = self.find(after)
            if before is None:
                raise Refused(
                    "invalid_value",
                    f"Error adding item: the previous item with id '{after}' does not exist.",
                    "previous_item_id",
                )
            at = self.items.index(before) + 1
        self.items.insert(at, item)
        self._forget_audio()
        return self.items[at - 1].item_id if at else None

    def has_call(self, call_id: object) -> bool:
        """Tell whether a function call with this id stands in the conversation."""
        return any(item.kind == "function_call" and item.body.get("call_id") == call_id for item in self.items)

    def settled(self, item_id: str, verb: str) -> Item:
        """
        Return the item with this id, which no response is writing.

        Raises:
            Refused: it does not exist, or a response is still writing it.
        """
        item = self.find(item_id)
        if item is None:
            raise Refused(
                f"item_{verb}_invalid_item_id",
                f"Error: the item with id '{item_id}' does not exist.",
                "item_id",
            )
        if item.in_progress and verb != "retrieve":
            raise Refused(
                "invalid_value",
                f"The item with id '{item_id}' is still being written. Cancel the response first.",
                "item_id",
            )
        return item

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """
        Cut the audio of an assistant item to what was heard, and forget its transcript.

        Raises:
            Refused: there is no such audio, or it is shorter than *audio_end_ms*.
        """
        item = self.settled(item_id, "truncate")
        parts = item.parts()
        spoken = item.role == "assistant" and any(part["type"] == "output_audio" for part in parts)
        if not spoken or audio_end_ms == 0:
            raise Refused(
                "unsupported_content_type",
                "Only assistant audio can be truncated, to more than 0 ms. Delete the item instead.",
                "item_id",
            )
        if content_index >= len(parts):
            raise Refused("invalid_value", f"There is no content part at index {content_index}.", "content_index")
        if audio_end_ms > item.audio_ms:
            raise Refused(
                "invalid_value",
                f"Audio content of {item.audio_ms}ms is already shorter than {audio_end_ms}ms",
                "audio_end_ms",
            )
        item.audio_bytes = audio_end_ms * BYTES_PER_MS
        del item.audio[item.audio_bytes :]
        parts[content_index]["transcript"] = None

    def _forget_audio(self) -> None:
        kept = 0
        for item in reversed(self.items):
            kept += len(item.audio)
            if kept > KEPT_AUDIO_BYTES:
                item.audio.clear()
