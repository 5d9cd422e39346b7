"""
The maintained price list, the package genai-prices, where it is installed.

Importing it takes a quarter of a second and brings pydantic and an HTTP client along, so it is an extra and is
imported at the first question. Geppetto never lets it fetch anything: the prices are those in the package.
"""

from __future__ import annotations

import functools
import importlib
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from geppetto.pricing.price import Price

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

_PROVIDER: Final = "openai"
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "input_text": ("input_text_mtok", "input_mtok"),
    "input_audio": ("input_audio_mtok",),
    "input_image": ("input_image_mtok",),
    "cached_text": ("cache_text_read_mtok", "cache_read_mtok"),
    "cached_audio": ("cache_audio_read_mtok",),
    "cached_image": ("cache_image_read_mtok",),
    "output_text": ("output_text_mtok", "output_mtok"),
    "output_audio": ("output_audio_mtok",),
}
"""Their names of our parts. Their `input_mtok` also stands for audio that has no price of its own, but
`gpt-4o-audio-preview` has only that one and its audio costs 16 times as much; so it is taken for text alone."""
_KNOWN: Final = frozenset(key for keys in _KEYS.values() for key in keys)


def find(model: str, when: date) -> Price | None:
    """
    Return the list's price of OpenAI's model of exactly this name at noon (UTC) of the day *when*.

    None without genai-prices, for a model that it does not have under this name, and for one that is billed in other
    ways than a price for each kind of token. Blocks for 0.2 to 0.3 s when it is called first.

    Source: `genai_prices.types` 0.2.3: `ModelInfo.match`, `ModelInfo.get_prices`, `ModelPrice`.
    """
    info = _models().get(model)
    if info is None:
        return None
    at_noon = datetime.combine(when, time(12), tzinfo=UTC)
    prices = {key: price for key, price in vars(info.get_prices(at_noon)).items() if price is not None}
    if not prices.keys() <= _KNOWN or not all(isinstance(price, Decimal) for price in prices.values()):
        return None  # by the hour, by the search, or in tiers
    ours = {part: next((prices[key] for key in keys if key in prices), None) for part, keys in _KEYS.items()}
    return Price(source=f"genai-prices {_version()}", **ours)


@functools.cache
def _models() -> Mapping[str, Any]:
    """Return OpenAI's models by each name that the list gives in full; it also matches beginnings, we do not."""
    try:
        snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    except ImportError:
        return {}
    provider = next((one for one in snapshot.providers if one.id == _PROVIDER), None)
    names: dict[str, Any] = {}
    for info in provider.models if provider is not None else ():
        clauses = getattr(info.match, "or_", [info.match])
        for name in (info.id, *(clause.equals for clause in clauses if hasattr(clause, "equals"))):
            names.setdefault(name, info)
    return names


@functools.cache
def _version() -> str:
    version: str = importlib.import_module("genai_prices").__version__
    return version
