"""
What a `response.create` asks for, on top of what the session says.

Source: OpenAI Realtime API reference, `response.create`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from geppetto.offline.checks import Refused, array, check_object, mapping, nullable, one_of, text
from geppetto.offline.items import checked_item
from geppetto.offline.responses import ResponseSettings
from geppetto.offline.settings import RESPONSE_CHECKS, TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from geppetto.offline.checks import Check
    from geppetto.offline.conversation import Conversation
    from geppetto.offline.items import Item
    from geppetto.offline.responses import Event
    from geppetto.offline.session import Session

INPUT_LIMIT = 1_000


@attrs.frozen(kw_only=True)
class Asked:
    """One response, as asked for."""

    out_of_band: bool
    settings: ResponseSettings
    instructions: str
    context: list[Item] | None
    """The items to answer; None for those of the conversation."""


def asked_response(
    given: object, session: Session, conversation: Conversation, new_id: Callable[[str], str]
) -> Asked:
    """
    Read the `response` of a `response.create`.

    Raises:
        Refused: a setting is unknown or wrong, or an item that it refers to does not exist.
    """

    def input_item(value: object, path: str) -> Item:
        item = mapping(value, path)
        if item.get("type") != "item_reference":
            return checked_item(item, path, new_id("item"))
        reference = check_object(item, path, {"type": text(), "id": text()}, ["id"])
        found = conversation.find(reference["id"])
        if found is None:
            raise Refused("invalid_value", f"The item with id '{reference['id']}' does not exist.", f"{path}.id")
        return found

    checks: dict[str, Check] = {
        **RESPONSE_CHECKS,
        "conversation": one_of("auto", "none"),
        "input": array(input_item, INPUT_LIMIT),
        "metadata": nullable(_metadata),
        **({"temperature": TEMPERATURE} if session.beta else {}),
    }
    asked = check_object(given, "response", checks)
    context = asked.get("input")
    return Asked(
        out_of_band=asked.get("conversation") == "none",
        settings=_settings(asked, session),
        instructions=str(asked.get("instructions", session.get("instructions"))),
        context=context if isinstance(context, list) else None,
    )


def session_voice(session: Session) -> str:
    """Return the name or id of the session's voice."""
    return _voice_name(session.get("audio", "output", "voice"))


def _settings(asked: Event, session: Session) -> ResponseSettings:
    modalities = asked.get("output_modalities", session.get("output_modalities"))
    output = mapping(mapping(asked.get("audio", {}), "").get("output", {}), "")
    limit = asked.get("max_output_tokens", session.get("max_output_tokens"))
    metadata = asked.get("metadata")
    temperature = asked.get("temperature", session.get("temperature"))
    return ResponseSettings(
        modality="audio" if modalities == ["audio"] else "text",
        voice=_voice_name(output["voice"]) if "voice" in output else session_voice(session),
        max_output_tokens=limit if isinstance(limit, int) else None,
        metadata={key: str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else None,
        temperature=float(temperature) if isinstance(temperature, int | float) else None,
    )


def _voice_name(voice: object) -> str:
    return str(voice["id"] if isinstance(voice, dict) else voice)


def _metadata(value: object, path: str) -> object:
    given = mapping(value, path)
    if len(given) > 16 or any(len(key) > 64 for key in given):
        raise Refused("invalid_value", f"'{path}' takes at most 16 pairs, with keys of at most 64 characters.", path)
    return {key: text(512)(element, f"{path}.{key}") for key, element in given.items()}
