"""What an answer cost, by modality. Money is `Decimal`: cents are not lost by adding."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

PARTS: Final = (
    "input_text",
    "input_audio",
    "input_image",
    "cached_text",
    "cached_audio",
    "cached_image",
    "output_text",
    "output_audio",
)
"""What is priced by itself. The cached tokens are not in the input ones here: each token is in one part."""

EMBEDDED: Final = "the embedded server"
"""The source of the prices of our own server, all of which are zero."""
NOTHING: Final = "it cost nothing"
"""What people are told instead of `$0`, once for all answers and not with each."""

_ZERO: Final = Decimal(0)
_OF_PARTS: Final = Decimal("NaN")
"""Stands for the sum until it is made; known by its identity, as no amount is it."""
_SMALLEST_SHOWN: Final = Decimal("0.0001")
_MOST: Final = Decimal(10) ** 15
_BETWEEN_MODELS: Final = ", "
_BETWEEN_SOURCES: Final = "; "


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one answer cost, or several added up; all amounts in US dollars.

    `usd` is the sum of the parts, unless it is given: a total whose parts nobody knows is a cost, too.
    """

    input_text: Decimal = _ZERO
    """Text tokens that were not cached; the same with `input_audio` and `input_image`."""
    input_audio: Decimal = _ZERO
    input_image: Decimal = _ZERO
    cached_text: Decimal = _ZERO
    cached_audio: Decimal = _ZERO
    cached_image: Decimal = _ZERO
    output_text: Decimal = _ZERO
    output_audio: Decimal = _ZERO
    model: str
    """Or the models, when costs of several were added."""
    source: str
    """Where the prices are from, or all of these places: `genai-prices 0.2.3`, `prices file …`."""
    usd: Decimal = _OF_PARTS
    """The total."""

    def __post_init__(self) -> None:
        """Add up the parts where nobody knows better."""
        if self.usd is _OF_PARTS:
            msgspec.structs.force_setattr(self, "usd", sum((self._part(name) for name in PARTS), _ZERO))

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of both."""
        parts = {name: self._part(name) + other._part(name) for name in PARTS}
        return Cost(
            usd=self.usd + other.usd,
            model=_joined(self.model, other.model, _BETWEEN_MODELS),
            source=_joined(self.source, other.source, _BETWEEN_SOURCES),
            **parts,
        )

    def __str__(self) -> str:
        """`$0.0123`, as people read it."""
        return dollars(self.usd)

    def as_json(self) -> dict[str, object]:
        """Return the cost for a JSON file; amounts are numbers, exact to 15 digits."""
        return {
            "usd": float(self.usd),
            "parts": {name: float(self._part(name)) for name in PARTS},
            "model": self.model,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, value: object) -> Cost:
        """
        Read what `as_json` returned. A part that is missing is zero; keys that are not known are passed over.

        Raises:
            ValueError: *value* is not a cost; the message is the end of a sentence for people: "its usd is …".
        """
        if not isinstance(value, dict):
            msg = "it is not an object"
            raise ValueError(msg)
        parts = value.get("parts", {})
        if not isinstance(parts, dict):
            msg = "its parts are not an object"
            raise ValueError(msg)
        for name in ("model", "source"):
            if not isinstance(value.get(name), str):
                msg = f"its {name} is not a text"
                raise ValueError(msg)
        return cls(
            usd=_amount("usd", value.get("usd")),
            model=value["model"],
            source=value["source"],
            **{name: _amount(name, parts.get(name, 0)) for name in PARTS},
        )

    def _part(self, name: str) -> Decimal:
        part: Decimal = getattr(self, name)
        return part


def spent(usd: Decimal | None, *, all_priced: bool) -> str:
    """Return for people what answers cost that cost *usd* together, None if no price is known: then it is empty."""
    if usd is None:
        return ""
    if not all_priced:
        return f"at least {dollars(usd)}"
    return dollars(usd) if usd else NOTHING


def dollars(usd: Decimal) -> str:
    """Return *usd* for people: cents from a dollar on, four places below, and never a zero that is none."""
    if usd >= 1:
        return f"${usd:,.2f}"
    if 0 < usd < _SMALLEST_SHOWN:
        return f"less than ${_SMALLEST_SHOWN}"
    return f"${usd:.4f}" if usd else "$0"


def _amount(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        msg = f"its {name} is not a number"
        raise ValueError(msg)
    amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite() or not 0 <= amount <= _MOST:
        msg = f"its {name} is not an amount of money"
        raise ValueError(msg)
    return amount


def _joined(one: str, other: str, separator: str) -> str:
    """Return the names of both lists, each once, in the order of their first appearance."""
    return separator.join(dict.fromkeys([*one.split(separator), *other.split(separator)]))
