"""Kept items as what a new session is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.realtime.history import CUT_OFF_MARK, Said, spoken_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.memory.kept import Item


def restored(items: Sequence[Item]) -> Sequence[Said]:
    """
    Return what `open_chat` takes to go on with *items*, the oldest first, as `History` has it after a reconnect.

    What was out of band is left out, and so is a question that failed without a word: a server that did not take it
    would not take it now.
    """
    said: list[Said] = []
    for item, after in zip(items, [*items[1:], None], strict=True):
        if item.independent:
            continue
        if item.answer is not None:
            mark = "" if item.answer.status == "completed" else CUT_OFF_MARK
            if item.text:
                said.append(Said("assistant", item.text + mark))
        elif not _failed(after):
            said.append(Said("user", spoken_words(item.text) if item.spoken and not item.heard else item.text))
    return tuple(said)


def _failed(item: Item | None) -> bool:
    return item is not None and item.answer is not None and item.answer.status == "failed" and not item.text
