"""Audio payloads cut out of the text of wire messages, so that the log stays small and private."""

from __future__ import annotations

import json
import re
from typing import Final

from geppetto.realtime.deltas import AUDIO_DELTAS

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_FREE_FORM: Final = "metadata"
"""The one object whose keys are the user's: an `audio` in there is a word, not a payload."""

# No unescaped quote stands inside a JSON string, so a match is always a real key with a string value.
_OPENING: Final = {key: re.compile(rf'(?<!\\)"{key}"[ \t\n\r]*:[ \t\n\r]*"', re.ASCII) for key in ("audio", "delta")}
# `\u0061udio` is `audio` too. No known server escapes ASCII letters, so meeting one is a reason to parse.
_ESCAPED_LETTER: Final = re.compile(r"\\u00[4-7]")
_IMAGE_KEY: Final = '"image_url"'
_IMAGE: Final = re.compile(r'((?<!\\)"image_url"[ \t\n\r]*:[ \t\n\r]*"data:[^,"\\]*;base64,)([^"]*)', re.ASCII)
_DELTA: Final = '"delta":"'
_FREE_FORM_KEY: Final = f'"{_FREE_FORM}"'


def cut_delta(text: str, n_bytes: int) -> str | None:
    """
    Return *text*, an audio delta that was decoded to *n_bytes*, trimmed; None where only `trim_audio` can tell.

    Nothing of the payload is looked at: it is as long as base64 of so many bytes is, and nothing else can be meant.
    """
    start = text.find(_DELTA) + len(_DELTA)
    if start < len(_DELTA):
        return None
    end = start + (n_bytes + 2) // 3 * 4
    if text.find('"', start) != end:
        return None
    behind = text[end:]
    trimmed = f"{text[:start]}[trimmed: {n_bytes} bytes]{behind}"
    return None if "\\" in trimmed or _FREE_FORM_KEY in trimmed or '"delta"' in behind else trimmed


def trim_audio(text: str, event_type: str) -> str:
    """
    Return the JSON *text* with each audio payload replaced by `[trimmed: N bytes]`, N being its decoded size.

    A payload is the `delta` of an audio delta; in every other event it is each string under the key `audio`,
    wherever it stands (the append event, the content parts of items), but for `metadata`. Everything else
    stays as it was on the wire: payloads are cut out of the text. Only a text that has escaped letters, or a
    payload beside metadata, is parsed and written again. A payload that is not base64 is cut as well, and the
    note says so. What is not JSON comes back as it is.

    The bytes of a picture, in the `data:` URL of an `image_url`, are cut in the same way.

    Source: `response.output_audio.delta`, `input_audio_buffer.append` and `conversation.item.retrieved` in
    the Realtime API reference.
    """
    if _IMAGE_KEY in text:
        text = _IMAGE.sub(lambda found: found[1] + _note(found[2]), text)
    key = "delta" if event_type in AUDIO_DELTAS else "audio"
    if f'"{key}"' not in text and "\\u00" not in text:
        return text
    opening = _OPENING[key]
    pieces: list[str] = []
    kept_from = 0
    while (match := opening.search(text, kept_from)) is not None:
        start = match.end()
        end = text.find('"', start)
        payload = text[start:end]
        if end < 0 or "\\" in payload:
            return _parse_and_trim(text, key)
        pieces += text[kept_from:start], _note(payload)
        kept_from = end
    pieces.append(text[kept_from:])
    trimmed = "".join(pieces)
    # After the cut the text is short, so these searches cost nothing.
    if _ESCAPED_LETTER.search(trimmed) or (len(pieces) > 1 and _FREE_FORM_KEY in trimmed):
        return _parse_and_trim(text, key)
    return trimmed


def _parse_and_trim(text: str, key: str) -> str:
    try:
        value: object = json.loads(text)
        return json.dumps(value, ensure_ascii=False) if _trim_value(value, key) else text
    except (ValueError, RecursionError):  # not JSON, or nested to absurdity
        return text


def _trim_value(value: object, key: str) -> bool:
    """Trim *value* in place, and return whether anything was cut."""
    trimmed = False
    if isinstance(value, dict):
        for name, member in value.items():
            if name == key and isinstance(member, str):
                value[name] = _note(member)
                trimmed = True
            elif name != _FREE_FORM:
                trimmed |= _trim_value(member, key)
    elif isinstance(value, list):
        for member in value:
            trimmed |= _trim_value(member, key)
    return trimmed


def _note(payload: str) -> str:
    digits = payload.rstrip("=")
    padding = len(payload) - len(digits)
    complete = padding == -len(digits) % 4 or padding == 0
    # Deleting the alphabet and looking for a rest is five times faster than a regular expression here.
    if not (digits.isascii() and complete and len(digits) % 4 != 1) or digits.encode().translate(None, _BASE64):
        return f"[trimmed: {len(payload)} characters, not base64]"
    return f"[trimmed: {len(digits) * 3 // 4} bytes]"
