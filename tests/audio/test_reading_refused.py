"""Files that are no spoken question: one sentence each, with what to do about it."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geppetto.audio import reading
from geppetto.audio.reading import read_audio
from geppetto.audio.wav import wav_header
from geppetto.errors import ConfigError, MissingExtra
from tests.audio.sounds import write_sound

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_BYTES = 48_000


def refusal(path: Path, *, in_one_message: bool = False) -> str:
    """Return the sentence for *path*, without its directory."""
    with pytest.raises(ConfigError) as caught:
        read_audio(path, in_one_message=in_one_message)
    assert not isinstance(caught.value, MissingExtra)
    return str(caught.value).replace(f"{path.parent}/", "")


def write_noise(path: Path, length_s: float, *, subtype: str | None = None) -> Path:
    """Write what does not compress well, in the format of the suffix of *path*; return *path*."""
    samples = 0.5 * np.random.default_rng(3).uniform(-1, 1, round(length_s * 44_100))
    return write_sound(path, samples, 44_100, subtype=subtype)


def cut(path: Path, share: float) -> Path:
    """Leave that *share* of *path*; return it."""
    os.truncate(path, round(path.stat().st_size * share))
    return path


def make_directory(path: Path) -> None:
    """Make a directory of *path*."""
    path.mkdir()


def make_socket(path: Path) -> None:
    """Make a socket of *path*."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(path))  # there is a limit to how long its path may be


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda _: None, "a.wav cannot be read (no such file or directory). Check the path."),
        (make_directory, "a.wav is a directory. Name a file in it."),
        (os.mkfifo, "a.wav is not a regular file. Copy what it gives into one, and name that."),
        (make_socket, "a.wav cannot be read (no such device or address). Check the path."),
        (Path.touch, "a.wav is empty. Name another file."),
    ],
)
def test_what_is_no_file_with_something_in_it(tmp_path: Path, make: Callable[[Path], None], sentence: str) -> None:
    """Nothing is waited for, not even the writer of a pipe."""
    make(tmp_path / "a.wav")
    assert refusal(tmp_path / "a.wav") == sentence


