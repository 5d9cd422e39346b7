"""The quick way through the decoder is the same way."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.realtime import decoding
from geppetto.realtime.decoding import BadMessage, decode, decode_thoroughly
from geppetto.realtime.deltas import AUDIO_DELTAS, TEXT_DELTAS, decode_plainly
from geppetto.realtime.events import AudioDelta, IgnoredServerEvent, TextDelta

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from geppetto.realtime.events import ServerEvent

KINDS = sorted(AUDIO_DELTAS | TEXT_DELTAS)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
PAYLOADS = st.one_of(
    st.binary(max_size=9).map(lambda pcm: base64.b64encode(pcm).decode()),
    st.text("AB=+/-_ \\n", max_size=9),
    st.integers(0, 9).map(lambda n: f"[trimmed: {n} bytes]"),
    st.text(st.characters(), max_size=9),
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "response.done", "audio.delta", "x"])},
    optional={
        "event_id": ODD,
        "response_id": st.text(max_size=5) | ODD,
        "item_id": st.text(max_size=5) | ODD,
        "content_index": st.integers(-(2**70), 2**70) | ODD,
        "delta": PAYLOADS | ODD,
        "zz": ODD,
    },
)


def outcome(way: Callable[[str], tuple[str, ServerEvent]], message: str) -> object:
    """Return what *way* makes of *message*, an error as its sentence."""
    try:
        return way(message)
    except BadMessage as error:
        return str(error)


@given(EVENTS, st.randoms(use_true_random=False), st.booleans(), st.sampled_from(["", " ", "}", ",", "\x00"]))
def test_both_ways_lead_to_the_same_event(event: dict[str, Any], random: Random, ascii_only: bool, tail: str) -> None:
    """Keys in any order, values of any type, text that is no JSON: the same event, or the same sentence."""
    keys = list(event)
    random.shuffle(keys)
    message = json.dumps({key: event[key] for key in keys}, ensure_ascii=ascii_only) + tail
    assert outcome(decode, message) == outcome(decode_thoroughly, message)


@pytest.mark.parametrize("kind", KINDS)
def test_plain_deltas_go_the_quick_way(kind: str) -> None:
    """Of either dialect, with the fields and the spacing that servers use."""
    fields = {"event_id": "e", "response_id": "r", "item_id": "i", "output_index": 0, "content_index": 2}
    for separators in ((",", ":"), (", ", ": ")):
        decoded = decode_plainly(json.dumps({"type": kind, **fields, "delta": "AAAA"}, separators=separators))
        assert decoded is not None
        name, event = decoded
        assert name == kind
        if kind in AUDIO_DELTAS:
            assert event == AudioDelta(response_id="r", item_id="i", content_index=2, pcm=bytes(3))
        else:
            assert event == TextDelta(response_id="r", item_id="i", content_index=2, delta="AAAA")


@pytest.mark.parametrize(
    "message",
    [
        "{}",
        "[]",
        "audio.delta",
        '{"type":"response.done"}',
        '{"type":"response.output_audio.delta"}',
        '{"type":"response.output_audio.delta","delta":"A"}',
        '{"type":"response.output_text.delta","delta":"\\ud800"}',
        '{"type":"response.output_text.delta","delta":"\ud800"}',
        '{"type":"response.output_text.delta","delta":7}',
        '{"type":"response.output_text.delta","x":' + "[" * 100_000,
    ],
    ids=lambda message: ascii(message[:60]),
)
def test_everything_else_goes_the_thorough_way(message: str) -> None:
    """Whatever is no delta, or no plain one, be it right or wrong."""
    assert decode_plainly(message) is None


def test_there_is_one_list_of_names() -> None:
    """What the quick way takes for a delta, the thorough one does, too."""
    fields = {"delta": "AAAA"}
    for kind in KINDS:
        _, event = decode_thoroughly(json.dumps({"type": kind, **fields}))
        assert isinstance(event, AudioDelta if kind in AUDIO_DELTAS else TextDelta)
    assert {kind for kind in decoding._DECODERS if kind.endswith(".delta")} == set(KINDS)


LONG_KINDS = st.sampled_from(["response.content_part.done", "response.output_item.done", "response.done", "x", 7])


@given(
    st.fixed_dictionaries({"type": LONG_KINDS}, optional={"item": ODD, "part": ODD}),
    st.booleans(),
    st.sampled_from(["", " ", "\n", "x", '"', "\\", '"type":"x"', "\ud800", "é", "\u2028"]),
    st.text(max_size=5),
)
def test_a_long_event_is_the_same_event(event: dict[str, Any], ascii_only: bool, tail: str, text: str) -> None:
    """Whatever is in it that nobody reads: right or wrong, it means what any event means."""
    message = json.dumps(event | {"text": "word " * 4000 + text}, ensure_ascii=ascii_only) + tail
    for said in (message, message.replace("word", tail, 1)):
        assert outcome(decode, said) == outcome(decode_thoroughly, said)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_long_event_that_is_ignored_is_not_copied(ascii_only: bool) -> None:
    """The end of a long answer brings its text several times: no copy is made of what nobody reads, or kept."""
    content = [{"transcript": "wörter " * 100_000}]
    event = {"type": "response.output_item.done", "item": {"content": content}}
    message = json.dumps(event, ensure_ascii=ascii_only)
    tracemalloc.start()
    try:
        assert decode(message) == ("response.output_item.done", IgnoredServerEvent(type="response.output_item.done"))
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000
    assert most < (50_000 if ascii_only else 2.5 * len(message))
