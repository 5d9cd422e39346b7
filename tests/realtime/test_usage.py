"""Token counts from servers that tell the truth, nothing, or nonsense."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.realtime.usage import Usage

FULL = {
    "total_tokens": 300,
    "input_tokens": 200,
    "output_tokens": 100,
    "input_token_details": {
        "text_tokens": 120,
        "audio_tokens": 70,
        "image_tokens": 10,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 40, "audio_tokens": 20, "image_tokens": 4},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 70},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                [
                    "total_tokens",
                    "input_tokens",
                    "input_token_details",
                    "text_tokens",
                    "cached_tokens_details",
                ]
            )
            | st.text(),
            inner,
        )
    ),
)


def test_a_full_report_is_read_in_full() -> None:
    """Every figure of the GA `usage` object finds its field."""
    assert Usage.from_json(FULL) == Usage(
        input_tokens=200,
        output_tokens=100,
        total_tokens=300,
        input_text_tokens=120,
        input_audio_tokens=70,
        input_image_tokens=10,
        cached_tokens=64,
        cached_text_tokens=40,
        cached_audio_tokens=20,
        cached_image_tokens=4,
        output_text_tokens=30,
        output_audio_tokens=70,
    )


@pytest.mark.parametrize("value", [None, {}, [], "unimplemented", 7, {"input_tokens": None}])
def test_a_server_that_reports_nothing_costs_nothing(value: object) -> None:
    """Null, an empty object and other shapes are zero tokens."""
    assert Usage.from_json(value) == Usage()


@pytest.mark.parametrize("count", ["12", -1, True, 1.5, None, [3], {}])
def test_what_is_no_count_is_zero(count: object) -> None:
    """A string, a negative number, a bool and a fraction are not counts."""
    usage = {"input_tokens": count, "output_tokens": 5, "input_token_details": {"cached_tokens": count}}
    assert Usage.from_json(usage) == Usage(output_tokens=5)


USAGES = st.builds(Usage, **{name: st.integers(min_value=0, max_value=10**12) for name in Usage.__struct_fields__})


@given(USAGES)
def test_a_record_keeps_every_figure(usage: Usage) -> None:
    """What is written to a file is read as it was, each figure in its own place."""
    assert Usage.from_record(json.loads(json.dumps(usage.as_json()))) == usage


def test_a_record_has_the_shape_that_users_read() -> None:
    """Cached tokens stand inside the input ones, because they are some of them."""
    assert Usage.from_json(FULL).as_json() == {
        "total": 300,
        "input": {
            "total": 200,
            "text": 120,
            "audio": 70,
            "image": 10,
            "cached": {"total": 64, "text": 40, "audio": 20, "image": 4},
        },
        "output": {"total": 100, "text": 30, "audio": 70},
    }


@pytest.mark.parametrize("value", [None, [], 7, {"input": 3}, {"input": {"total": "7", "cached": [1]}}])
def test_a_damaged_record_has_no_tokens(value: object) -> None:
    """What is no count of tokens is zero, as on the wire."""
    assert Usage.from_record(value) == Usage()


def test_usages_add_up_field_by_field() -> None:
    """The sum of two usages has the sum of each field."""
    one = Usage.from_json(FULL)
    assert msgspec.structs.asdict(one + one) == {
        name: 2 * count for name, count in msgspec.structs.asdict(one).items()
    }
    assert one + Usage() == one


@given(JSON)
def test_any_json_is_read_without_complaint(value: object) -> None:
    """Whatever a server sends as usage, all counts are whole and not negative."""
    for count in msgspec.structs.asdict(Usage.from_json(value)).values():
        assert type(count) is int
        assert count >= 0
