"""
Checks of what a client sent, put together from small ones.

A check takes a value and its path (`session.audio.output.speed`), and returns what to keep. What cannot be kept
raises `Refused`, whose code and `param` are those of the live service.

Source: OpenAI Realtime API reference, `error` event; codes as seen in recorded traffic.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Check = Callable[[object, str], object]


class Refused(Exception):
    """
    What a client asked cannot be done; becomes one `error` event, and changes nothing.

    Args:
        code: As at the live service, e.g. `invalid_value`.
        message: One sentence for the person who wrote the client.
        param: Path of the culprit in the client's event, in the GA vocabulary.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


def unknown(path: str) -> Refused:
    """Return the refusal of a parameter that does not exist."""
    return Refused("unknown_parameter", f"Unknown parameter: '{path}'.", path)


def missing(path: str) -> Refused:
    """Return the refusal of an event that lacks a parameter."""
    return Refused("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def mistyped(path: str, expected: str, value: object) -> Refused:
    """Return the refusal of a value of the wrong JSON type."""
    found = _JSON_NAMES.get(type(value), "something else")
    return Refused("invalid_type", f"Invalid type for '{path}': expected {expected}, but got {found} instead.", path)


def unsupported(path: str, value: object, supported: Sequence[str]) -> Refused:
    """Return the refusal of a value that is not one of *supported*."""
    choice = ", ".join(f"'{name}'" for name in supported)
    return Refused("invalid_value", f"Invalid value: {_short(value)}. Supported values are: {choice}.", path)


_JSON_NAMES = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def text(limit_chars: int | None = None) -> Check:
    """Return a check for strings of at most *limit_chars* characters."""

    def check(value: object, path: str) -> object:
        if not isinstance(value, str):
            raise mistyped(path, "a string", value)
        if limit_chars is not None and len(value) > limit_chars:
            raise Refused("invalid_value", f"'{path}' is longer than the maximum of {limit_chars} characters.", path)
        return value

    return check


def boolean(value: object, path: str) -> object:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise mistyped(path, "a boolean", value)
    return value


def integer(low: int, high: int) -> Check:
    """Return a check for integers from *low* to *high*, both included."""

    def check(value: object, path: str) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise mistyped(path, "an integer", value)
        return _within(value, low, high, path)

    return check


def number(low: float, high: float) -> Check:
    """Return a check for numbers from *low* to *high*, both included."""

    def check(value: object, path: str) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise mistyped(path, "a decimal", value)
        return _within(value, low, high, path)

    return check


def _within(value: float, low: float, high: float, path: str) -> float:
    if not low <= value <= high:
        raise Refused("invalid_value", f"Invalid value for '{path}': expected a value from {low} to {high}.", path)
    return value


def one_of(*supported: str) -> Check:
    """Return a check for one of a few strings."""

    def check(value: object, path: str) -> object:
        if not isinstance(value, str):
            raise mistyped(path, "a string", value)
        if value not in supported:
            raise unsupported(path, value, supported)
        return value

    return check


def nullable(check: Check) -> Check:
    """Return *check*, or null."""

    def check_or_null(value: object, path: str) -> object:
        return None if value is None else check(value, path)

    return check_or_null


def word_or(words: Sequence[str], check: Check) -> Check:
    """Return a check for one of *words*; anything that is not a string goes to *check*."""
    check_word = one_of(*words)

    def check_either(value: object, path: str) -> object:
        return check_word(value, path) if isinstance(value, str) else check(value, path)

    return check_either


def array(check: Check, limit: int) -> Check:
    """Return a check for at most *limit* values that all pass *check*."""

    def check_array(value: object, path: str) -> object:
        if not isinstance(value, list):
            raise mistyped(path, "an array", value)
        if len(value) > limit:
            raise Refused("invalid_value", f"'{path}' has more than the maximum of {limit} elements.", path)
        return [check(element, f"{path}[{index}]") for index, element in enumerate(value)]

    return check_array


def mapping(value: object, path: str) -> dict[str, object]:
    """Return *value*, which must be a JSON object."""
    if not isinstance(value, dict):
        raise mistyped(path, "an object", value)
    return value


def fields(known: Mapping[str, Check], required: Sequence[str] = ()) -> Check:
    """Return a check for a JSON object with no other keys than *known*, all of *required* among them."""

    def check_fields(value: object, path: str) -> object:
        return check_object(value, path, known, required)

    return check_fields


def check_object(
    value: object, path: str, known: Mapping[str, Check], required: Sequence[str] = ()
) -> dict[str, object]:
    """Check a JSON object as `fields` does; *path* is empty for a whole event."""
    given = mapping(value, path)
    prefix = f"{path}." if path else ""
    for name in given:
        if name not in known:
            raise unknown(prefix + name)
    for name in required:
        if name not in given:
            raise missing(prefix + name)
    return {name: known[name](element, prefix + name) for name, element in given.items()}


def decoded(value: object, path: str, limit_bytes: int) -> bytes:
    """Return the bytes of base64 text, whole PCM16 frames, at most *limit_bytes* of them."""
    if not isinstance(value, str):
        raise mistyped(path, "a base64 string", value)
    if len(value) > limit_bytes * 4 // 3 + 4:
        raise Refused("invalid_value", f"'{path}' holds more than the maximum of {limit_bytes} bytes of audio.", path)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("invalid_value", f"Invalid '{path}'. Expected base64-encoded audio bytes.", path) from None
