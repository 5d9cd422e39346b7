"""Coins, dice and random numbers. The random numbers are injected: a test knows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from geppetto.offline.skills.numbers import digits_for_words, grouped

if TYPE_CHECKING:
    from geppetto.offline.skills.request import Request

DICE_LIMIT: Final = 10

_COIN: Final = re.compile(r"^(?:flip|toss|throw)(?: me)? (?:a|the|1) coin$|^heads or tails$")
_DICE: Final = re.compile(
    r"^(?:roll|throw)(?: the| a| some)?(?: (?P<count>[0-9]{1,4}))? ?(?:dice|die|d(?P<sides>[0-9]{1,4}))\b"
)
_NUMBER: Final = re.compile(
    r"^(?:(?:pick|choose|give me|think of|tell me|say|generate|draw) )?(?:(?:a|any|some) )?(?:random )?number"
    r"(?: (?:between|from) (?P<low>-?[0-9]{1,15}) (?:and|to) (?P<high>-?[0-9]{1,15}))?$"
)


def answer(request: Request) -> str | None:
    """Answer with a coin, dice or a random number."""
    if request.is_longer_than(200):
        return None
    plain = digits_for_words(request.plain)
    rng = request.rng
    if _COIN.search(plain):
        return rng.choice(["Heads.", "Tails."])
    if match := _DICE.search(plain):
        return _rolled(request, int(match["count"] or 1), int(match["sides"] or 6))
    if match := _NUMBER.search(plain):
        low, high = sorted((int(match["low"] or 1), int(match["high"] or 100)))
        return f"{grouped(rng.randint(low, high))}."
    return None


def _rolled(request: Request, count: int, sides: int) -> str:
    if not 1 <= count <= DICE_LIMIT:
        return f"I roll at most {DICE_LIMIT} dice at a time."
    if sides < 2:
        return "A die needs two sides or more."
    rolls = [request.rng.randint(1, sides) for _ in range(count)]
    if count == 1:
        return f"It is a {rolls[0]}." if rolls[0] not in (8, 11, 18) else f"It is an {rolls[0]}."
    shown = ", ".join(str(roll) for roll in rolls[:-1])
    return f"{shown} and {rolls[-1]}: together {sum(rolls)}."
