"""The way of a first-time user leads all the way, in a real terminal; and README shows what such a person sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walk.readme import README, blocks, lasting, with_captures
from tests.walk.walking import CannotWalk, walk

if TYPE_CHECKING:
    from tests.walk.walking import Walk


@pytest.fixture(scope="module")
def found() -> Walk:
    """Return what was found on the way, which is gone once."""
    try:
        return walk()
    except CannotWalk as error:
        pytest.skip(f"Nobody can walk here: {error}")


def test_every_program_ends_well(found: Walk) -> None:
    """The installation, the doctor, the history and both chats end with 0."""
    assert found.statuses == [0] * 5


def test_the_terminal_is_given_back(found: Walk) -> None:
    """After each chat the terminal is set as it was before."""
    before, *after = found.modes
    assert "icanon" in before
    assert after == [before, before]


def test_everything_heard_is_on_disk(found: Walk) -> None:
    """Each of the five answers is a WAV with sound in it, and one of them, interrupted, is called partial."""
    assert len(found.recordings) == 5
    assert sum(name.endswith("_partial.wav") for name in found.recordings) == 1
    assert all(seconds > 0.5 for seconds in found.recordings.values())


def test_readme_shows_what_is_seen(found: Walk) -> None:
    """README has a capture of each step, as it is today; `python -m tests.walk --write-readme` makes it so."""
    shown = blocks(README.read_text(encoding="utf-8"))
    assert list(shown) == list(found.captures)
    for name, text in shown.items():
        assert lasting(text) == lasting(found.captures[name]), name


def test_captures_take_the_place_of_those_before() -> None:
    """Only what stands in the blocks is replaced, and what was put there is found again."""
    page = "# A\n\n<!-- walk: one -->\n```console\n\n```\n\nB\n\n<!-- walk: two -->\n```text\nold\n```\nC\n"
    captures = {"one": "$ echo '\\1'\n\\1", "two": "new"}
    written = with_captures(page, captures)
    assert blocks(written) == captures
    assert written.replace(captures["one"], "").replace("new", "old") == page


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("  2.8 s of audio · audio_20261121_163835.wav", "  12.1 s of audio ·\n  audio_20261122_080000_2.wav"),
        ("57 tokens in, 68 out", "1,057 tokens in (12 cached), 6 out"),
        ("Geppetto: 1, 2, 3, 4,", "Geppetto: 1, 2, 3,\n4, 5, 6,"),
        ("connected · receiving 2 s of audio", "connected · receiving"),
        ("yb7rp057  2026-11-20 16:38    4 answers", "n2crp057  2026-12-20 06:01    4 answers"),
        ("Geppetto 0.1.0 on CPython 3.11.7, Linux x86_64.", "Geppetto 0.2.0 on PyPy 3.12, Darwin arm64."),
    ],
)
def test_what_lasts(one: str, other: str) -> None:
    """Times, figures, names of files and where rows end are not the same in every walk, and do not matter."""
    assert lasting(one) == lasting(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 times 7 is 84.", "12 times 7 is 85."),
        ("4 answers (1 cancelled)", "4 answers (2 cancelled)"),
        ("1 answer", "2 answers"),
        ("voice is now cedar", "voice is now marin"),
        ("$ echo $?\n0", "$ echo $?\n1"),
    ],
)
def test_what_matters(one: str, other: str) -> None:
    """Answers, counts, names and statuses matter."""
    assert lasting(one) != lasting(other)
