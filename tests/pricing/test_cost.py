"""Amounts of money that add up, are written and are read again."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.pricing.cost import PARTS, Cost, dollars

AMOUNTS = st.integers(min_value=0, max_value=10**12).map(lambda count: Decimal(count).scaleb(-9))
COSTS = st.builds(
    Cost,
    model=st.sampled_from(["gpt-realtime", "gpt-realtime-mini", "a model"]),
    source=st.sampled_from(["genai-prices 0.2.3", "prices file p.toml", "Geppetto's table of 2026-11-21"]),
    **dict.fromkeys(PARTS, AMOUNTS),
)
NOTHING = {"usd": 0, "parts": {}, "model": "m", "source": "s"}


@given(COSTS)
def test_the_parts_add_up(cost: Cost) -> None:
    """The total is the sum of the parts, to the last digit."""
    assert cost.usd == sum(getattr(cost, part) for part in PARTS)


@given(COSTS, COSTS, COSTS)
def test_adding_is_associative(one: Cost, two: Cost, three: Cost) -> None:
    """The order in which answers are added together makes no difference to any part, model or source."""
    assert (one + two) + three == one + (two + three)


@given(COSTS, COSTS)
def test_a_sum_is_the_sum_of_its_parts(one: Cost, two: Cost) -> None:
    """Each part is added for itself, and the total stays their sum."""
    both = one + two
    assert both.usd == one.usd + two.usd == sum(getattr(both, part) for part in PARTS)
    assert all(getattr(both, part) == getattr(one, part) + getattr(two, part) for part in PARTS)


@given(COSTS)
def test_json_keeps_a_cost(cost: Cost) -> None:
    """What was written is read as it was, each amount a plain number."""
    assert Cost.from_json(json.loads(json.dumps(cost.as_json()))) == cost


def test_json_has_the_documented_shape() -> None:
    """Amounts are numbers, in dollars, and all eight parts are there."""
    cost = Cost(input_text=Decimal("0.00012"), output_audio=Decimal("0.00256"), model="m", source="a list")
    assert json.dumps(cost.as_json()) == (
        '{"usd": 0.00268, "parts": {"input_text": 0.00012, "input_audio": 0.0, "input_image": 0.0, '
        '"cached_text": 0.0, "cached_audio": 0.0, "cached_image": 0.0, "output_text": 0.0, "output_audio": 0.00256}, '
        '"model": "m", "source": "a list"}'
    )


def test_models_and_sources_are_named_once() -> None:
    """A sum names each model and each source in the order in which they came."""
    one, two = Cost(model="a", source="x"), Cost(model="b", source="y")
    both = one + two + one
    assert (both.model, both.source) == ("a, b", "x; y")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "not an object"),
        ({**NOTHING, "usd": "1"}, "its usd is not a number"),
        ({**NOTHING, "usd": True}, "its usd is not a number"),
        ({"model": "m", "source": "s"}, "its usd is not a number"),
        ({**NOTHING, "usd": -1}, "its usd is not an amount"),
        ({**NOTHING, "usd": float("nan")}, "its usd is not an amount"),
        ({**NOTHING, "usd": 10**400}, "its usd is not an amount"),
        ({**NOTHING, "parts": []}, "its parts are not an object"),
        ({**NOTHING, "parts": {"input_text": None}}, "its input_text is not a number"),
        ({**NOTHING, "model": None}, "its model is not a text"),
        ({**NOTHING, "source": 1}, "its source is not a text"),
    ],
)
def test_what_is_no_cost_is_not_taken_for_one(value: object, why: str) -> None:
    """A damaged record is refused with a reason, because a budget may stand on it."""
    with pytest.raises(ValueError, match=why):
        Cost.from_json(value)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0"),
        ("0.00000001", "less than $0.0001"),
        ("0.0001", "$0.0001"),
        ("0.01234", "$0.0123"),
        ("0.5", "$0.5000"),
        ("1", "$1.00"),
        ("1234.567", "$1,234.57"),
    ],
)
def test_money_is_shown_as_people_read_it(usd: str, shown: str) -> None:
    """Small amounts keep four places, large ones have cents, and something is never shown as nothing."""
    assert dollars(Decimal(usd)) == shown
    assert str(Cost(usd=Decimal(usd), model="m", source="s")) == shown
