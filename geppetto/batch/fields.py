"""One line of JSON, and the fields of the question that it is."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from geppetto.batch.ask import Ask
from geppetto.batch.matching import compiled
from geppetto.text import escape_line

KEYS: Final = ("id", "question", "instructions", "voice", "audio_file", "expect", "max_first_audio_ms")
_ASKING_KEYS: Final = ("question", "audio_file")
_MAX_ID_CHARS: Final = 200
_MAX_SHOWN_CHARS: Final = 50
_MAX_DIGITS: Final = 400
"""Of a number: a float has at most 309 before its point, and Python refuses to read more than 4,300."""
_BEGINS_LIKE_FIELDS: Final = r'\{[^{}]*"(?:question|audio_file)"\s*:'


class Wrong(Exception):
    """What is wrong with a line: the end of a sentence that begins with its number."""


class Fields(msgspec.Struct, frozen=True):
    """The members of one object, each of them a known one."""

    values: dict[str, object]

    def ask(self, *, index: int, given_id: str, line: int) -> Ask:
        """
        Return the question.

        Raises:
            Wrong: a field is of a wrong type or out of its range, or there is nothing to ask.
        """
        question = (self._text("question") or "").strip()
        audio_file = self._text("audio_file")
        if audio_file is not None and not audio_file.strip():
            raise Wrong("has an empty 'audio_file'")
        if not question and audio_file is None:
            raise Wrong("has an empty 'question'" if "question" in self.values else "has no 'question'")
        expect = self._text("expect")
        if expect is not None:
            try:
                compiled(expect)
            except ValueError as error:
                raise Wrong(f"has an 'expect' that {error}") from error
        return Ask(
            index=index,
            id=given_id,
            question=question,
            line=line,
            instructions=self._text("instructions"),
            voice=self._text("voice"),
            audio_file=None if audio_file is None else Path(audio_file),
            expect=expect,
            max_first_audio_ms=self._ms("max_first_audio_ms"),
        )

    def _text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Wrong(f"has {_a(key)} that is {_kind(value)}, not a text")
        refuse_unsendable(value, f"has {_a(key)} with")
        return value

    def _ms(self, key: str) -> float | None:
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(f"has a {key!r} that is {_kind(value)}, not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not 0 < number < math.inf:
            raise Wrong(f"has a {key!r} that is not above zero, or too large")
        return number


def looks_like_fields(text: str) -> bool:
    """
    Return whether *text*, the first line of an input, says that all its lines are JSON.

    It does if it is an object with a question or an audio file. Also if it was meant to be one, with a comma too many
    or a misspelt key: or else all the JSON would be asked, and paid for, as it stands.
    """
    if not text.startswith("{"):
        return False
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return re.match(_BEGINS_LIKE_FIELDS, text) is not None
    return isinstance(value, dict) and any(_nearest(key) in _ASKING_KEYS for key in value)


def read_fields(text: str) -> Fields:
    """
    Read the object that *text* is.

    Raises:
        Wrong: it is no JSON object, or has a key that is not known, or one twice.
    """
    try:
        value: object = json.loads(
            text, parse_constant=_no_constant, parse_int=_read_int, object_pairs_hook=_without_doubles
        )
    except RecursionError as error:
        raise Wrong("is nested too deeply") from error
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:].rstrip(": ")
        raise Wrong(f"is not JSON ({what} at character {error.colno})") from error
    if not isinstance(value, dict):
        raise Wrong(f"is not a JSON object but {_kind(value)}")
    for key in value:
        if key not in KEYS:
            near = _nearest(key)
            hint = f"did you mean {near!r}?" if near is not None else f"there are {', '.join(KEYS)}"
            raise Wrong(f"has an unknown key {_shown(key)} ({hint})")
    return Fields(value)


def read_id(fields: Fields) -> str | None:
    """
    Return the id, if one was given; a number as the text of it.

    Raises:
        Wrong: it is no id.
    """
    value = fields.values.get("id")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong(f"has an 'id' that is {_kind(value)}, not a text")
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong("has an 'id' that is too large a number")
    text = str(value)
    if not text.strip():
        raise Wrong("has an empty 'id'")
    if len(text) > _MAX_ID_CHARS:
        raise Wrong(f"has an 'id' of more than {_MAX_ID_CHARS} characters")
    if escape_line(text) != text:
        raise Wrong("has an 'id' with a control character in it")
    return text


def refuse_unsendable(text: str, before: str = "has") -> None:
    """
    Let *text* pass if it can be sent.

    Raises:
        Wrong: there is a NUL in it, or half of a surrogate pair, which UTF-8 has no bytes for.
    """
    if "\0" in text:
        raise Wrong(f"{before} a NUL character in it, as files have that are not UTF-8")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Wrong(f"{before} half of a surrogate pair in it") from None


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Wrong(f"has the key {_shown(twice)} twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Wrong(f"is not JSON ({name} is no number of JSON)")


def _read_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise Wrong(f"has a number of more than {_MAX_DIGITS} digits")
    return int(digits)


def _nearest(key: str) -> str | None:
    """Return the known key that *key* may be meant for; a long one is none, and would be slow to compare."""
    if len(key) > _MAX_SHOWN_CHARS:
        return None
    import difflib  # 1 ms, and hardly anybody mistypes

    return next(iter(difflib.get_close_matches(key.lower(), KEYS, 1)), None)


def _a(key: str) -> str:
    return f"{'an' if key[0] in 'aeiou' else 'a'} {key!r}"


def _shown(key: str) -> str:
    return repr(key if len(key) <= _MAX_SHOWN_CHARS else f"{key[:_MAX_SHOWN_CHARS]}…")


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
