"""Text from the network cannot steer the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.text import encodable, escape, escape_controls, escape_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f\x00\x07", "\\x7f\\x00\\x07"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\\x0db"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud83d", "\\ud83d"),
    ],
)
def test_what_steers_or_misleads_becomes_visible(text: str, shown: str) -> None:
    """Control characters, direction marks, odd line breaks and lone surrogates are shown as escapes."""
    assert escape(text) == shown


@pytest.mark.parametrize("text", ["", "a\n\tb", "Grüße, 東京", "👩\u200d🚀", "שלום", "a\\b", "é́"])
def test_ordinary_text_stays(text: str) -> None:
    """Newline, tab, every script and joined emoji come through unchanged."""
    assert escape(text) == text


@given(st.text(st.characters()))
def test_nothing_unsafe_is_left(text: str) -> None:
    """What comes out can be encoded, has no control character, and has nothing more to escape."""
    shown = escape(text)
    shown.encode()
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in {"\n", "\t"}]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI"}]
    assert escape(shown) == shown


@given(st.text(st.characters()))
def test_one_line_stays_one_line(text: str) -> None:
    """`escape_line` leaves nothing at which a terminal or a parser could break the line."""
    assert len(escape_line(text).splitlines()) <= 1


@given(st.text(st.characters()))
def test_a_file_keeps_all_but_controls(text: str) -> None:
    """`escape_controls` leaves what `escape` leaves, and besides it what reorders text and odd line breaks."""
    kept = escape_controls(text)
    assert not [c for c in kept if unicodedata.category(c) == "Cc" and c not in {"\n", "\t"}]
    assert escape(kept) == escape(text)
    assert escape_controls("a\u202e\u200f\u2028\ud83d\r\nb\rc") == "a\u202e\u200f\u2028\ud83d\nb\\x0dc"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("a\0b\u202e🙂\r\n", "a\0b\u202e🙂\r\n"),
        ("\ud83d\ude42 \ud83d", "🙂 \ufffd"),
        ("\ude42", "\ufffd"),
    ],
)
def test_what_cannot_be_encoded_is_mended(text: str, kept: str) -> None:
    """Two halves of a surrogate pair become their character, one alone U+FFFD; what is left alone is not copied."""
    assert encodable(text) == kept
    assert encodable(kept) is kept
