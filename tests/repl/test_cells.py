"""Where rows end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.repl.cells import cut, width, wrap, wrap_below

TEXTS = st.text(st.sampled_from("ab  漢字😀e\u0301\u200d한"), max_size=60)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("one two", ["one two"]),
        ("one two three", ["one two", "three"]),
        ("one two ", ["one two "]),
        ("one  two t", ["one  two", "t"]),
        ("incomprehensible", ["incompre", "hensible"]),
        ("a bcdefghijk", ["a", "bcdefghi", "jk"]),
        ("漢字漢字漢", ["漢字漢字", "漢"]),
        ("a漢字漢字", ["a漢字漢", "字"]),
        ("a 漢字漢字", ["a", "漢字漢字"]),
        ("cafe\u0301 ole\u0301 e\u0301", ["cafe\u0301 ole\u0301", "e\u0301"]),
    ],
)
def test_wrap(text: str, rows: list[str]) -> None:
    """Rows end at a space where there is one, and are counted in cells."""
    assert wrap(text, 8) == rows


@given(text=TEXTS, columns=st.integers(2, 20))
def test_every_row_fits(text: str, columns: int) -> None:
    """No row is wider than the terminal, and nothing but spaces is lost."""
    rows = wrap(text, columns)
    assert all(width(row) <= columns for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


@given(text=TEXTS, columns=st.integers(2, 20), at=st.integers(0, 60))
def test_pieces_make_the_same_rows(text: str, columns: int, at: int) -> None:
    """A text that comes in two pieces is broken where the whole would be."""
    *rows, tail = wrap(text[:at], columns)
    assert rows + wrap(tail + text[at:], columns) == wrap(text, columns)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("one two three four five", ["one two three", "four five"]),
        ("  one two three four", ["  one two three", "  four"]),
        ("  /a  one two three", ["  /a  one two", "      three"]),
        ("  /abcd  one two three", ["  /abcd  one two", "three"]),
        ("  abcdefghijklmnopqrstuvw", ["  abcdefghijklmn", "  opqrstuvw"]),
        ("      ", ["      "]),
        ("", [""]),
    ],
)
def test_wrap_below(text: str, rows: list[str]) -> None:
    """Further rows begin below the text, or below the second column of a table, where there is room for it."""
    assert wrap_below(text, 16) == rows


@given(text=TEXTS, columns=st.integers(2, 20))
def test_every_row_below_fits(text: str, columns: int) -> None:
    """No row is wider than the terminal, and nothing but spaces is lost."""
    rows = wrap_below(text, columns)
    assert all(width(row) <= columns for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


@given(text=TEXTS, columns=st.integers(0, 20))
def test_cut(text: str, columns: int) -> None:
    """What is cut fits, and what fits is not cut."""
    assert width(cut(text, columns)) <= columns
    assert width(text) > columns or cut(text, columns) == text
