"""Numbers: from words to digits, and from exact values to what is said."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9,])|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
"""A number as people type it, with or without commas at the thousands; no sign."""

DIGITS_LIMIT: Final = 30
BITS_LIMIT: Final = 4_096  # of a numerator or denominator: bounds the time of every sum

_BELOW_TWENTY: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS_NAMES: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS: Final = {word: value for value, word in enumerate(_BELOW_TWENTY)}
_TENS: Final = {word: 10 * value for value, word in enumerate(_TENS_NAMES, start=2)}
_MARKS: Final = ",.?!"
_SCALES: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


class TooBig(Exception):
    """A number is beyond what the offline brain works with; it becomes a sentence, not an error."""


def parse(number: str) -> Fraction:
    """
    Return the exact value of a text that matches `NUMBER`.

    Raises:
        TooBig: it has more than `DIGITS_LIMIT` digits.
    """
    if len(number) > DIGITS_LIMIT:
        raise TooBig
    return Fraction(number.replace(",", ""))


def bounded(value: Fraction) -> Fraction:
    """
    Return *value* itself.

    Raises:
        TooBig: it needs more than `BITS_LIMIT` bits.
    """
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > BITS_LIMIT:
        raise TooBig
    return value


def in_words(number: int) -> str:
    """Return a whole number below a hundred in words: "twenty-one"."""
    if number < 20:
        return _BELOW_TWENTY[number]
    tens, ones = divmod(number, 10)
    return _TENS_NAMES[tens - 2] + (f"-{_BELOW_TWENTY[ones]}" if ones else "")


def digits_for_words(text: str) -> str:
    """Return lower-case *text* with its number words as digits: "twenty-one" and "a hundred" too."""
    parts: list[str] = []
    words: list[str] = []  # the number that is being read
    tokens = re.split(r"(\s+|-)", text)  # words, with what stands between them at the odd places
    for index in range(0, len(tokens), 2):
        word = tokens[index].rstrip(_MARKS)
        following = tokens[index + 2].rstrip(_MARKS) if index + 2 < len(tokens) else ""
        if words and not _continues(words, word, following):
            parts.append(str(_value(words)))
            words = []
        if not words:
            parts.append(tokens[index - 1] if index else "")
        if not _continues(words, word, following):
            parts.append(tokens[index])
            continue
        words.append(word)
        if word != tokens[index]:  # a mark ends the number
            parts += [str(_value(words)), tokens[index][len(word) :]]
            words = []
    return "".join([*parts, str(_value(words))] if words else parts)


def _continues(words: list[str], word: str, following: str) -> bool:
    """Tell whether *word* belongs to the run: "two three" are two numbers, "twenty three" is one."""
    last = words[-1] if words else ""
    if word in _SCALES or word == "hundred":
        return bool(words) and len(words) < 16 and last != "and"
    if word == "and":
        return (last == "hundred" or last in _SCALES) and (following in _UNITS or following in _TENS)
    if word in ("a", "an"):
        return not words and (following == "hundred" or following in _SCALES)
    if word in _UNITS:
        return last not in _UNITS and (last not in _TENS or 0 < _UNITS[word] < 10)
    return word in _TENS and last not in _UNITS and last not in _TENS


def _value(words: list[str]) -> int:
    total = part = 0
    for word in words:
        if word in ("a", "an"):
            part = 1
        elif word == "hundred":
            part *= 100
        elif word in _SCALES:
            total += part * _SCALES[word]
            part = 0
        else:
            part += _UNITS.get(word, 0) + _TENS.get(word, 0)
    return total + part


def tell(value: Fraction) -> str:
    """Return *value* as it is said after "is": "84", "12,345", "3.4", "about 3.3333"."""
    if value.denominator == 1 and abs(value) < 10**15:
        return grouped(value.numerator)
    if not Fraction(1, 10**6) <= abs(value) < 10**15:
        mantissa, _, exponent = f"{Decimal(value.numerator) / Decimal(value.denominator):.3e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        exact = Fraction(mantissa) * Fraction(10) ** int(exponent) == value
        return f"{'' if exact else 'about '}{mantissa} times 10 to the power of {int(exponent)}"
    if (exact_text := _decimals(value, 6)) is not None:
        return exact_text
    places = 4 if abs(value) >= 1 else 3 + len(str(int(1 / abs(value))))  # at least four digits that mean something
    return f"about {_decimals(round(value, places), places)}"


def grouped(value: int) -> str:
    """Return *value* with commas at the thousands, from 10,000 up."""
    return f"{value:,}" if abs(value) >= 10_000 else str(value)


def _decimals(value: Fraction, places: int) -> str | None:
    """Return *value* with at most *places* decimals; None when it has more."""
    scaled = value * 10**places
    if scaled.denominator != 1:
        return None
    whole, rest = divmod(abs(scaled.numerator), 10**places)
    text = f"{grouped(whole)}.{rest:0{places}}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text
