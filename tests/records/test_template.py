"""File names by template: what is one, and what becomes of any id and any question."""

from __future__ import annotations

import os
import unicodedata
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geppetto.errors import ConfigError
from geppetto.records.modes import create_temporary
from geppetto.records.naming import OutputStem
from geppetto.records.template import MAX_PART_BYTES, MAX_SLUG_CHARS, NameTemplate, slug

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 21, 10, 15, 2)


def named(text: str, index: int = 7, id: str = "q7", question: str = "What is 12 times 7?") -> str:  # noqa: A002
    """Return the name that the template *text* gives."""
    return str(NameTemplate.parse(text).path(index, id, question, WHEN))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("answer", "answer"),
        ("{index}", "7"),
        ("{index:05d}-{slug}", "00007-what-is-12-times-7"),
        ("{index:03}", "007"),
        ("{index:3d}", "007"),
        ("{index:d}", "7"),
        ("{date}/{time}_{id}", "20261121/101502_q7"),
        ("a/b/{id}.wav", "a/b/q7"),
        ("{id}.WAV", "q7"),
        ("{{{id}}}", "{q7}"),
        ("{id}{id}", "q7q7"),
        ("-{index} of many", "-7 of many"),
        ("e\u0301-{id}", "\xe9-q7"),
    ],
)
def test_names(text: str, name: str) -> None:
    """Each field gives its value, a slash a directory, and .wav at the end is what is added anyway."""
    assert named(text) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{indx}", "has an unknown field {indx}. Did you mean {index}?"),
        ("{ID}", "has an unknown field {ID}. Did you mean {id}?"),
        ("{}", "has an unknown field {}. There are {index}, {id}, {slug}, {date}, {time}."),
        ("{0}", "has an unknown field {0}. There are"),
        ("{id.__class__}", "has an unknown field {id.__class__}."),
        ("{index[0]}", "has an unknown field {index[0]}."),
        ("{zzz\x1b}", r"has an unknown field {zzz\x1b}."),
        ("{id", "has a brace too many or too few"),
        ("id}", "has a brace too many or too few"),
        ("{id!r}", "has !r behind id, which means nothing here"),
        ("{id:>9}", "has a format behind id, which takes none. Write {id}."),
        ("{date:%Y}", "has a format behind date"),
        ("{index:x}", "has the format x behind index"),
        ("{index:{id}}", "has the format {id} behind index"),
        ("{index:21d}", "has the format 21d behind index"),
        ("{index:,}", "has the format , behind index"),
        ("/tmp/{id}", "is not below the directory of the audio."),
        ("~/{id}", "is not below the directory of the audio."),
        ("C:{id}", "is not below the directory of the audio."),
        ("../{id}", "has a name that begins with a dot."),
        ("a/../{id}", "has a name that begins with a dot."),
        ("./{id}", "has a name that begins with a dot."),
        (".{id}", "has a name that begins with a dot."),
        ("", "has an empty name in it."),
        (".wav", "has an empty name in it."),
        ("{id}/", "has an empty name in it."),
        ("{id}/.wav", "has an empty name in it."),
        ("a//{id}", "has an empty name in it."),
        ("{id}.", "has a name that ends in a dot or a blank."),
        ("a /{id}", "has a name that ends in a dot or a blank."),
        ("a\\{id}", r"has the character '\\' in it."),
        ("{id}:1", "has the character ':' in it."),
        ("{id}\0", r"has the character '\x00' in it."),
        ("{id}\u202e", r"has the character '\u202e' in it."),
        ("{id}\ud800", r"has the character '\ud800' in it."),
        ("{id}\n", r"has the character '\n' in it."),
        ("nul/{id}", "has the name nul in it. Windows has a device of that name"),
        ("Com1.x", "has the name Com1.x in it."),
        ("{id}.txt", "ends in .txt, but .wav and .txt are added to it."),
        ("{id}.part", "ends in .part"),
        ("{id}.mp3", "ends in .mp3"),
        ("x" * 201, "makes names of more than 200 bytes."),
        ("\xe9" * 95 + "{id}", "makes names of more than 200 bytes."),
        ("a/" * 9 + "{id}", "has more than 8 directories in it."),
    ],
)
def test_what_is_no_template(text: str, why: str) -> None:
    """It is refused with a sentence that can be shown, says what is wrong, and has a next step."""
    with pytest.raises(ConfigError) as caught:
        NameTemplate.parse(text)
    said = str(caught.value)
    assert why in said
    assert said.startswith("--output-template ")
    assert said.isprintable()
    assert said.endswith((".", "?"))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What's  the time?\n", "whats-the-time"),
        ("Größe: 3,5 m²", "größe-3-5-m²"),
        ("Gro\u0308\xdfe", "größe"),
        ("中文 問題", "中文-問題"),
        ("क्या हाल है", "क्या-हाल-है"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),
        ("İstanbul", "i\u0307stanbul"),
        ("../../etc/passwd", "etc-passwd"),
        ("I \u2764\ufe0f it", "i-it"),
        ("\u0301a", "a"),
        ("\u202eevil\u202c \ud800 \0", "evil"),
        ("", "untitled"),
        ("?! \u2764\ufe0f \u3164", "untitled"),
        ("word " * 30, "-".join(["word"] * 12)),
        ("x" * 100, "x" * 60),
        ("a " + "x" * 100, "a"),
    ],
)
def test_slug(question: str, words: str) -> None:
    """Letters and digits of every script stay, in lower case; nothing else does, and no word is cut but the first."""
    assert slug(question) == words