def test_a_device_is_no_file() -> None:
    """It would never end."""
    assert refusal(Path("/dev/zero")).startswith("zero is not a regular file.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    """Who may read it is the question then."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "a.wav").chmod(0)
    assert refusal(tmp_path / "a.wav") == "a.wav cannot be read (permission denied). Check who may read it."


@pytest.mark.parametrize("path", ["a\0b", "a\ud800b", "a" * 5_000, "a.wav/b"])
def test_paths_that_cannot_be(tmp_path: Path, path: str) -> None:
    """They are said to be none, whatever the system has against them."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert "heck" in refusal(tmp_path / path)


@pytest.mark.parametrize(
    ("header", "n_bytes", "sentence"),
    [
        (wav_header(0), 0, "a.wav holds no audio. Record it again."),
        (wav_header(4_798), 4_798, "holds 0.100 s of audio. A spoken question has at least 0.1 s: record it again."),
        (wav_header(2), 2, "a.wav holds 0.000 s of audio. A spoken question has at least 0.1 s: record it again."),
        (
            wav_header(3 * SECOND_BYTES),
            SECOND_BYTES,
            "a.wav ends too soon: its header promises 3.0 s of audio, and there are 1.0 s. Copy or record it again.",
        ),
        (wav_header(SECOND_BYTES), SECOND_BYTES - 1, "a.wav ends too soon"),
        (wav_header(SECOND_BYTES)[:43], 0, "a.wav ends in its header, before any audio. Copy or record it again."),
        (wav_header(SECOND_BYTES)[:12], 0, "a.wav ends in its header"),
        (b"RIFF", 0, "a.wav ends in its header"),
    ],
)
def test_plain_wavs_that_are_no_question(tmp_path: Path, header: bytes, n_bytes: int, sentence: str) -> None:
    """All of this is found without the extra."""
    (tmp_path / "a.wav").write_bytes(header + bytes(n_bytes))
    assert sentence in refusal(tmp_path / "a.wav")


def test_the_longest_question(tmp_path: Path) -> None:
    """One frame more is refused; what is sent in one message has to be shorter."""
    path = tmp_path / "a.wav"
    for in_one_message, most_s in ((False, 600), (True, 230)):
        most_bytes = most_s * SECOND_BYTES
        for n_bytes in (most_bytes, most_bytes + 2):
            path.write_bytes(wav_header(n_bytes))
            os.truncate(path, 44 + n_bytes)
            if n_bytes == most_bytes:
                assert len(read_audio(path, in_one_message=in_one_message)) == most_bytes
    assert refusal(path, in_one_message=True) == (
        "a.wav holds more than 3 min 50 s of audio. A question that knows nothing of those before it is sent in one "
        "message, which takes 3 min 50 s: cut it, or ask it in the conversation."
    )
    path.write_bytes(wav_header(601 * SECOND_BYTES))
    os.truncate(path, 44 + 601 * SECOND_BYTES)
    assert refusal(path) == (
        "a.wav holds more than 10 min of audio. A spoken question has 10 min at the most: cut it."
    )


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_a_long_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Its length is what is wrong with it, not what comes behind."""
    monkeypatch.setattr(reading, "MOST_S", 1.0)
    path = cut(write_noise(tmp_path / "a.flac", 30.0), share)
    assert "a.flac holds more than" in refusal(path)


@pytest.mark.parametrize(
    ("name", "subtype", "sentence"),
    [
        ("a.wav", None, "ends too soon: its header promises 3.0 s of audio, and there are 1.8 s"),
        ("a.wav", "ULAW", "ends too soon: its header promises 3.0 s of audio, and there are 1.8 s"),
        ("a.aiff", None, "ends too soon. Copy or record it again."),
        ("a.flac", None, "is damaged or ends too soon, after 1."),
        ("a.mp3", None, "ends too soon: its header promises 3.0 s of audio, and there are 1."),
        ("a.caf", None, "is no audio that can be read (supported file format but file is malformed)."),
    ],
)
def test_files_that_were_cut_off(tmp_path: Path, name: str, subtype: str | None, sentence: str) -> None:
    """Half a question is not asked."""
    path = cut(write_noise(tmp_path / name, 3.0, subtype=subtype), 0.6)
    assert sentence in refusal(path)


def test_a_file_that_is_damaged(tmp_path: Path) -> None:
    """The sentence tells where, and what libsndfile says."""
    path = write_noise(tmp_path / "a.flac", 3.0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(content)
    assert "a.flac is damaged or ends too soon, after 1." in refusal(path)


def test_an_mp3_that_is_taken_for_shorter_than_it_is(tmp_path: Path) -> None:
    """Without a table of contents its length is guessed from its beginning, and the rest would be left out."""
    loud = np.repeat([1.0] * 4 + [0.0] * 16, 44_100)
    samples = 0.5 * loud * np.random.default_rng(1).uniform(-1, 1, len(loud))
    path = tmp_path / "a.mp3"
    write_sound(path, samples, 44_100, bitrate_mode="VARIABLE", compression_level=0.5)
    content = path.read_bytes()
    path.write_bytes(content[content.index(content[:2], 4) :])  # its first frame is the table
    assert refusal(path) == (
        "a.mp3 has no table of contents and was read in part only. Convert it to WAV, FLAC or OGG."
    )


@pytest.mark.parametrize(
    "content",
    [b"What is 12 times 7?\n" * 50, b"\x89PNG\r\n\x1a\n" + bytes(100), b"\0\0\0\x20ftypM4A " + bytes(100), b"x"],
)
def test_what_is_no_audio(tmp_path: Path, content: bytes) -> None:
    """The formats that would do are named."""
    pytest.importorskip("soundfile", reason="needs the extra geppetto[audio]")
    (tmp_path / "a.m4a").write_bytes(content)
    assert refusal(tmp_path / "a.m4a") == (
        "a.m4a is no audio that can be read (format not recognised). Convert it to WAV, FLAC, OGG or MP3."
    )


def test_a_file_without_audio(tmp_path: Path) -> None:
    """Its format is right, and there is nothing in it."""
    assert "holds no audio" in refusal(write_noise(tmp_path / "a.aiff", 0.0))
    assert "holds 0.050 s of audio" in refusal(write_noise(tmp_path / "b.flac", 0.05))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=100), at=st.integers(0, 60), value=st.integers(0, 2**32 - 1))
def test_any_bytes_are_audio_or_refused(tmp_path: Path, content: bytes, at: int, value: int) -> None:
    """A header with any number anywhere in it ends in audio or in a sentence."""
    whole = bytearray(wav_header(9_600) + bytes(9_600))
    struct.pack_into("<I", whole, at, value)
    for tried in (content, bytes(whole[:44]) + content, bytes(whole)):
        (tmp_path / "a.wav").write_bytes(tried)
        with suppress(ConfigError):
            assert len(read_audio(tmp_path / "a.wav")) % 2 == 0
