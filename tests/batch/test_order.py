"""Things that come in any order, handed on in theirs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.batch.order import InOrder


@settings(deadline=None)  # machines can be busy
@given(st.permutations(range(1, 20)))
def test_any_order_becomes_the_right_one(numbers: list[int]) -> None:
    """Whatever comes first, all are handed on once and in order, each as soon as those before it have come."""
    order = InOrder[str]()
    out: list[str] = []
    for come, number in enumerate(numbers, 1):
        out += order.put(number, str(number))
        assert out == [str(one) for one in range(1, len(out) + 1)]
        assert order.waiting == come - len(out)
        assert len(out) + 1 not in numbers[:come]
    assert out == [str(one) for one in range(1, 20)]
    assert order.rest() == []


@settings(deadline=None)  # machines can be busy
@given(st.sets(st.integers(min_value=2, max_value=50)))
def test_the_rest_is_in_order_too(numbers: set[int]) -> None:
    """What waits for something that never comes is still handed out at the end, once."""
    order = InOrder[int]()
    assert [thing for number in numbers for thing in order.put(number, number)] == []
    assert order.rest() == sorted(numbers)
    assert (order.rest(), order.waiting) == ([], 0)


def test_what_is_handed_on_is_forgotten() -> None:
    """Memory holds what waits and nothing else, however long the run is."""
    order = InOrder[int]()
    for number in range(1, 100_001):
        assert order.put(number, number) == [number]
        assert order.waiting == 0
