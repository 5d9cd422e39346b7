"""
Sums: "12 times 7", "3 plus 4 * (2-1)", "the square root of 144", "15% of 80".

The question becomes tokens of our own, the tokens an expression, and `ast` makes its tree: nothing is run
as Python. Values are exact fractions of bounded size, so any sum takes microseconds.
"""

from __future__ import annotations

import ast
import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from geppetto.offline.skills.numbers import BITS_LIMIT, NUMBER, TooBig, bounded, digits_for_words, parse, tell

if TYPE_CHECKING:
    from geppetto.offline.skills.request import Request

TOKENS_LIMIT: Final = 80  # bounds the depth of the tree too
EXPONENT_LIMIT: Final = 1_000

_ASK: Final = re.compile(
    r"^(?:what(?:'s| is| are)|whats|how much (?:is|are)|calculate|compute|evaluate|solve|work out|tell me)\b"
    r"[ :,]*"
)
_EQUALS: Final = re.compile(r"[ ]*(?:=|\b(?:equals?|equal to|is|makes?))[ =?]*$")
_VERBS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern.replace("N", f"({NUMBER})")), sum_)
    for pattern, sum_ in (
        ("^(?:add|the sum of|sum of) N (?:and|to) N$", r"\1 plus \2"),
        ("^(?:subtract|take) N(?: away)? from N$", r"\2 minus \1"),
        ("^(?:the difference (?:between|of)) N and N$", r"\1 minus \2"),
        ("^(?:multiply|the product of|product of) N (?:by|with|and) N$", r"\1 times \2"),
        ("^divide N by N$", r"\1 divided by \2"),
        ("^(?:double|twice) N$", r"2 times \1"),
    )
)
# What is read, what it is in the expression, and how it is said. `~` stands for the square root: it binds
# tighter than `*` and looser than `**`, as people mean it.
_TOKENS: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
    (re.compile(pattern), code, spoken)
    for pattern, code, spoken in (
        (rf"(?P<number>{NUMBER})[ ]*(?:%|per ?cent)[ ]*of\b", "percent", ""),
        (NUMBER, "number", ""),
        (r"(?:raised )?to the power(?: of)?\b|\*\*|\^", "**", "to the power of"),
        (r"squared\b|²", "**2", "squared"),
        (r"cubed\b|³", "**3", "cubed"),
        (r"plus\b|\+", "+", "plus"),
        (r"minus\b|negative\b|[-−–]", "-", "minus"),
        (r"times\b|multiplied by\b|x(?![a-z])|[×*·]", "*", "times"),
        (r"divided by\b|over\b|[/÷:]", "/", "divided by"),
        (r"modulo\b|mod\b|%", "%", "modulo"),
        (r"(?:the )?square root(?: of)?\b|root of\b|sqrt\b(?: of\b)?|√", "~", "the square root of"),
        (r"half of\b|half\b", "0.5*", "half of"),
        (r"\(", "(", "("),
        (r"\)", ")", ")"),
    )
)


class _NotASum(Exception):
    """The tree holds something that is neither a number nor an operator."""


def answer(request: Request) -> str | None:
    """Answer a sum; None when the question is not one, whole and alone."""
    if request.is_longer_than(400):
        return None
    text = _EQUALS.sub("", _ASK.sub("", digits_for_words(request.plain)))
    for pattern, sum_ in _VERBS:
        text = pattern.sub(sum_, text)
    try:
        tokens = _tokens(text)
        if tokens is None:
            return None
        expression, spoken = tokens
        tree = ast.parse(expression, mode="eval").body
        value = _value(tree)
    except (SyntaxError, _NotASum):
        return None
    except (TooBig, OverflowError):
        return "That number is too big for me."
    except ZeroDivisionError:
        return "I cannot divide by zero."
    except ValueError:
        return "That has no real answer."
    said = spoken[0].upper() + spoken[1:]
    return f"{said} is {tell(value)}."


def _tokens(text: str) -> tuple[str, str] | None:
    """Return the expression and how it is said; None unless all of *text* is a sum with an operator in it."""
    codes: list[str] = []
    spoken: list[str] = []
    operators = 0
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        found = next(
            ((match, code, words) for pattern, code, words in _TOKENS if (match := pattern.match(text, at))),
            None,
        )
        if found is None:
            return None
        match, code, words = found
        at = match.end()
        if code == "number":
            codes.append(_literal(match[0]))
            spoken.append(match[0])
        elif code == "percent":
            codes.append(f"({_literal(match['number'])}/100)*")
            spoken.append(f"{match['number']}% of")
            operators += 1
        else:
            codes.append(code)
            spoken.append(words)
            operators += code not in "()"
        if len(codes) > TOKENS_LIMIT:
            raise TooBig
    if not operators:
        return None
    return " ".join(codes), " ".join(spoken).replace("( ", "(").replace(" )", ")")


def _literal(number: str) -> str:
    """Return *number* as Python writes it: no commas, no zeros in front."""
    parse(number)  # only for its limit
    whole, dot, rest = number.replace(",", "").partition(".")
    return (whole.lstrip("0") or "0") + dot + rest


def _value(node: ast.expr) -> Fraction:
    """
    Return the exact value of a tree of numbers and operators.

    Raises:
        TooBig, OverflowError: a number on the way is beyond the limits.
        ZeroDivisionError: a division, or a power of zero, has no value.
        ValueError: a root or a power has no real value.
        _NotASum: the tree holds anything else, such as a call: "3 (4)".
    """
    match node:
        case ast.Constant(value=int() | float() as number):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return _square_root(_value(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return bounded(_apply(op, _value(left), _value(right)))
        case _:
            raise _NotASum


def _apply(op: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Mod():
            return left % right
        case ast.Pow():
            return _power(left, right)
        case _:
            raise _NotASum


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if abs(exponent) > EXPONENT_LIMIT:
        if base in (0, 1) and exponent > 0:
            return base
        raise TooBig
    if exponent.denominator != 1:
        return Fraction(math.pow(base, exponent))
    size_bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size_bits * abs(exponent) > 2 * BITS_LIMIT:  # checked before the work is done, not after
        raise TooBig
    return Fraction(base**exponent.numerator)


def _square_root(value: Fraction) -> Fraction:
    if value < 0:
        raise ValueError(value)
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if above**2 == value.numerator and below**2 == value.denominator:
        return Fraction(above, below)
    return Fraction(math.sqrt(value))
