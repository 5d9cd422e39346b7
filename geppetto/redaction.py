"""
The key, taken out of everything that is shown or kept.

Geppetto says the key to nobody but its server. But a server may say it back, in an error message, a close reason
or the words of an answer, and a bug may have it in its traceback.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geppetto.errors import GeppettoError

MASK: Final = "[key]"
_MIN_SECRET_CHARS: Final = 6  # `EMPTY`, `none`, `true`: placeholders, and some are words of JSON
_CUT_OFF_CHARS: Final = 12
"""So much of a key is no chance: `sk-proj-` is what all of a kind begin with."""


@attrs.frozen
class Redactor:
    """Replaces secrets by `[key]`. Made by `Redactor.of`; `Redactor()` replaces nothing."""

    _spellings: tuple[str, ...] = attrs.field(default=(), repr=False)
    """The longest first, so that none is replaced in part."""
    _escaped: re.Pattern[str] | None = attrs.field(default=None, repr=False)

    @classmethod
    def of(cls, secrets: Iterable[str | None]) -> Redactor:
        """
        Return what replaces each of *secrets*, also as it may stand in JSON.

        None and texts of fewer than six characters are no secrets but placeholders, and are left alone.
        """
        kept = [secret for secret in secrets if secret is not None and len(secret) >= _MIN_SECRET_CHARS]
        if not kept:
            return cls()
        spellings: set[str] = set()
        for secret in kept:
            in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            spellings |= {secret} | in_json | {text.replace("/", "\\/") for text in in_json}
        ordered = sorted(spellings, key=len, reverse=True)
        escaped = "|".join("".join(map(_any_spelling, secret)) for secret in sorted(kept, key=len, reverse=True))
        return cls(tuple(ordered), re.compile(escaped))

    def __bool__(self) -> bool:
        """Whether there is anything to replace."""
        return bool(self._spellings)

    def clean(self, text: str) -> str:
        """Return *text* without the secrets, and without the first part of one where somebody cut it off."""
        text = self.clean_whole(text)
        for spelling in self._spellings:
            if spelling[:_CUT_OFF_CHARS] in text:
                text = _without_beginnings(text, spelling)
        return text

    def clean_whole(self, text: str) -> str:
        """Return *text* without the secrets that stand in it from end to end."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        if self._escaped is not None and "\\u" in text:  # the slow way, only where it can find something
            text = self._escaped.sub(MASK, text)
        return text

    def clean_error(self, error: GeppettoError) -> GeppettoError:
        """
        Take the secrets out of the sentence of *error*, and return it.

        A cause or a context that would show one in a traceback (the library's own exception holds the close
        reason) is cut off.
        """
        sentence = self.clean(str(error))
        if sentence != str(error):
            error.args = (sentence,)
        seen: set[int] = set()
        link: BaseException | None = error
        while link is not None and id(link) not in seen:
            seen.add(id(link))
            if self._shows_secret(link.__cause__):
                link.__cause__ = None
            if self._shows_secret(link.__context__):
                link.__context__ = None
            link = link.__cause__ or link.__context__
        return error

    def stream(self) -> StreamRedactor:
        """Return the same for a text that comes in pieces."""
        return StreamRedactor(self, self._spellings)

    def _shows_secret(self, error: BaseException | None) -> bool:
        if error is None:
            return False
        said = "\n".join((str(error), repr(error), *getattr(error, "__notes__", ())))
        return self.clean(said) != said


@attrs.define
class StreamRedactor:
    """Replaces secrets also where two pieces of a text share one; keeps back only what may be its beginning."""

    _redactor: Redactor
    _spellings: tuple[str, ...] = attrs.field(repr=False)
    _kept: str = attrs.field(default="", init=False, repr=False)

    def feed(self, piece: str) -> str:
        """Return what can be shown now that *piece* has come."""
        if not self._spellings:
            return piece
        text = self._redactor.clean_whole(self._kept + piece)
        longest = max((_overlap_chars(text, spelling) for spelling in self._spellings), default=0)
        self._kept = text[len(text) - longest :]
        return text[: len(text) - longest]

    def flush(self) -> str:
        """Return what was kept back, since the text ends here."""
        kept, self._kept = self._kept, ""
        return self._redactor.clean(kept)


def _without_beginnings(text: str, secret: str) -> str:
    """Return *text* without what is *secret* at least up to `_CUT_OFF_CHARS`; linear, however often that is."""
    stem = secret[:_CUT_OFF_CHARS]
    pieces = []
    end = 0
    while (start := text.find(stem, end)) >= 0:
        pieces += [text[end:start], MASK]
        end = start + len(stem)
        while end - start < len(secret) and text[end : end + 1] == secret[end - start]:
            end += 1
    return "".join((*pieces, text[end:]))


def _any_spelling(character: str) -> str:
    r"""Return the pattern of *character* as JSON may spell it: `a` and `\u0061`."""
    code = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{ord(character):04x}")
    return rf"(?:\\?{re.escape(character)}|\\u{code})"


def _overlap_chars(text: str, secret: str) -> int:
    """Return how many characters at the end of *text* are the beginning of *secret*, and not all of it."""
    for length in range(min(len(text), len(secret) - 1), 0, -1):
        if text.endswith(secret[:length]):
            return length
    return 0
