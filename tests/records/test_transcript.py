"""The transcript beside the WAV file."""

from __future__ import annotations

import os
import stat
import tracemalloc
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import OutputFailed
from geppetto.records.transcript import render_transcript, write_transcript

WHEN = datetime(2026, 11, 21, 10, 15, 2)
AUDIO = Path("audio_output/audio_20261121_101502.wav")


def text_part(rendered: str) -> str:
    """Return what follows the `Transcript:` line."""
    return rendered.partition("\nTranscript:\n")[2]


def test_the_shape(tmp_path: Path) -> None:
    """A transcript has its date, its audio file and the text, and ends in a newline."""
    path = tmp_path / "a.txt"
    write_transcript(path, WHEN, AUDIO, "Grüße, 12 mal 7 ist 84.", None)
    assert path.read_text(encoding="utf-8") == (
        "Generated: 2026-11-21 10:15:02\n"
        "Audio File: audio_output/audio_20261121_101502.wav\n"
        "Transcript:\n"
        "Grüße, 12 mal 7 ist 84.\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_partial_answer_says_why() -> None:
    """The reason follows the audio file, on one line whatever it holds."""
    assert render_transcript(WHEN, AUDIO, "Twelve times", "connection lost\nTranscript:\n\x1b[2J\u2028\u202e") == (
        "Generated: 2026-11-21 10:15:02\n"
        "Audio File: audio_output/audio_20261121_101502.wav\n"
        "Status: partial (connection lost\\nTranscript:\\n\\x1b[2J\\u2028\\u202e)\n"
        "Transcript:\n"
        "Twelve times\n"
    )


@pytest.mark.parametrize("text", ["", "\n", " \t"])
def test_nothing_was_said(text: str) -> None:
    """Without a text and without audio the file says so."""
    assert render_transcript(WHEN, None, text, None) == (
        "Generated: 2026-11-21 10:15:02\nAudio File: none\nTranscript:\nNo transcript available\n"
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one\ntwo\tthree\n", "one\ntwo\tthree\n"),
        ("one\r\ntwo", "one\ntwo\n"),
        ("over\rwritten", "over\\x0dwritten\n"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07\n"),
        ("\x00\x7f\x9b2J\x85", "\\x00\\x7f\\x9b2J\\x85\n"),
        ("\ud83d\ude00", "\N{GRINNING FACE}\n"),
        ("a\ud83d", "a\N{REPLACEMENT CHARACTER}\n"),
        ("\ude00\ud83db", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b\n"),
    ],
)
def test_what_becomes_of_the_text(text: str, kept: str) -> None:
    """Control characters become visible, and half a character cannot stop the file from being written."""
    assert text_part(render_transcript(WHEN, AUDIO, text, None)) == kept


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "Mn", "Cf", "Co"]), min_size=1).map("x".__add__))
def test_ordinary_text_is_kept_as_it_is(text: str) -> None:
    """Any text of any language comes back unchanged."""
    assert text_part(render_transcript(WHEN, AUDIO, text, None)) == text + "\n"


@given(st.text(st.characters()), st.none() | st.text(st.characters()))
def test_any_text_can_be_written(text: str, reason: str | None) -> None:
    """Whatever a model says, surrogates included, the file is UTF-8, safe to show, and ends in a newline."""
    rendered = render_transcript(WHEN, AUDIO, text, reason)
    assert rendered.encode().decode() == rendered
    assert rendered.endswith("\n")
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in rendered if c not in "\n\t")
    assert rendered.split("\n")[2 if reason is None else 3] == "Transcript:"


def test_a_file_name_that_is_not_utf_8() -> None:
    """A byte that the file system allowed does not stop the transcript."""
    audio = Path(os.fsdecode(b"caf\xe9\n.wav"))
    assert "\nAudio File: caf\N{REPLACEMENT CHARACTER}\\n.wav\n" in render_transcript(WHEN, audio, "x", None)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o600), (0o277, 0o400)])
def test_only_the_user_may_read_it(tmp_path: Path, umask: int, mode: int) -> None:
    """The permissions are 0o600, less the umask."""
    before = os.umask(umask)
    try:
        write_transcript(tmp_path / "a.txt", WHEN, None, "x", None)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_an_existing_transcript_is_left_alone(tmp_path: Path) -> None:
    """Nothing is ever overwritten, and the temporary file is gone."""
    path = tmp_path / "a.txt"
    path.write_text("precious")
    with pytest.raises(OutputFailed, match=r"a\.txt cannot be written \(File exists\)") as caught:
        write_transcript(path, WHEN, None, "x", None)
    assert isinstance(caught.value.__cause__, FileExistsError)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory(tmp_path: Path) -> None:
    """The sentence names the transcript, not a temporary name."""
    with pytest.raises(OutputFailed, match=r"gone/a\.txt cannot be written \(No such file or directory\)"):
        write_transcript(tmp_path / "gone" / "a.txt", WHEN, None, "x", None)


def test_a_full_disk_leaves_no_half_transcript(tmp_path: Path) -> None:
    """A transcript is complete or absent."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        with pytest.raises(OutputFailed, match="File too large"):
            write_transcript(tmp_path / "a.txt", WHEN, None, "x" * 100, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["word " * 400_000, "wörter 🙂\r\n" * 150_000 + "\x1b", " " * 300_000, "é" * 65_536])
def test_a_long_text_is_written_in_pieces(tmp_path: Path, text: str) -> None:
    """The file has what is rendered at once."""
    write_transcript(tmp_path / "a.txt", WHEN, AUDIO, text, "why")
    assert (tmp_path / "a.txt").read_bytes() == render_transcript(WHEN, AUDIO, text, "why").encode()


def test_a_long_text_is_not_copied(tmp_path: Path) -> None:
    """An hour of words is in memory often enough: an ordinary text needs little more for its file."""
    for number, text in enumerate(("word " * 400_000, "wörter " * 400_000)):
        tracemalloc.start()
        try:
            write_transcript(tmp_path / f"{number}.txt", WHEN, AUDIO, text, None)
            assert tracemalloc.get_traced_memory()[1] < 500_000
        finally:
            tracemalloc.stop()
