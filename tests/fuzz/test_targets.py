"""Everything that parses, with bytes that nobody meant: without guidance, but in every run of the tests."""

from __future__ import annotations

import itertools
import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutate_json, words
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import JSON_TARGETS, TARGETS

EDITS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6), st.binary(max_size=6)), max_size=4)
"""Where, how many bytes go, and what comes instead."""


def test_every_target_has_seeds() -> None:
    """The names are the same, and no example is there twice."""
    assert SEEDS.keys() == TARGETS.keys()
    assert all(len(set(seeds)) == len(list(seeds)) for seeds in SEEDS.values())


@pytest.mark.parametrize(
    ("name", "seed"),
    [(name, seed) for name in SEEDS for seed in SEEDS[name]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_seeds(name: str, seed: bytes) -> None:
    """What the fuzzing starts from holds already, and so does each beginning of it."""
    for end in itertools.chain(range(0, len(seed), max(1, len(seed) // 20)), [len(seed)]):
        TARGETS[name](seed[:end])


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_bytes_that_nobody_meant(name: str, data: st.DataObject) -> None:
    """Any bytes, and seeds with anything cut out and put in, are parsed or refused as promised."""
    content = data.draw(st.sampled_from(list(SEEDS[name])) | st.binary(max_size=120))
    for place, cut, put in data.draw(EDITS):
        content = content[:place] + put + content[place + cut :]
    TARGETS[name](content)


@pytest.mark.parametrize("name", sorted(JSON_TARGETS))
def test_json_that_nobody_meant(name: str) -> None:
    """Seeds whose JSON has other values, types and keys than meant are parsed or refused as promised."""
    random = Random(f"{name} 1")
    for seed in SEEDS[name]:
        content = seed
        for _ in range(30):
            content = mutate_json(content, random) or seed
            TARGETS[name](content)


def test_mutations_stay_json() -> None:
    """A mutation changes something sooner or later, leaves JSON behind, and has the words of the protocol."""
    seed = b'{"type": "session.created", "session": {"id": "s", "n": [1, {"a": null}]}}'
    random = Random(1)
    mutated = [mutate_json(seed, random) for _ in range(50)]
    assert all(json.loads(one) is not None or one == b"null" for one in mutated if one is not None)
    assert len(set(mutated)) > 20
    assert mutate_json(b"no JSON", random) is None
    assert {"response.audio.delta", "input_audio_buffer.append", "cached_tokens_details"} <= set(words())
