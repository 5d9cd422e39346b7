"""
The voices of the embedded server: one sentence in, PCM16 out.

Everything here blocks and is safe to call from worker threads. `HeartVoice` is hibari-tts, whose weights
are in its wheel: nothing is downloaded. `ToneVoice` is a test signal.
"""

from __future__ import annotations

import importlib.util
import math
import re
import sys
import threading
import unicodedata
from array import array
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from geppetto.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Engine = Callable[..., NDArray[np.float32]]

SAMPLE_RATE_HZ: Final = 24_000
SILENCE_MS: Final = 200  # what a voice says for a text without a word in it
SENTENCE_LIMIT_CHARS: Final = 200  # about 12 s of speech, made in 0.2 s; hibari takes five times as much

_SILENCE: Final = bytes(2 * SAMPLE_RATE_HZ * SILENCE_MS // 1000)


class Voice(Protocol):
    """What the server needs of a voice. Both calls block: run them in a thread."""

    def warm(self) -> None:
        """
        Load whatever the first sentence would wait for. Safe to call twice.

        Raises:
            MissingExtra: the package behind the voice is not installed.
        """
        ...

    def speak(self, sentence: str) -> bytes:
        """Return *sentence* as PCM16 little-endian, mono, 24 000 Hz; never empty."""
        ...


class HeartVoice:
    """
    hibari's American English voice "heart".

    Args:
        seed: Fixes the noise in the speech: the same sentence then gives the same bytes on the same machine.

    Raises:
        MissingExtra: hibari-tts is not installed, here or in `warm` and `speak`.

    Source: README of hibari-tts 0.2.1. `Hibari(voice=...)` is never used: it downloads.
    """

    name: ClassVar[str] = "heart"

    def __init__(self, seed: int | None = None) -> None:
        if importlib.util.find_spec("hibari") is None:
            raise MissingExtra(_INSTALL)
        self._seed = seed
        self._lock = threading.Lock()  # guards the loading and the engine: hibari promises no thread safety
        self._engine: Engine | None = None

    def warm(self) -> None:
        """
        Load the model and the pronunciation lexicon: 1 to 2 s, once.

        Raises:
            MissingExtra: hibari-tts, or a package it needs, is not installed.
        """
        self.speak("Hello.")  # the lexicon is loaded by the first sentence, not by the constructor

    def speak(self, sentence: str) -> bytes:
        """
        Return *sentence* as PCM16 little-endian, mono, 24 000 Hz; never empty.

        The silence around the speech is trimmed to a breath. A text that the voice cannot pronounce (empty,
        emoji, another script) gives `SILENCE_MS` of silence.

        Raises:
            MissingExtra: hibari-tts, or a package it needs, is not installed.
        """
        text = pronounceable(sentence)
        with self._lock:
            if self._engine is None:
                self._engine = _load()
            if not text:
                return _SILENCE
            return _trimmed_pcm(self._engine(text, seed=self._seed))


class ToneVoice:
    """
    A test signal, not a voice: 400 Hz for a fixed time per character. Deterministic, cheap, no dependency.

    Args:
        ms_per_character: Length of the tone, in milliseconds of audio for each character.
    """

    name: ClassVar[str] = "tone"

    def __init__(self, ms_per_character: int = 50) -> None:
        self._samples_per_character = SAMPLE_RATE_HZ * ms_per_character // 1000
        samples = [round(8_000 * math.sin(math.tau * i / 60)) for i in range(60)]  # 60 samples are 1/400 s
        self._period = _little_endian(array("h", samples))

    def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    def speak(self, sentence: str) -> bytes:
        """Return the tone as PCM16 little-endian, mono, 24 000 Hz; `SILENCE_MS` of silence for no text."""
        length_bytes = 2 * len(sentence) * self._samples_per_character
        periods = -(-length_bytes // len(self._period))
        return (self._period * periods)[:length_bytes] or _SILENCE


_INSTALL: Final = 'The offline server needs its voice: run `python3 -m pip install "geppetto[offline]"`.'


def _load() -> Engine:
    try:
        import hibari
    except ImportError as error:  # hibari itself, or numpy or onnxruntime below it
        raise MissingExtra(_INSTALL) from error
    engine: Engine = hibari.Hibari()
    return engine


_QUIET: Final = 0.01  # hibari's own noise stays below 0.005, the first consonant of a word passes 0.01
_LEAD_MS: Final = 30  # keeps a soft consonant before the first loud sample
_TAIL_MS: Final = 160  # the pause between two sentences
_GAIN: Final = 2.0  # hibari's peaks are near 0.35 of full scale


def _trimmed_pcm(speech: NDArray[np.float32]) -> bytes:
    import numpy as np

    loud = np.flatnonzero(np.abs(speech) > _QUIET)
    if not loud.size:
        return _SILENCE
    start = max(0, int(loud[0]) - SAMPLE_RATE_HZ * _LEAD_MS // 1000)
    end = int(loud[-1]) + SAMPLE_RATE_HZ * _TAIL_MS // 1000
    samples = np.clip(speech[start:end] * _GAIN, -1.0, 1.0) * 32_767
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm


def _little_endian(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


_PUNCTUATION: Final = frozenset(" .,;:!?'\"()/%$&@#+*=~^<>-_’‘“”–—…°€£½¼¾²³×÷")
_LONG_NUMBER: Final = re.compile(r"[0-9][0-9,]{24,}")


def pronounceable(text: str) -> str:
    """Return what hibari can read of *text*: Latin letters, digits, punctuation; empty if it has no word."""
    kept = "".join(c if c in _PUNCTUATION or _is_readable(c) else " " for c in unicodedata.normalize("NFC", text))
    # hibari 0.2.1 raises TypeError on the one letter whose lower case is two characters.
    kept = kept.replace("\u0130", "I")
    # hibari 0.2.1 raises IndexError on a number of 37 digits: it has no name for it. Read digit by digit.
    kept = _LONG_NUMBER.sub(lambda match: " ".join(match[0].replace(",", "")), kept)
    kept = " ".join(kept.split())
    return kept if any(_is_readable(c) for c in kept) else ""


def _is_readable(c: str) -> bool:
    return c.isalnum() if c.isascii() else c.isalpha() and unicodedata.name(c, "").startswith("LATIN ")


_SENTENCE_END: Final = re.compile(r"[.!?…]+[\"'”’)\]]*\s+(?=\S)|\n\s*")
_CLAUSE_END: Final = re.compile(r"[,;:—]\s+")
_ABBREVIATIONS: Final = frozenset(
    ["mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k"]
)


def sentences(text: str) -> list[str]:
    """
    Split *text* into sentences that a voice can speak one by one.

    Decimals, abbreviations and initials do not end a sentence; a line does. A sentence longer than
    `SENTENCE_LIMIT_CHARS` is cut after a comma, else at a space, else inside the word. Only white space is
    lost: joined with spaces the parts are *text* again, white space collapsed.
    """
    parts: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if "\n" in match[0] or _ends_sentence(text[start : match.start()], match[0], text[match.end()]):
            parts.append(text[start : match.end()])
            start = match.end()
    parts.append(text[start:])
    collapsed = (" ".join(part.split()) for part in parts)
    return [piece for part in collapsed if part for piece in _cut(part)]


def _ends_sentence(before: str, mark: str, following: str) -> bool:
    if following.islower():
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    words = before.split()[-2:]
    if not words:
        return True
    word = words[-1].lstrip("(\"'“‘[")
    if len(word) == 1 and word.isupper() and word != "I":
        return len(words) == 2 and words[0].endswith(",")  # "C, A, T. Next" ends, "J. K. Rowling" does not
    return word.lower() not in _ABBREVIATIONS


def _cut(sentence: str) -> list[str]:
    pieces: list[str] = []
    while len(sentence) > SENTENCE_LIMIT_CHARS:
        window = sentence[: SENTENCE_LIMIT_CHARS + 1]
        clauses = [match.end() for match in _CLAUSE_END.finditer(window)]
        at = clauses[-1] if clauses else window.rfind(" ") + 1
        at = at or SENTENCE_LIMIT_CHARS
        pieces.append(sentence[:at].rstrip())
        sentence = sentence[at:]
    pieces.append(sentence)
    return pieces
