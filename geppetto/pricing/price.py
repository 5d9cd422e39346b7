"""The price of a model, and what tokens cost at it. Where the tokens do not tell, there is no cost: never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from geppetto.pricing.cost import Cost

if TYPE_CHECKING:
    from decimal import Decimal

    from geppetto.realtime.usage import Usage


@attrs.frozen(kw_only=True)
class Price:
    """
    US dollars for a million tokens, by modality; None where no price is published.

    Source: the pricing sections of OpenAI's model pages, which have these eight figures.
    """

    input_text: Decimal | None = None
    input_audio: Decimal | None = None
    input_image: Decimal | None = None
    cached_text: Decimal | None = None
    """Of the input tokens that were cached: instead of `input_text`, not on top of it."""
    cached_audio: Decimal | None = None
    cached_image: Decimal | None = None
    output_text: Decimal | None = None
    output_audio: Decimal | None = None
    source: str
    """Who says so, and when: `Geppetto's table of 2026-11-21`."""

    def cost(self, model: str, usage: Usage) -> Cost | None:
        """
        Return what *usage* costs, with *model* as the name in the result.

        None when nothing was used, when tokens are of a modality that has no price, or when the server did not say
        of which modality they are and that makes a difference.

        Source: "Managing costs" in the Realtime API guides: cached tokens are a subset of the input tokens.
        """
        tokens = self._by_part(usage)
        if tokens is None or not any(tokens.values()):
            return None
        parts: dict[str, Decimal] = {}
        for part, count in tokens.items():
            if not count:
                continue
            price: Decimal | None = getattr(self, part)
            if price is None:
                return None
            parts[part] = (price * count).scaleb(-6)
        return Cost(model=model, source=self.source, **parts)

    def _by_part(self, usage: Usage) -> dict[str, int] | None:
        """Put each token of *usage* into one part; None when the figures leave that open or contradict each other."""
        inputs = _split(
            usage.input_tokens,
            (usage.input_text_tokens, usage.input_audio_tokens, usage.input_image_tokens),
            alike=_alike(self.input_text, self.input_audio, self.input_image),
        )
        outputs = _split(
            usage.output_tokens,
            (usage.output_text_tokens, usage.output_audio_tokens),
            alike=_alike(self.output_text, self.output_audio),
        )
        if inputs is None or outputs is None:
            return None
        cached = _cached(usage, inputs, alike=_alike(self.cached_text, self.cached_audio, self.cached_image))
        if cached is None or any(part > whole for part, whole in zip(cached, inputs, strict=True)):
            return None
        text, audio, image = (whole - part for whole, part in zip(inputs, cached, strict=True))
        return {
            "input_text": text,
            "input_audio": audio,
            "input_image": image,
            "cached_text": cached[0],
            "cached_audio": cached[1],
            "cached_image": cached[2],
            "output_text": outputs[0],
            "output_audio": outputs[1],
        }


def _split(total: int, parts: tuple[int, ...], *, alike: bool) -> tuple[int, ...] | None:
    """
    Return *parts*, if they are all of *total*; None if they are not.

    A server may leave out the total. It may leave out the parts, if all of them have the same price.
    """
    if total in (0, sum(parts)):
        return parts
    if alike and not any(parts):
        return (total, *(0 for _ in parts[1:]))
    return None


def _cached(usage: Usage, inputs: tuple[int, ...], *, alike: bool) -> tuple[int, ...] | None:
    """Return the cached ones among *inputs*; those without a modality are of the only one that was used."""
    parts = (usage.cached_text_tokens, usage.cached_audio_tokens, usage.cached_image_tokens)
    if not any(parts) and usage.cached_tokens and sum(1 for count in inputs if count) == 1:
        if not usage.input_text_tokens and inputs[0] and not alike:
            return None  # `inputs` are of no known modality, and stand under text because input prices are alike
        return tuple(usage.cached_tokens if count else 0 for count in inputs)
    return parts if usage.cached_tokens in (0, sum(parts)) else None


def _alike(*prices: Decimal | None) -> bool:
    return prices[0] is not None and all(price == prices[0] for price in prices)
