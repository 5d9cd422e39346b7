"""The key is taken out of every text, however the text spells it and wherever it is cut."""

from __future__ import annotations

import itertools
import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import ConnectionLost
from geppetto.redaction import MASK, Redactor

KEY = 'sk-test/9"Zx\\42abcdefgh'
REDACTOR = Redactor.of([KEY])


@pytest.mark.parametrize(
    "spelt",
    [
        KEY,
        json.dumps(KEY)[1:-1],
        json.dumps(KEY)[1:-1].replace("/", "\\/"),
        "".join(f"\\u{ord(character):04x}" for character in KEY),
        "".join(f"\\u{ord(character):04X}" for character in KEY),
        "\\u0073" + KEY[1:],
    ],
)
def test_every_spelling_is_replaced(spelt: str) -> None:
    """The key is found as it is, and as JSON may escape it, in part or in whole."""
    assert REDACTOR.clean(f"a {spelt} b {spelt}") == f"a {MASK} b {MASK}"


def test_a_key_that_was_cut_off_is_replaced() -> None:
    """The longer part of a key at the end of a text that somebody shortened is not shown either."""
    assert REDACTOR.clean(f"bad key {KEY[:15]}") == f"bad key {MASK}"
    assert REDACTOR.clean("sk-test is how test keys begin") == "sk-test is how test keys begin"


def test_placeholders_are_no_secrets() -> None:
    """`EMPTY` and nothing at all are left alone: they are no secrets, but words."""
    text = "EMPTY is EMPTY"
    assert Redactor.of(["EMPTY", None, ""]).clean(text) == text


@given(st.text(max_size=30), st.lists(st.integers(0, 60), max_size=8))
def test_a_stream_is_cleaned_across_its_pieces(around: str, cuts: list[int]) -> None:
    """However a text with the key in it is cut into pieces, what comes out is the clean text, and all of it."""
    text = f"{around}{KEY}{around}s"
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    stream = REDACTOR.stream()
    shown = "".join(stream.feed(text[a:b]) for a, b in itertools.pairwise(edges)) + stream.flush()
    assert shown == text.replace(KEY, MASK)


def test_a_stream_keeps_back_only_what_may_be_the_key() -> None:
    """Words that cannot be the beginning of the key are shown at once."""
    stream = REDACTOR.stream()
    assert stream.feed("Yes, it i") == "Yes, it i"
    assert stream.feed("s") == ""
    assert stream.feed(" so.") == "s so."


def test_an_error_loses_a_cause_that_shows_the_key() -> None:
    """The sentence is cleaned, and an exception below that holds the key is cut off the chain; others stay."""
    try:
        try:
            raise OSError("reset") from ValueError(f"reason={KEY}")
        except OSError as cause:
            raise ConnectionLost(f"closed ({KEY})") from cause
    except ConnectionLost as error:
        cleaned = REDACTOR.clean_error(error)
    said = "".join(traceback.format_exception(cleaned))
    assert KEY not in said
    assert MASK in said
    assert "reset" in said


def test_nothing_shows_the_key_of_a_redactor() -> None:
    """Its own repr, which a traceback tool may print, has no key."""
    assert "sk-test" not in repr(REDACTOR) + repr(REDACTOR.stream())
