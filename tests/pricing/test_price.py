"""Tokens at a price: what is certain has a cost, and the rest has none."""

from __future__ import annotations

from decimal import Decimal

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.pricing.cost import PARTS
from geppetto.pricing.price import Price
from geppetto.realtime.usage import Usage

PRICE = Price(
    input_text=Decimal(4),
    input_audio=Decimal(32),
    input_image=Decimal(5),
    cached_text=Decimal("0.4"),
    cached_audio=Decimal("0.4"),
    cached_image=Decimal("0.5"),
    output_text=Decimal(16),
    output_audio=Decimal(64),
    source="a list",
)
FLAT = Price(**dict.fromkeys(PARTS, Decimal(3)), source="a list")
COUNTS = st.integers(min_value=0, max_value=10**9)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Return what an honest server reports."""
    inputs = [draw(COUNTS) for _ in range(3)]
    cached = [draw(st.integers(0, count)) for count in inputs]
    outputs = [draw(COUNTS) for _ in range(2)]
    return Usage(
        input_tokens=sum(inputs),
        input_text_tokens=inputs[0],
        input_audio_tokens=inputs[1],
        input_image_tokens=inputs[2],
        cached_tokens=sum(cached),
        cached_text_tokens=cached[0],
        cached_audio_tokens=cached[1],
        cached_image_tokens=cached[2],
        output_tokens=sum(outputs),
        output_text_tokens=outputs[0],
        output_audio_tokens=outputs[1],
        total_tokens=sum(inputs) + sum(outputs),
    )


def test_each_modality_has_its_price() -> None:
    """Cached tokens are taken out of the input ones, and each part is paid at its own price."""
    usage = Usage(
        input_tokens=1000,
        input_text_tokens=600,
        input_audio_tokens=300,
        input_image_tokens=100,
        cached_tokens=350,
        cached_text_tokens=200,
        cached_audio_tokens=100,
        cached_image_tokens=50,
        output_tokens=500,
        output_text_tokens=100,
        output_audio_tokens=400,
        total_tokens=1500,
    )
    cost = PRICE.cost("gpt-realtime", usage)
    assert cost is not None
    assert {part: getattr(cost, part) for part in PARTS} == {
        "input_text": Decimal("0.0016"),
        "input_audio": Decimal("0.0064"),
        "input_image": Decimal("0.00025"),
        "cached_text": Decimal("0.00008"),
        "cached_audio": Decimal("0.00004"),
        "cached_image": Decimal("0.000025"),
        "output_text": Decimal("0.0016"),
        "output_audio": Decimal("0.0256"),
    }
    assert (cost.usd, cost.model, cost.source) == (Decimal("0.035595"), "gpt-realtime", "a list")


@given(usages())
def test_the_parts_add_up_and_the_cache_never_costs_more(usage: Usage) -> None:
    """The total is the sum of the parts, and at most what the same tokens cost without a cache."""
    cost = PRICE.cost("m", usage)
    uncached = msgspec.structs.replace(
        usage, cached_tokens=0, cached_text_tokens=0, cached_audio_tokens=0, cached_image_tokens=0
    )
    full = PRICE.cost("m", uncached)
    if not usage.total_tokens:
        assert cost is None
        assert full is None
        return
    assert cost is not None
    assert full is not None
    assert cost.usd == sum(getattr(cost, part) for part in PARTS)
    assert cost.usd <= full.usd


@given(usages(), usages())
def test_two_answers_cost_what_their_tokens_cost_together(one: Usage, two: Usage) -> None:
    """Adding the tokens and adding the costs come to the same amount."""
    costs = [cost for cost in (PRICE.cost("m", one), PRICE.cost("m", two)) if cost is not None]
    together = PRICE.cost("m", one + two)
    assert sum(cost.usd for cost in costs) == (together.usd if together is not None else 0)


@given(usages())
def test_at_one_price_for_all_only_the_number_of_tokens_counts(usage: Usage) -> None:
    """Without a difference in price, the total alone is enough, split or not."""
    totals = Usage(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cached_tokens=usage.cached_tokens
    )
    split, unsplit = FLAT.cost("m", usage), FLAT.cost("m", totals)
    assert (split and split.usd) == (unsplit and unsplit.usd)


@given(st.builds(Usage, **{name: st.integers(0, 5) for name in Usage.__struct_fields__}))
def test_any_report_has_a_cost_of_its_tokens_or_none(usage: Usage) -> None:
    """Whatever figures a server makes up, no part is negative and none is more than all tokens at the top price."""
    cost = PRICE.cost("m", usage)
    if cost is not None:
        assert all(getattr(cost, part) >= 0 for part in PARTS)
        assert 0 < cost.usd <= Decimal(64).scaleb(-6) * 25


NOT_CERTAIN = {
    "nothing was used": Usage(),
    "only the grand total": Usage(total_tokens=9),
    "input without a modality": Usage(input_tokens=9, output_tokens=4, output_text_tokens=4),
    "output without a modality": Usage(input_tokens=9, input_text_tokens=9, output_tokens=4),
    "a part of the input is missing": Usage(input_tokens=9, input_text_tokens=5),
    "more parts than input": Usage(input_tokens=9, input_text_tokens=5, input_audio_tokens=5),
    "cached, of either modality": Usage(input_tokens=9, input_text_tokens=5, input_audio_tokens=4, cached_tokens=3),
    "more cached text than text": Usage(input_tokens=9, input_text_tokens=9, cached_tokens=10, cached_text_tokens=10),
    "cached audio without audio": Usage(input_tokens=9, input_text_tokens=9, cached_tokens=1, cached_audio_tokens=1),
    "more cached than all": Usage(input_tokens=9, input_text_tokens=9, cached_tokens=10),
    "cached parts that are not all": Usage(
        input_tokens=9, input_text_tokens=9, cached_tokens=3, cached_text_tokens=2
    ),
}


@pytest.mark.parametrize("usage", NOT_CERTAIN.values(), ids=NOT_CERTAIN.keys())
def test_what_is_not_certain_has_no_cost(usage: Usage) -> None:
    """Where the server leaves open what the tokens were, there is no figure instead of a wrong one."""
    assert PRICE.cost("m", usage) is None


def test_cached_tokens_of_the_only_modality_need_no_details() -> None:
    """The beta API says how many tokens were cached but not which; with audio alone there is no doubt."""
    cost = PRICE.cost("m", Usage(input_tokens=9, input_audio_tokens=9, cached_tokens=4))
    assert cost is not None
    assert (cost.input_audio, cost.cached_audio) == (Decimal("0.00016"), Decimal("0.0000016"))


def test_cached_tokens_of_an_unknown_modality_need_one_price() -> None:
    """Input that is priced alike does not help where cached tokens are not."""
    price = attrs.evolve(FLAT, cached_audio=Decimal(1))
    assert price.cost("m", Usage(input_tokens=9, cached_tokens=4)) is None
    assert price.cost("m", Usage(input_tokens=9)) is not None


def test_figures_that_contradict_each_other_have_no_cost_at_any_price() -> None:
    """Even where all tokens cost the same, it is not known how many there were."""
    assert FLAT.cost("m", Usage(input_tokens=9, input_text_tokens=5)) is None
    assert FLAT.cost("m", Usage(output_tokens=9, output_text_tokens=10)) is None


def test_parts_without_a_total_are_enough() -> None:
    """A server may leave out `input_tokens` and `output_tokens`."""
    cost = PRICE.cost("m", Usage(input_text_tokens=1_000_000, output_text_tokens=1_000_000))
    assert cost is not None
    assert cost.usd == 20


@pytest.mark.parametrize("part", PARTS)
def test_a_modality_without_a_price_has_no_cost(part: str) -> None:
    """A price that is missing is not zero, and does not matter as long as it is not needed."""
    prices = {name: getattr(PRICE, name) for name in PARTS if name != part}
    price = Price(**prices, source="a list")
    usage = {
        "input_text": Usage(input_text_tokens=1),
        "input_audio": Usage(input_audio_tokens=1),
        "input_image": Usage(input_image_tokens=1),
        "cached_text": Usage(input_text_tokens=1, cached_text_tokens=1),
        "cached_audio": Usage(input_audio_tokens=1, cached_audio_tokens=1),
        "cached_image": Usage(input_image_tokens=1, cached_image_tokens=1),
        "output_text": Usage(output_text_tokens=1),
        "output_audio": Usage(output_audio_tokens=1),
    }
    assert [name for name, one in usage.items() if price.cost("m", one) is None] == [part]