@pytest.mark.parametrize(
    ("given_id", "name"),
    [
        ("a/b", "a_b"),
        ("../../x", "_.._x"),
        ("..", "untitled"),
        (".hidden", "hidden"),
        ("--rf", "rf"),
        ("a b\tc", "a_b_c"),
        ("v1.2-x_y", "v1.2-x_y"),
        ("trailing. ", "trailing._"),
        ("trailing.", "trailing"),
        ("", "untitled"),
        ("con", "_con"),
        ("LPT1.x", "_LPT1.x"),
        ("COM\xb9", "_COM\xb9"),
        ("console", "console"),
        ("clip.wav", "clip"),
        ("clip.wav.TXT.part", "clip"),
        (".wav", "wav"),
        ("a_partial", "a-partial"),
        ("a_PARTIAL", "a-PARTIAL"),
        ("a\u202eb\u200d\ufeff", "ab"),
        ("a\ud800\0b", "a_b"),
        ("\u0301x", "x"),
        (".\u0301x", "x"),
        ("\u037e", "untitled"),
        ("_" * 300 + "x", "untitled"),
        ("x" * 300, "x" * 200),
        ("\u4e2d" * 300, "\u4e2d" * 66),
    ],
)
def test_ids_that_are_no_names(given_id: str, name: str) -> None:
    """What cannot stand in a file name goes, and a slash makes no directory."""
    assert named("{id}", id=given_id) == name


def test_what_is_too_long_is_shared() -> None:
    """A short value stays whole beside a long one, and what stands around them always does."""
    name = named("{id}-{slug}-{index:05d}", id="q" * 20, question="\u4e2d" * 60)
    assert name == "q" * 20 + "-" + "\u4e2d" * 52 + "-00007"
    assert len(named("{id}{id}", id="q" * 300)) == 200
    assert len(named("{date}{time}{id}", id="q" * 300)) == 200
    assert named("{id}/x", id="_" * 300 + "x") == "untitled/x"
    assert named("\u1100{id}", id="\u1161") == "\uac00"
    assert named("{id}/{slug}", id="q" * 300, question="x" * 300) == f"{'q' * 200}/{'x' * 60}"
    assert named("{index:020d}", index=10**30) == "1" + "0" * 30


ANYTHING = st.text(st.characters(), max_size=40) | st.text(
    st.sampled_from(
        'aZ9./\\-_~ \0\n\x7f:*"<>|?%CONcomnul1\xb9\u0301\u0308\u202e\u200f\ufeff\ufe0f\ud800\udc00\u4e2d\U0001f600'
    )
)
LONG = st.builds(lambda text, times: text * times, ANYTHING, st.integers(1, 50))
TEMPLATES = st.sampled_from(
    [
        "{id}",
        "{slug}",
        "{id}/{slug}",
        "{id}{slug}{id}",
        "{slug}.{id}",
        "c{id}",
        "{date}/{id}/{index}-{slug}",
        "{id}/x",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(text=TEMPLATES, index=st.integers(1, 10**9), id=LONG, question=LONG)
def test_any_id_and_question(tmp_path: Path, text: str, index: int, id: str, question: str) -> None:  # noqa: A002
    """The file can be made, with all that is added to its name, below the directory and as deep as it should be."""
    path = NameTemplate.parse(text).path(index, id, question, WHEN)
    assert not path.is_absolute()
    assert len(path.parts) == text.count("/") + 1
    assert path == NameTemplate.parse(text).path(index, id, question, WHEN)
    for part in path.parts:
        check_part(part)
    assert not path.name.lower().endswith((".wav", ".txt", ".part", "_partial"))

    stem = OutputStem.reserve(tmp_path / path.parent, WHEN, name=f"{path.name}_999999999")
    assert stem.directory.resolve().is_relative_to(tmp_path.resolve())
    fd, temporary = create_temporary(stem.transcript_path(partial=True))
    os.close(fd)
    for made in (temporary, stem.part_path):
        made.unlink()
    stem.abandon()


def check_part(part: str) -> None:
    """Check that *part* is a file name on every system, and cannot be taken for another thing."""
    assert part
    assert unicodedata.is_normalized("NFC", part)
    assert len(part.encode()) <= MAX_PART_BYTES + 1
    assert part[0] not in ".- "
    assert part[-1] not in ". "
    assert not set(part) & set('/\\<>:"|?*~')
    assert all(unicodedata.category(character)[0] not in "CZ" for character in part)
    device = part.partition(".")[0].rstrip().upper()
    assert device not in {"CON", "PRN", "AUX", "NUL"}
    assert not (device[:3] in {"COM", "LPT"} and len(device) == 4 and device[3] in "0123456789¹²³")


@given(question=LONG)
def test_any_slug(question: str) -> None:
    """It is short, NFC, and made of words and `-` alone."""
    words = slug(question)
    assert 0 < len(words) <= MAX_SLUG_CHARS
    assert unicodedata.is_normalized("NFC", words)
    for word in words.split("-"):
        assert word
        assert all(unicodedata.category(character)[0] in "LNM" for character in word)
        assert unicodedata.category(word[0])[0] in "LN"


@given(text=st.text(st.sampled_from("{}[]!:.05d/idexnslugatm%\\~ \0é")) | st.text(max_size=20), id=LONG)
def test_any_template(text: str, id: str) -> None:  # noqa: A002
    """It is refused, or its names are below the directory."""
    try:
        template = NameTemplate.parse(text)
    except ConfigError:
        return
    path = template.path(1, id, id, WHEN)
    assert isinstance(path, PurePath)
    assert not path.is_absolute()
    assert path.parts
    assert not any(part.startswith(".") or len(part.encode()) > MAX_PART_BYTES + 1 for part in path.parts)
