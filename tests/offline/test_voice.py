"""The voices: what they say for any text, and how an answer is cut into sentences."""

from __future__ import annotations

import sys
import threading
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.errors import MissingExtra
from geppetto.offline.voice import SENTENCE_LIMIT_CHARS, HeartVoice, ToneVoice, pronounceable, sentences

if TYPE_CHECKING:
    from geppetto.offline.voice import Voice

RATE_HZ = 24_000


def samples(pcm: bytes) -> array[int]:
    values = array("h", pcm)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def duration_s(pcm: bytes) -> float:
    assert len(pcm) % 2 == 0
    return len(pcm) / 2 / RATE_HZ


@pytest.fixture(scope="module")
def heart() -> Voice:
    pytest.importorskip("hibari", reason="hibari-tts is not installed")
    voice = HeartVoice(seed=1)
    voice.warm()
    return voice


def test_a_sentence_takes_the_time_a_person_takes(heart: Voice) -> None:
    """A sentence of five words lasts between one and three seconds."""
    assert 1.0 < duration_s(heart.speak("12 times 7 is 84.")) < 3.0


def test_the_voice_is_loud_and_starts_at_once(heart: Voice) -> None:
    """Speech reaches a third of full scale and begins within 50 ms; at most 200 ms of quiet follow it."""
    values = samples(heart.speak("It is a quarter past ten in the morning."))
    loud = [index for index, value in enumerate(values) if abs(value) > 600]
    assert max(abs(value) for value in values) > 32_767 / 3
    assert loud[0] < 0.05 * RATE_HZ
    assert len(values) - loud[-1] < 0.2 * RATE_HZ


def test_the_same_seed_speaks_the_same_bytes(heart: Voice) -> None:
    """Two calls with one seed give the same bytes, also from two threads at once."""
    spoken: list[bytes] = []
    threads = [threading.Thread(target=lambda: spoken.append(heart.speak("Hello Ada."))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spoken[0] == spoken[1] == heart.speak("Hello Ada.")


@pytest.mark.parametrize("text", ["", "   ", "🙂", "你好", "...", "?!", "\x00", "\ud800", "[](/ˈ/)"])
def test_a_text_without_words_is_a_short_silence(heart: Voice, text: str) -> None:
    """What the voice cannot pronounce becomes silence, not an error."""
    pcm = heart.speak(text)
    assert 0.1 <= duration_s(pcm) <= 0.5
    assert not any(pcm)


@pytest.mark.parametrize(
    "text", ["1" * 40, "12,345,678,901,234,567,890", "$" + "9" * 30, "a\ud800b 日本 é ½", ")é4İ?", "--url"]
)
def test_an_odd_text_is_still_spoken(heart: Voice, text: str) -> None:
    """Long numbers, other scripts between words and odd marks do not stop the voice."""
    assert any(heart.speak(text))


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=20))
def test_no_text_stops_the_voice(heart: Voice, text: str) -> None:
    """Any text at all gives whole frames of audio."""
    assert duration_s(heart.speak(text)) >= 0.05


@settings(max_examples=40, deadline=None)
@given(text=st.text(alphabet="019aAzZ .,-'$%/()#&*+:;_é½€", max_size=24))
def test_no_readable_text_stops_the_voice(heart: Voice, text: str) -> None:
    """Any mixture of digits, letters and marks gives whole frames of audio."""
    assert duration_s(heart.speak(text)) >= 0.05


def test_a_missing_package_is_one_sentence_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hibari-tts the error says what to install, already when the voice is made."""
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(MissingExtra) as caught:
        HeartVoice()
    assert str(caught.value) == (
        'The offline server needs its voice: run `python3 -m pip install "geppetto[offline]"`.'
    )


def test_a_package_missing_below_hibari_is_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hibari that cannot be imported is the same error, with the import error as its cause."""
    pytest.importorskip("hibari", reason="hibari-tts is not installed")
    voice = HeartVoice()
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(MissingExtra, match="needs its voice") as caught:
        voice.warm()
    assert isinstance(caught.value.__cause__, ImportError)


def test_the_tone_lasts_a_fixed_time_per_character() -> None:
    """Ten characters of 20 ms each are 200 ms of an audible tone, the same every time."""
    voice: Voice = ToneVoice(ms_per_character=20)
    voice.warm()
    pcm = voice.speak("0123456789")
    assert duration_s(pcm) == pytest.approx(0.2)
    assert max(samples(pcm)) == 8_000
    assert pcm == ToneVoice(ms_per_character=20).speak("abcdefghij")


def test_the_tone_of_nothing_is_a_short_silence() -> None:
    """An empty text gives silence, so that a caller never meets empty audio."""
    pcm = ToneVoice().speak("")
    assert duration_s(pcm) == pytest.approx(0.2)
    assert not any(pcm)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One.", ["One."]),
        ("One. Two? Three", ["One.", "Two?", "Three"]),
        ("Pi is 3.14. It goes on.", ["Pi is 3.14.", "It goes on."]),
        ("Dr. Smith met J. K. Rowling. They spoke.", ["Dr. Smith met J. K. Rowling.", "They spoke."]),
        ("C, A, T. Next.", ["C, A, T.", "Next."]),
        ("So do I. Good.", ["So do I.", "Good."]),
        ("At 5 p.m. it rains, e.g. here.", ["At 5 p.m. it rains, e.g. here."]),
        ('He said "no." She left.', ['He said "no."', "She left."]),
        ("Wait ... what? Yes…  No.", ["Wait ... what?", "Yes…", "No."]),
        ("line one\nline two", ["line one", "line two"]),
    ],
)
def test_sentences_end_where_a_reader_pauses(text: str, expected: list[str]) -> None:
    """Abbreviations, initials and decimals stay inside their sentence."""
    assert sentences(text) == expected


def test_a_long_sentence_is_cut_after_a_comma() -> None:
    """Counting to a hundred becomes parts that each end with a whole number."""
    parts = sentences(", ".join(str(n) for n in range(1, 101)) + ".")
    assert len(parts) > 1
    assert all(part.endswith((",", ".")) for part in parts)


@given(text=st.text(alphabet="aB .,?!\n\t…’I1é", max_size=700) | st.text(max_size=300))
def test_cutting_loses_no_character(text: str) -> None:
    """Whatever the text, the parts hold every visible character in order, and none is too long or empty."""
    parts = sentences(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part) <= SENTENCE_LIMIT_CHARS for part in parts)


def test_words_are_joined_again_by_spaces() -> None:
    """When no word is longer than a sentence may be, the joined parts are the text."""
    text = "word " * 200 + "end. Then, " + "more, " * 90 + "done."
    assert " ".join(sentences(text)) == text


@given(text=st.text(max_size=100))
def test_pronounceable_text_holds_no_brackets(text: str) -> None:
    """hibari reads `[word](/sounds/)` as an instruction: no text of a user may reach it as one."""
    assert "[" not in pronounceable(text)
