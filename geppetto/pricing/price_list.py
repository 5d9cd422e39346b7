"""Which price a model has, and what answers of it cost or will cost."""

from __future__ import annotations

import functools
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from geppetto.pricing.cost import EMBEDDED, PARTS
from geppetto.pricing.table import Table, alias_of, parse_prices, read_prices

if TYPE_CHECKING:
    from datetime import date

    from geppetto.pricing.cost import Cost
    from geppetto.pricing.price import Price
    from geppetto.realtime.usage import Usage

_OPENAI_HOSTS: Final = frozenset({"api.openai.com", "api.openai.com:443"})
"""Its regional hosts, Azure and gateways have other prices."""
_TABLE: Final = Path(__file__).with_name("prices.toml")


class PriceList(msgspec.Struct, frozen=True):
    """
    The prices of models: the user's own, and the published ones of OpenAI.

    The user's prices file holds for every server, the embedded one too, so that a budget can be tried out; otherwise
    that one costs nothing. Published prices hold for `api.openai.com` alone: genai-prices if it is installed and has
    the model, otherwise the table in the package. A dated snapshot that has no row in either of them,
    `gpt-realtime-2025-08-28`, costs what `gpt-realtime` costs.
    """

    _own: Table = msgspec.field(default_factory=Table)
    _embedded: bool = False

    @classmethod
    def load(cls, prices_file: Path | None, *, embedded: bool = False) -> PriceList:
        """
        Return the published prices, or those of the *embedded* server, with those of *prices_file* first; blocks.

        Raises:
            ConfigError: *prices_file* cannot be read, or something in it is wrong.
        """
        return cls(read_prices(prices_file) if prices_file is not None else Table(), embedded)

    def price(self, model: str, *, provider_host: str | None, when: date) -> Price | None:
        """
        Return the price of *model*; None if it is not known. Blocks for up to 0.3 s when it is called first.

        Args:
            model: As it is named to the server.
            provider_host: The server, `host` or `host:port`; None is OpenAI's own.
            when: The day of the answer: prices change.
        """
        names = [name for name in (model, alias_of(model)) if name is not None]
        for name in names:
            if (price := self._own.find(name, when)) is not None:
                return price
        if self._embedded:
            from geppetto.pricing.price import Price  # few runs need one

            return Price(**dict.fromkeys(PARTS, Decimal(0)), source=EMBEDDED)
        if provider_host is not None and provider_host.lower() not in _OPENAI_HOSTS:
            return None
        from geppetto.pricing import maintained  # for OpenAI alone

        for name in names:
            price = maintained.find(name, when) or _table().find(name, when)
            if price is not None:
                return price
        return None

    def cost(self, model: str, usage: Usage, *, provider_host: str | None, when: date) -> Cost | None:
        """
        Return what *usage* of *model* costs; None if that is not certain, or nothing was used. Blocks as `price`.

        None without a price of the model, or of a modality that was used; without the split by modality, where that
        makes a difference; with figures that contradict each other.
        """
        price = self.price(model, provider_host=provider_host, when=when)
        return price.cost(model, usage) if price is not None else None

    def estimate(
        self, model: str, low: Usage, high: Usage, *, provider_host: str | None, when: date
    ) -> tuple[Cost, Cost] | None:
        """
        Return what *low* and *high*, the tokens that are expected at least and at most, cost; blocks as `price`.

        None where one of the two has no cost.
        """
        least = self.cost(model, low, provider_host=provider_host, when=when)
        most = self.cost(model, high, provider_host=provider_host, when=when)
        return None if least is None or most is None else (least, most)


@functools.cache
def _table() -> Table:
    return parse_prices(_TABLE.read_text(encoding="utf-8"), _TABLE.name, "Geppetto's table of {checked}")
