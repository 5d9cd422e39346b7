"""What was said is found by its words, with FTS5 and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import ConfigError
from geppetto.memory.search import excerpt
from tests.memory.remembered import ABOUT, answer, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from geppetto.memory.store import Memory


@pytest.fixture(params=["fts5", "no fts5"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory]:
    """Open a memory of one conversation, with an SQLite that has FTS5, and as if it had none."""
    with opened(tmp_path / "c.sqlite3") as memory:
        if request.param == "fts5" and not memory._index.available:
            pytest.skip("this SQLite has no FTS5")
        memory._index._has_fts5 = request.param == "fts5"
        kept = memory.begin(ABOUT)
        memory.name(kept, "travels")
        memory.note(kept, answer("Where is the Café Élan?", "In Zürich, beside the station."))
        memory.note(kept, answer("東京の天気は?", 'It is "sunny" there, don\'t worry 🙂'))
        yield memory


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("zürich", ["In Zürich, beside the station."]),
        ("ZURICH", ["In Zürich, beside the station."]),
        ("cafe elan", ["Where is the Café Élan?"]),
        ("elan where", ["Where is the Café Élan?"]),
        ("stat", ["In Zürich, beside the station."]),
        ("天気", ["東京の天気は?"]),
        ("don't", ['It is "sunny" there, don\'t worry 🙂']),
        ("🙂", ['It is "sunny" there, don\'t worry 🙂']),
        ('"sunny"', ['It is "sunny" there, don\'t worry 🙂']),
        ("sunny OR station", []),
        ("NEAR(", []),
        ("sun*x", []),
        ("-sunny^2", []),
        ("\0", []),
        ("\ud800", []),
        ("zürich station", ["In Zürich, beside the station."]),
        ("zürich sunny", []),
    ],
)
def test_words_are_found(memory: Memory, words: str, found: list[str]) -> None:
    """In any order, case and accent, as beginnings, in any script; and nothing is an operator."""
    assert [hit.item.text for hit in memory.search(words)] == found


def test_the_newest_come_first_in_pages(memory: Memory) -> None:
    """What was said after the last search is found, too."""
    assert len(memory.search("the")) == 3
    memory.note(memory.begin(ABOUT), answer("The end?", "Yes."))
    hits = memory.search("the", limit=2)
    assert [(hit.item.text, hit.name) for hit in hits] == [
        ("The end?", None),
        ('It is "sunny" there, don\'t worry 🙂', "travels"),
    ]
    assert [hit.item.text for hit in memory.search("the", limit=2, offset=3)] == ["Where is the Café Élan?"]


def test_nothing_to_search_for(memory: Memory) -> None:
    """Blanks are no word."""
    with pytest.raises(ConfigError, match="nothing to search for"):
        memory.search("  ")


def test_an_excerpt_is_one_safe_line_around_the_word() -> None:
    """It shows where the word is, whatever is around it."""
    assert excerpt("a " * 100 + "the\nNEEDLE\x1b[2J" + " b" * 100, ["needle"]) == (
        "… " + ("a " * 13) + "the NEEDLE\\x1b[2J" + " b" * 40 + " …"
    )
    assert excerpt("Ǆ ﬁ x", ["x"]) == "Ǆ ﬁ x"


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=()), min_size=1))
def test_an_excerpt_of_any_text_can_be_shown(text: str, word: str) -> None:
    """No text makes it fail, or more than a line."""
    shown = excerpt(text, [word])
    assert len(shown.splitlines()) <= 1
    shown.encode()
