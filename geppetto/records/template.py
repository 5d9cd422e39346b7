"""File names by template: what may stand in one, and what becomes of ids and questions that are no file names."""

from __future__ import annotations

import difflib
import re
import string
import unicodedata
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.errors import ConfigError
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

FIELDS: Final = ("index", "id", "slug", "date", "time")
MAX_DIRECTORIES: Final = 8
"""How deep a template may go below the directory of the output, and how deep a repair looks."""
MAX_PART_BYTES: Final = 200
"""
Of a directory, or of a name without its suffix, in UTF-8. File systems take 255: the rest is for `_2`, `_3`, … and
`_partial.txt.xxxxxxxx.part`, and for the names that other tools make of these.
"""
MAX_SLUG_CHARS: Final = 60
NOTHING: Final = "untitled"
"""For an id or a question in which nothing can stand in a file name."""

_INDEX_SPEC = re.compile(r"0?(?P<width>[0-9]{0,2})d?", re.ASCII)
_MAX_INDEX_CHARS = 20
_MIN_VALUE_BYTES = 16
"""What is left for an id or a slug at least, beside what the template has around it."""
_FIXED_BYTES = {"date": 8, "time": 6}
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE | re.DOTALL
)
"""Devices of Windows, also with anything behind a dot."""
_FORBIDDEN = frozenset('<>:"|?*\\')
"""On Windows, and on the disks and shares that are made for it."""
_IN_IDS = frozenset("._-+=@,")
_APOSTROPHES = frozenset("'’ʼ")
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters, says Unicode, that show nothing."""
_SUFFIXES = (".wav", ".txt", ".part")
_OTHER_SUFFIXES = (".txt", ".part", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac")
_OURS = re.compile(r"_(?=partial\Z)", re.IGNORECASE)


@attrs.frozen
class _Piece:
    """A field, or text between fields."""

    field: str
    """Empty for text."""
    text: str
    """The format of the field, or the text."""


@attrs.frozen
class NameTemplate:
    """
    A name for the files of each answer, such as `{date}/{index:05d}-{slug}`.

    Names need not differ: a second answer of the same name gets `_2`, see `OutputStem.reserve`.
    """

    text: str
    _parts: tuple[tuple[_Piece, ...], ...]
    """Between the slashes; the last one is the name of the file, without a suffix."""

    @classmethod
    def parse(cls, text: str) -> NameTemplate:
        """
        Return the template that *text* describes; a `.wav` at its end is what is added anyway, and goes.

        Raises:
            ConfigError: it is none, or its names could leave the directory.
        """
        stem = text[: -len(".wav")] if text.lower().endswith(".wav") else text
        suffix = next((suffix for suffix in _OTHER_SUFFIXES if stem.lower().endswith(suffix)), None)
        if suffix is not None:
            raise _wrong(text, f"ends in {suffix}, but .wav and .txt are added to it", "Leave the ending out.")
        if stem.startswith(("/", "~")) or re.match(r"[A-Za-z]:", stem):
            raise _wrong(text, "is not below the directory of the audio", "Name that one with --audio-output-dir.")
        parts = _split(_pieces(stem, text))
        if len(parts) > MAX_DIRECTORIES + 1:
            raise _wrong(text, f"has more than {MAX_DIRECTORIES} directories in it", "Take fewer.")
        for part in parts:
            _check_part(part, text)
        return cls(text, parts)

    def path(self, index: int, id: str, question: str, when: datetime) -> PurePath:  # noqa: A002 - as in `Ask`
        """
        Return the name for one answer: relative, never outside of the directory, without a suffix.

        Args:
            index: Of the question, from 1.
            id: Any text; what cannot stand in a file name becomes `_`, a slash as well.
            question: Any text, for the slug.
            when: The local time of the answer.
        """
        values = {
            "id": _file_word(id),
            "slug": slug(question),
            "date": f"{when:%Y%m%d}",
            "time": f"{when:%H%M%S}",
        }
        names = [_render(part, index, values) for part in self._parts]
        names[-1] = _OURS.sub("-", _without_suffixes(names[-1]))  # `_partial` is how we mark what was cut short
        return PurePath(*map(_no_device, names))


def slug(question: str) -> str:
    """
    Return the words of *question*, in lower case and joined by `-`: at most `MAX_SLUG_CHARS`, NFC, and never empty.

    Letters and digits of every script stay, with their marks; nothing else does.
    """
    words: list[str] = [""]
    for character in unicodedata.normalize("NFC", unicodedata.normalize("NFC", question).lower()):
        kind = unicodedata.category(character)
        if _is_mark(character, kind):
            words[-1] += character if words[-1] else ""
        elif kind[0] in "LN" and character not in _INVISIBLE:
            words[-1] += character
        elif words[-1] and kind != "Cf" and character not in _APOSTROPHES | _INVISIBLE:
            words.append("")
    first, *others = (unicodedata.normalize("NFC", word) for word in words)  # without what stood between its parts
    if not first:
        return NOTHING
    cut = first[:MAX_SLUG_CHARS]
    for word in filter(None, others):
        if len(cut) + 1 + len(word) > MAX_SLUG_CHARS:
            break
        cut += f"-{word}"
    return cut


def _file_word(text: str) -> str:
    """Return *text* with `_` for each run of what cannot stand in a file name; never empty."""
    kept = ""
    for character in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(character)
        if _is_mark(character, kind):
            kept += character if kept and kept[-1] not in _IN_IDS else ""
        elif (kind[0] in "LN" and character not in _INVISIBLE) or character in _IN_IDS:
            kept += character
        elif kind != "Cf" and not kept.endswith("_"):
            kept += "_"
    return kept.lstrip(".-").rstrip(".-") if kept.strip("._-") else NOTHING


def _is_mark(character: str, kind: str) -> bool:
    """Return whether *character* belongs to the letter before it; what chooses between emoji styles never does."""
    return kind[0] == "M" and not unicodedata.name(character, "").startswith("VARIATION SELECTOR")


def _pieces(stem: str, text: str) -> list[_Piece]:
    """Return the fields of *stem* and what stands between them."""
    pieces = []
    try:
        found = list(string.Formatter().parse(stem))
    except ValueError as error:
        raise _wrong(
            text, f"has a brace too many or too few ({error})", "A brace itself is written {{ or }}."
        ) from error
    for literal, field, spec, conversion in found:
        if literal:
            pieces.append(_Piece("", literal))
        if field is None:
            continue
        if field not in FIELDS:
            raise _unknown(text, field)
        if conversion:
            raise _wrong(text, f"has !{conversion} behind {field}, which means nothing here", "Leave it out.")
        pieces.append(_Piece(field, _checked_spec(field, spec or "", text)))
    return pieces


def _unknown(text: str, field: str) -> ConfigError:
    near = difflib.get_close_matches(field.lower(), FIELDS, 1, 0.4)
    known = ", ".join(f"{{{name}}}" for name in FIELDS)
    hint = f"Did you mean {{{near[0]}}}?" if near else f"There are {known}."
    return _wrong(text, f"has an unknown field {{{escape_line(field)}}}", hint)


def _checked_spec(field: str, spec: str, text: str) -> str:
    if not spec:
        return ""
    if field != "index":
        raise _wrong(text, f"has a format behind {field}, which takes none", f"Write {{{field}}}.")
    match = _INDEX_SPEC.fullmatch(spec)
    if match is None or int(match["width"] or 0) > _MAX_INDEX_CHARS:
        why = f"has the format {escape_line(spec)} behind index, which is none for the number of a question"
        raise _wrong(text, why, f"{{index:05d}} gives 00042; more than {_MAX_INDEX_CHARS} digits are too many.")
    return f"0{match['width'] or 1}d"  # without the zero, the rest of the width would be blanks


def _split(pieces: Iterable[_Piece]) -> tuple[tuple[_Piece, ...], ...]:
    """Return the parts between the slashes of the text; a slash in a value comes later, and separates nothing."""
    parts: list[list[_Piece]] = [[]]
    for piece in pieces:
        if piece.field:
            parts[-1].append(piece)
            continue
        first, *rest = unicodedata.normalize("NFC", piece.text).split("/")
        parts[-1] += [_Piece("", first)] if first else []
        parts += [[_Piece("", text)] if text else [] for text in rest]
    return tuple(map(tuple, parts))


def _check_part(part: tuple[_Piece, ...], text: str) -> None:
    literal = "".join(piece.text for piece in part if not piece.field)
    if not part:
        raise _wrong(text, "has an empty name in it", "A file needs a name, and a slash something on both sides.")
    if not part[0].field and part[0].text.startswith("."):
        raise _wrong(text, "has a name that begins with a dot", "Hidden files and .. are no place for answers.")
    if not part[-1].field and part[-1].text.endswith((".", " ")):
        raise _wrong(text, "has a name that ends in a dot or a blank", "Not every disk can keep that; leave it out.")
    bad = next((character for character in literal if not _is_good(character)), None)
    if bad is not None:
        raise _wrong(text, f"has the character {escape_line(repr(bad))} in it", "Not every disk can keep that.")
    if not any(piece.field for piece in part) and _RESERVED.fullmatch(literal):
        raise _wrong(text, f"has the name {literal} in it", "Windows has a device of that name; choose another one.")
    values = sum(piece.field in {"id", "slug"} for piece in part)
    if _fixed_bytes(part) + values * _MIN_VALUE_BYTES > MAX_PART_BYTES:
        raise _wrong(text, f"makes names of more than {MAX_PART_BYTES} bytes", "Shorten it.")


def _is_good(character: str) -> bool:
    return character == " " or (unicodedata.category(character)[0] not in "CZ" and character not in _FORBIDDEN)


def _fixed_bytes(part: Iterable[_Piece]) -> int:
    """Return how long *part* is at most, without ids and slugs."""
    total = 0
    for piece in part:
        if piece.field == "index":
            total += _MAX_INDEX_CHARS
        else:
            total += _FIXED_BYTES.get(piece.field, 0) if piece.field else len(piece.text.encode())
    return total


def _render(part: tuple[_Piece, ...], index: int, values: Mapping[str, str]) -> str:
    """Return the name of one part; ids and slugs are cut where they are too long for it together."""
    open_fields = [piece.field for piece in part if piece.field in {"id", "slug"}]
    room = MAX_PART_BYTES - _fixed_bytes(part)
    cut = dict(values)
    shares = len(open_fields)
    for field in sorted(set(open_fields), key=lambda name: len(values[name].encode())):
        cut[field] = _cut(values[field], room // shares)
        times = open_fields.count(field)
        room -= times * len(cut[field].encode())
        shares -= times
    pieces = []
    for piece in part:
        if piece.field == "index":
            pieces.append(format(index, piece.text or "d"))
        else:
            pieces.append(cut[piece.field] if piece.field else piece.text)
    return unicodedata.normalize("NFC", "".join(pieces))


def _cut(text: str, max_bytes: int) -> str:
    if len(text.encode()) <= max_bytes:
        return text
    return text.encode()[:max_bytes].decode(errors="ignore").rstrip("._-") or NOTHING


def _without_suffixes(name: str) -> str:
    """Take the endings away that we give ourselves: `a.wav` as an id is about the answer to it."""
    while name.lower().endswith(_SUFFIXES):
        name = name[: name.rindex(".")].rstrip("._- ")
    return name or NOTHING


def _no_device(name: str) -> str:
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _wrong(text: str, why: str, what_next: str) -> ConfigError:
    return ConfigError(f"--output-template {escape_line(repr(text))} {why}. {what_next}")
