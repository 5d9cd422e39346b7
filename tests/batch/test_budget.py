"""How much a run may cost, and how long it may take."""

from __future__ import annotations

from decimal import Decimal

import pytest

from geppetto.batch.budget import Budget


def test_without_limits_nothing_ends() -> None:
    """However much is spent and however long it takes."""
    budget = Budget(started_at=0.0)
    budget.spend(Decimal(10**9))
    assert budget.reached(1e12) is None
    assert budget.warning(1e12) is None


@pytest.mark.parametrize(("spent", "reached"), [("0.4999", False), ("0.5", True), ("0.7", True)])
def test_the_limit_of_cost_is_reached_when_it_is_spent(spent: str, reached: bool) -> None:
    """The last answer may have passed it; the sentence has both figures."""
    budget = Budget(max_usd=Decimal("0.50"), started_at=0.0)
    budget.spend(Decimal(spent))
    sentence = budget.reached(0.0)
    assert (sentence is not None) is reached
    if sentence is not None:
        assert "$0.50" in sentence
        assert f"${Decimal(spent):.4f}" in sentence


def test_cost_adds_up_exactly() -> None:
    """A thousand times a thousandth is one."""
    budget = Budget(max_usd=Decimal(1), started_at=0.0)
    for _ in range(999):
        budget.spend(Decimal("0.001"))
    assert budget.reached(0.0) is None
    budget.spend(Decimal("0.001"))
    assert budget.reached(0.0) is not None


def test_a_warning_comes_once_at_four_fifths_of_the_cost() -> None:
    """Not before, and not again."""
    budget = Budget(max_usd=Decimal(1), started_at=0.0)
    budget.spend(Decimal("0.79"))
    assert budget.warning(0.0) is None
    budget.spend(Decimal("0.01"))
    assert budget.warning(0.0) == "$0.8000 of $1.00 are spent"
    assert budget.warning(0.0) is None


def test_time_is_counted_from_the_start_of_the_run() -> None:
    """Whatever the clock says then."""
    budget = Budget(max_s=60.0, started_at=1000.0)
    assert budget.ends_at == 1060.0
    assert budget.reached(1059.9) is None
    assert budget.reached(1060.0) == "The limit of 1 minute is reached."
    assert budget.warning(1047.9) is None
    assert budget.warning(1048.0) == "0.8 of 1 minute are over"
    assert budget.warning(1050.0) is None


def test_tokens_without_a_price_are_warned_of_where_cost_is_limited() -> None:
    """Once: the limit cannot hold for what nobody can count."""
    budget = Budget(started_at=0.0, unpriced=True)
    assert budget.warning(0.0) is None
    budget = Budget(max_usd=Decimal(1), started_at=0.0, unpriced=True)
    assert "--prices-file" in (budget.warning(0.0) or "")
    assert budget.warning(0.0) is None
