"""
The beta dialect at the edge of a server that thinks in GA: flat sessions, `response.audio.*`, `item.created`.

Source: OpenAI Realtime API reference of the beta, and recorded traffic of a service that still speaks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geppetto.offline.checks import Refused, array, mistyped, one_of, unknown, unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.offline.responses import Event

_NESTED: Final = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "speed": ("audio", "output", "speed"),
    "max_response_output_tokens": ("max_output_tokens",),
}
"""Where the beta's settings stand in GA."""
_SAME: Final = ("model", "instructions", "tools", "tool_choice", "temperature")
_SAME_IN: Final = {
    "session": (*_SAME, "tracing"),
    "response": (*_SAME[1:], "conversation", "metadata", "input"),
}
_FORMATS: Final = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_RENAMED: Final = {
    "response.output_text.": "response.text.",
    "response.output_audio.": "response.audio.",
    "response.output_audio_transcript.": "response.audio_transcript.",
}
_PART_TYPES: Final = {"output_text": "text", "output_audio": "audio"}


def inbound(event: Event) -> Event:
    """
    Return a client's beta event in the GA vocabulary.

    Raises:
        Refused: it names a setting that the beta does not have.
    """
    kind = event.get("type")
    if kind == "session.update" and isinstance(event.get("session"), dict):
        return {**event, "session": {"type": "realtime", **_settings_in(event["session"], "session")}}
    if kind == "response.create" and isinstance(event.get("response"), dict):
        settings = _settings_in(event["response"], "response")
        if isinstance(settings.get("input"), list):
            settings["input"] = [_item_in(item) for item in _list(settings["input"])]
        return {**event, "response": settings}
    if kind == "conversation.item.create":
        return {**event, "item": _item_in(event["item"])} if "item" in event else event
    return event


def refusal(refused: Refused) -> Refused:
    """Return *refused* with its path in the beta's vocabulary: `session.voice`, not `session.audio.output.voice`."""
    if refused.param is None:
        return refused
    path = _flat_path(refused.param)
    return Refused(refused.code, refused.message.replace(f"'{refused.param}'", f"'{path}'"), path)


def outbound(event: Event) -> list[Event]:
    """Return what the beta sends for one GA event: one event, or none."""
    kind = str(event["type"])
    if kind == "conversation.item.done":
        return []
    if kind == "conversation.item.added":
        kind = "conversation.item.created"
    for ga, beta in _RENAMED.items():
        kind = beta + kind.removeprefix(ga) if kind.startswith(ga) else kind
    result = {**event, "type": kind}
    if "item" in result:
        result["item"] = _item_out(_dict(result["item"]))
    if "session" in result:
        result["session"] = _session_out(_dict(result["session"]))
    if "response" in result:
        result["response"] = _response_out(_dict(result["response"]))
    return [result]


def _flat_path(path: str) -> str:
    for name, names in _NESTED.items():
        for root in ("session", "response"):
            nested = ".".join((root, *names))
            if path == nested or path.startswith((f"{nested}.", f"{nested}[")):
                return f"{root}.{name}{path[len(nested) :]}"
    return path


def _settings_in(flat: object, root: str) -> dict[str, object]:
    result: dict[str, object] = {}
    for name, value in _dict(flat).items():
        path = f"{root}.{name}"
        if name in _SAME_IN[root]:
            result[name] = value
            continue
        if name not in _NESTED or (root == "response" and ("input" in name or name in ("turn_detection", "speed"))):
            raise unknown(path)
        at = result
        *above, last = _NESTED[name]
        for step in above:
            at = _dict(at.setdefault(step, {}))
        at[last] = _setting_in(name, value, path)
    return result


def _setting_in(name: str, value: object, path: str) -> object:
    if name == "modalities":
        names = array(one_of("text", "audio"), 2)(value, path)
        if names == ["text"]:
            return names
        if sorted(str(name) for name in _list(names)) == ["audio", "text"]:
            return ["audio"]
        combinations = "['text'] and ['audio', 'text']"
        raise Refused(
            "invalid_value", f"Invalid modalities: {names}. Supported combinations are: {combinations}.", path
        )
    if name.endswith("_format"):
        if not isinstance(value, str):
            raise mistyped(path, "a string", value)
        if value != "pcm16":  # G.711 is refused: see `session.audio_format`
            raise unsupported(path, value, ["pcm16"])
        return {"type": _FORMATS[value], "rate": 24_000}
    return value


def _item_in(item: object) -> object:
    """Rename the content types of an assistant's message: `text` is `output_text` in GA."""
    if not isinstance(item, dict) or item.get("role") != "assistant":
        return item
    content = item.get("content")
    if not isinstance(content, list):
        return item
    names = {beta: ga for ga, beta in _PART_TYPES.items()}
    return {**item, "content": [_retyped(part, names) for part in content]}


def _retyped(part: object, names: Mapping[str, str]) -> object:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return part
    return {**part, "type": names.get(part["type"], part["type"])}


def _item_out(item: Event) -> Event:
    result = {"id": item["id"], "object": "realtime.item", **item}
    if "content" in item:
        result["content"] = [_retyped(part, _PART_TYPES) for part in _list(item["content"])]
    return result


def _session_out(session: Event) -> Event:
    result = {"id": session["id"], "object": session["object"], "expires_at": session["expires_at"]}
    result |= {name: session[name] for name in _SAME_IN["session"] if name in session}
    for name, names in _NESTED.items():
        value: object = session
        for step in names:
            value = _dict(value)[step]
        result[name] = _setting_out(name, value)
    return result


def _setting_out(name: str, value: object) -> object:
    if name == "modalities":
        return ["text"] if value == ["text"] else ["text", "audio"]
    if name.endswith("_format"):
        return next(beta for beta, ga in _FORMATS.items() if ga == _dict(value)["type"])
    if name == "turn_detection" and isinstance(value, dict):
        return {key: setting for key, setting in value.items() if key != "idle_timeout_ms"}
    return value


def _response_out(response: Event) -> Event:
    result = {name: value for name, value in response.items() if name not in ("audio", "output_modalities", "usage")}
    output = _dict(_dict(response["audio"])["output"])
    result["output"] = [_item_out(_dict(item)) for item in _list(response["output"])]
    result["modalities"] = _setting_out("modalities", response["output_modalities"])
    result["voice"] = output["voice"]
    result["output_audio_format"] = _setting_out("output_audio_format", output["format"])
    result["usage"] = usage = response["usage"]
    if isinstance(usage, dict):
        known = ("cached_tokens", "text_tokens", "audio_tokens")
        details = _dict(usage["input_token_details"])
        result["usage"] = {**usage, "input_token_details": {name: details[name] for name in known}}
    return result


def _dict(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
