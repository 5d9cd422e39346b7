"""
What a response is asked: the items of its context, read into a question, a history and a count of tokens.

The server does not listen and does not look: a question that is only audio or an image gets an answer that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.offline.items import Item

CHARS_PER_TOKEN: Final = 4
INPUT_AUDIO_MS_PER_TOKEN: Final = 100
OUTPUT_AUDIO_MS_PER_TOKEN: Final = 50

CANNOT_LISTEN: Final = (
    "I received {seconds:.1f} seconds of audio, but I cannot listen to speech yet. Please type your question."
)
CANNOT_LOOK: Final = "I received a picture, but I cannot look at pictures. Please ask in words."


@attrs.frozen(kw_only=True)
class Prompt:
    """What the brain is asked, or the reply that needs no brain."""

    question: str
    history: tuple[tuple[str, str], ...]
    """Questions and their answers, oldest first."""
    instructions: str
    reply: str | None
    """What to say without asking the brain; None to ask it."""
    text_tokens: int
    audio_tokens: int


def text_tokens(text: str) -> int:
    """Return about how many tokens *text* takes."""
    return -(-len(text) // CHARS_PER_TOKEN)


def read_prompt(items: Sequence[Item], instructions: str) -> Prompt:
    """Read the context of a response. The last thing a user said is the question."""
    history: list[tuple[str, str]] = []
    rules = [instructions]
    pending: str | None = None
    reply: str | None = None
    for item in items:
        said = _said(item)
        if item.kind == "function_call_output":
            reply = f"The tool answered: {said}"
        elif item.role == "user":
            if pending is not None:
                history.append((pending, ""))
            pending, reply = said, _excuse(item, said)
        elif item.role == "assistant":
            if pending is not None:
                history.append((pending, said))
            elif history:
                question, answer = history[-1]
                history[-1] = (question, f"{answer} {said}".strip())
            pending = reply = None
        elif item.role == "system":
            rules.append(said)
    return Prompt(
        question=pending or "",
        history=tuple(history),
        instructions="\n".join(rule for rule in rules if rule),
        reply=reply,
        text_tokens=text_tokens(instructions) + sum(text_tokens(_said(item)) for item in items),
        audio_tokens=sum(_audio_tokens(item) for item in items),
    )


def _said(item: Item) -> str:
    if item.kind != "message":
        said = str(item.body.get("output", item.body.get("arguments", "")))
    else:
        parts = (part.get("text") or part.get("transcript") or "" for part in item.parts())
        said = "\n".join(str(part) for part in parts if part)
    # JSON can hold half of a surrogate pair; a brain and a voice cannot.
    return said.encode("utf-8", "replace").decode("utf-8")


def _excuse(item: Item, said: str) -> str | None:
    if said.strip():
        return None
    kinds = {part["type"] for part in item.parts()}
    if "input_audio" in kinds:
        return CANNOT_LISTEN.format(seconds=item.audio_ms / 1000)
    return CANNOT_LOOK if "input_image" in kinds else None


def _audio_tokens(item: Item) -> int:
    return item.audio_ms // (OUTPUT_AUDIO_MS_PER_TOKEN if item.role == "assistant" else INPUT_AUDIO_MS_PER_TOKEN)
