"""
What a table of settings may hold: known names, values of the right kind and range.

A table of rows is checked in a loop. cattrs (17 ms) and msgspec (11 ms) would be imported at every start, and neither
knows of lines or of the ranges that `ClientConfig` has.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from geppetto.errors import ConfigError
from geppetto.providers import check_label
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.setting import Setting

Table = dict[str, object]
EXTRA_KEYS: Final[dict[str, str]] = {
    "key_env": "Variable that holds the key for the server that this table, or one below it, names.",
    "resource": "Azure resource: the first part of its host.",
}
"""Texts that are no settings of a session, by name, with what they are for."""
_HINTS: Final = {
    "api_key": "Keys are not kept here: `geppetto keys set` stores one, key_env names a variable.",
    "key": "Keys are not kept here: `geppetto keys set` stores one, key_env names a variable.",
    "deployment": "The name of a deployment is the model.",
    "offline": 'The embedded server is provider = "offline".',
    "profile": "Profiles don't hold profiles.",
    "default_profile": "It stands at the top of the file, above all tables.",
}
_KINDS: Final = {
    str: 'text in quotes, such as "marin"',
    Path: 'a path in quotes, such as "recordings"',
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


class Vocabulary(Protocol):
    """The settings that there are."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Return them by name."""

    def check(self, name: str, value: object) -> None:
        """Raise ConfigError if *value* is out of the range of the setting *name*."""


def check_table(
    table: Table, vocabulary: Vocabulary, wrong: Callable[[str, str], ConfigError], *, top: bool
) -> dict[str, object]:
    """
    Return the values of *table*, each of the kind of its setting.

    Args:
        wrong: makes the error from a name in the table and a sentence.
        top: whether this is the table at the top.

    Raises:
        ConfigError: a name is unknown, or a value is of another kind or out of its range.
    """
    values: dict[str, object] = {}
    for name, value in table.items():
        setting = vocabulary.settings.get(name)
        if setting is None and name not in EXTRA_KEYS:
            raise wrong(name, _unknown(name, vocabulary, top=top))
        kind = str if setting is None else setting.kind
        converted = _converted(kind, value)
        if converted is None:
            raise wrong(name, f"{name} must be {_KINDS[kind]}, not {_told(value)}.")
        try:
            if setting is not None:
                vocabulary.check(name, converted)
            elif name == "resource":
                check_label(name, str(converted))
        except ConfigError as error:
            raise wrong(name, str(error)) from error
        values[name] = converted
    return values


def nearest(name: str, known: list[str]) -> str | None:
    """Return what of *known* was probably meant by *name*, or None."""
    import difflib  # 1 ms, and hardly anybody mistypes

    plain = name.lower().replace("-", "_")
    found = difflib.get_close_matches(plain, known, n=1) or difflib.get_close_matches(name, known, n=1)
    return found[0] if found else None


def _unknown(name: str, vocabulary: Vocabulary, *, top: bool) -> str:
    said = escape_line(name)[:80]
    if name in _HINTS:
        return f"there is no setting {said} here. {_HINTS[name]}"
    known = [*vocabulary.settings, *EXTRA_KEYS, *(("default_profile", "profile") if top else ())]
    close = nearest(name, known)
    if close is None:
        return f"there is no setting {said}. `geppetto config show` lists them all."
    return f"there is no setting {said}. Perhaps {close} is meant."


def _converted(kind: type, value: object) -> object | None:
    """Return *value* as *kind*; None if it is something else. A whole number is a number; a switch is none."""
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return float("inf")  # out of every range, and told so
    if kind is Path:
        return Path(value) if isinstance(value, str) and value and "\0" not in value else None
    return value if type(value) is kind else None


def _told(value: object) -> str:
    """Return what *value* is, in words; never the value of a text, which may be a key in the wrong place."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return "text"
        case int() | float():
            return str(value)[:20] if abs(value) < 1e15 else "that number"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or a time"
