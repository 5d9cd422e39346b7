"""What a killed session left behind, finished."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import wave
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geppetto.audio.wav import HEADER_BYTES, wav_header
from geppetto.records.naming import OutputStem
from geppetto.records.repair import Deed, repair
from geppetto.records.transcript import render_transcript

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 21, 10, 15, 2)
STEM = "audio_20261121_101502"
PCM = bytes(range(1, 255)) * 40
GROWING = (
    "Generated: 2026-11-21 10:15:02\nAudio File: x.wav.part\n"
    "Status: partial (the answer is still coming)\nTranscript:\n"
)


def names(directory: Path) -> list[str]:
    """Return what *directory* holds."""
    return sorted(path.name for path in directory.iterdir())


def done(directory: Path) -> list[tuple[str, str]]:
    """Repair, and return what was done to which file; a second repair does nothing."""
    deeds: list[tuple[str, str]] = [(deed.kind, deed.path.name) for deed in repair(directory)]
    if not {kind for kind, _ in deeds} & {"failed", "in use", "left alone"}:
        assert list(repair(directory)) == []
    return deeds


def frames_of(path: Path) -> bytes:
    """Return the PCM of the WAV file at *path*."""
    with wave.open(str(path)) as file:
        frames: bytes = file.readframes(file.getnframes())
        return frames


def killed(directory: Path, *, audio: bytes | None = None, words: bytes | None = None, stem: str = STEM) -> None:
    """Leave in *directory* what a killed session leaves."""
    if audio is not None:
        (directory / f"{stem}.wav.part").write_bytes(audio)
    if words is not None:
        (directory / f"{stem}.txt.part").write_bytes(words)


def test_audio_and_words(tmp_path: Path) -> None:
    """Both get names that say partial, the audio a header for all of it, the transcript its reason."""
    killed(tmp_path, audio=wav_header(100) + PCM, words=f"{GROWING}Twelve times".encode())
    assert done(tmp_path) == [("finished", f"{STEM}_partial.wav")]
    assert names(tmp_path) == [f"{STEM}_partial.txt", f"{STEM}_partial.wav"]
    assert frames_of(tmp_path / f"{STEM}_partial.wav") == PCM
    assert (tmp_path / f"{STEM}_partial.txt").read_text() == (
        "Generated: 2026-11-21 10:15:02\n"
        f"Audio File: {tmp_path}/{STEM}_partial.wav\n"
        "Status: partial (the program was killed)\n"
        "Transcript:\n"
        "Twelve times\n"
    )


def test_audio_without_words(tmp_path: Path) -> None:
    """The transcript says that there is none; the permissions are those of the session."""
    killed(tmp_path, audio=wav_header(0) + PCM)
    (tmp_path / f"{STEM}.wav.part").chmod(0o640)
    assert [deed.detail for deed in repair(tmp_path)] == ["0.2 s of audio, no words"]
    assert (tmp_path / f"{STEM}_partial.txt").read_text().endswith("Transcript:\nNo transcript available\n")
    before = os.umask(0o077)
    os.umask(before)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) in {0o640, 0o640 & ~before}


def test_words_without_audio(tmp_path: Path) -> None:
    """Words are kept also when no audio came, or the file for it is gone."""
    killed(tmp_path, audio=b"", words=f"{GROWING}One".encode())
    killed(tmp_path, words=f"{GROWING}Two".encode(), stem=f"{STEM}_2")
    assert done(tmp_path) == [("finished", f"{STEM}_partial.txt"), ("finished", f"{STEM}_2_partial.txt")]
    assert names(tmp_path) == [f"{STEM}_2_partial.txt", f"{STEM}_partial.txt"]
    assert "Audio File: none\n" in (tmp_path / f"{STEM}_partial.txt").read_text()


@pytest.mark.parametrize("audio", [b"", b"RIFF\0\0", wav_header(0), bytes(44)])
def test_a_reservation_without_anything_goes_away(tmp_path: Path, audio: bytes) -> None:
    """A file that holds no audio, and a transcript without words, are removed."""
    killed(tmp_path, audio=audio, words=GROWING.encode())
    assert done(tmp_path) == [("removed", f"{STEM}.txt.part"), ("removed", f"{STEM}.wav.part")]
    assert names(tmp_path) == []


@pytest.mark.parametrize("partial", [False, True])
def test_killed_behind_the_transcript(tmp_path: Path, partial: bool) -> None:
    """A finished transcript decides the name of its audio, and stays as it is."""
    stem = OutputStem(tmp_path, STEM)
    audio = stem.wav_path(partial=partial)
    transcript = stem.transcript_path(partial=partial)
    transcript.write_text(render_transcript(WHEN, audio, "All of it", "cancelled" if partial else None))
    before = transcript.read_bytes()
    killed(tmp_path, audio=wav_header(len(PCM)) + PCM, words=f"{GROWING}All of it".encode())
    assert done(tmp_path) == [("finished", audio.name)]
    assert frames_of(audio) == PCM
    assert transcript.read_bytes() == before
    assert names(tmp_path) == sorted([audio.name, transcript.name])


def test_killed_between_the_two_names_of_the_audio(tmp_path: Path) -> None:
    """Audio that has its name already only loses the temporary one."""
    killed(tmp_path, audio=wav_header(len(PCM)) + PCM)
    (tmp_path / f"{STEM}.wav").hardlink_to(tmp_path / f"{STEM}.wav.part")
    (tmp_path / f"{STEM}.txt").write_text(render_transcript(WHEN, None, "One", None))
    assert done(tmp_path) == [("removed", f"{STEM}.wav.part")]
    assert names(tmp_path) == [f"{STEM}.txt", f"{STEM}.wav"]


def test_a_temporary_transcript(tmp_path: Path) -> None:
    """What was about to become a transcript is used where there is nothing else, and goes away."""
    killed(tmp_path, audio=wav_header(0) + PCM, words=f"{GROWING}streamed".encode())
    (tmp_path / f"{STEM}.txt.0123abcd.part").write_text(f"{GROWING}final")
    (tmp_path / f"{STEM}_2.wav").write_bytes(wav_header(len(PCM)) + PCM)
    (tmp_path / f"{STEM}_2.txt.0123abcd.part").write_text(f"{GROWING}final")
    (tmp_path / f"{STEM}_3_partial.txt.k3_x9.part").touch()
    assert done(tmp_path) == [
        ("finished", f"{STEM}_partial.wav"),
        ("finished", f"{STEM}_2.wav"),
        ("removed", f"{STEM}_3_partial.txt.k3_x9.part"),
    ]
    assert "\nstreamed\n" in (tmp_path / f"{STEM}_partial.txt").read_text()
    assert "\nfinal\n" in (tmp_path / f"{STEM}_2_partial.txt").read_text()
    assert not [name for name in names(tmp_path) if name.endswith(".part")]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Where a stranger's file has the name, the recording gets the next free one."""
    (tmp_path / f"{STEM}_partial.wav").write_bytes(b"precious")
    killed(tmp_path, audio=wav_header(0) + PCM, words=f"{GROWING}One".encode())
    assert done(tmp_path) == [("finished", f"{STEM}_2_partial.wav")]
    assert (tmp_path / f"{STEM}_partial.wav").read_bytes() == b"precious"
    assert frames_of(tmp_path / f"{STEM}_2_partial.wav") == PCM
    assert names(tmp_path) == [f"{STEM}_2_partial.txt", f"{STEM}_2_partial.wav", f"{STEM}_partial.wav"]


def test_a_live_session_is_left_alone(tmp_path: Path) -> None:
    """While its process holds it, a recording is in use; afterwards it is a leftover."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    stem.open_audio().close()
    stem.words_path.write_text(f"{GROWING}One")
    assert done(tmp_path) == [("in use", f"{STEM}.wav.part")]
    assert names(tmp_path) == [f"{STEM}.txt.part", f"{STEM}.wav.part"]
    stem.abandon()
    assert done(tmp_path) == [("finished", f"{STEM}_partial.txt")]


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Files of other programs keep their names and their bytes."""
    foreign = {
        f"{STEM}.wav.part": b"not a recording, though it is longer than the header of one",
        f"{STEM}_2.wav.part": wav_header(0)[:20] + b"\x03" + wav_header(0)[21:] + PCM,
        "audio_99999999_999999.wav.part": wav_header(0) + PCM,
        "song.wav.part": wav_header(0) + PCM,
        f"x{STEM}.txt.part": b"x",
    }
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / f"{STEM}_3.wav.part")
    assert done(tmp_path) == [("left alone", f"{STEM}{suffix}.wav.part") for suffix in ("", "_2", "_3")]
    assert {name: (tmp_path / name).read_bytes() for name in foreign} == foreign


def test_after_a_power_cut(tmp_path: Path) -> None:
    """Zeros where the disk got nothing, half a frame and half a character are no reason to lose the rest."""
    words = f"{GROWING}Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}".encode()
    killed(tmp_path, audio=bytes(HEADER_BYTES) + PCM + b"\x01", words=words[:-1])
    killed(tmp_path, audio=wav_header(0, 16_000) + PCM, words=words + bytes(500), stem=f"{STEM}_2")
    assert len(done(tmp_path)) == 2
    assert frames_of(tmp_path / f"{STEM}_partial.wav") == PCM
    assert (tmp_path / f"{STEM}_partial.txt").read_text().endswith("\nGr\n")
    with wave.open(str(tmp_path / f"{STEM}_2_partial.wav")) as file:
        assert file.getframerate() == 16_000
    assert (tmp_path / f"{STEM}_2_partial.txt").read_text().endswith("\nGrü\n")


def test_a_failure_is_told_and_the_others_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is named, and stays as it was."""
    killed(tmp_path, audio=wav_header(0) + PCM)
    (tmp_path / f"{STEM}_2.wav.part").symlink_to("nowhere")
    killed(tmp_path, audio=wav_header(0) + PCM, stem=f"{STEM}_3")
    deeds = list(repair(tmp_path))
    assert [(deed.kind, deed.path.name) for deed in deeds] == [
        ("finished", f"{STEM}_partial.wav"),
        ("failed", f"{STEM}_2.wav.part"),
        ("finished", f"{STEM}_3_partial.wav"),
    ]
    assert deeds[1].detail.startswith(f"{tmp_path}/{STEM}_2.wav.part cannot be written (")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    killed(tmp_path, audio=wav_header(0) + PCM, stem=f"{STEM}_4")
    monkeypatch.setattr(os, "fsync", full)
    assert Deed("failed", tmp_path / f"{STEM}_4.wav.part", "") in [
        Deed(deed.kind, deed.path, "") for deed in repair(tmp_path)
    ]
    monkeypatch.undo()
    assert ("finished", f"{STEM}_4_partial.wav") in done(tmp_path)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session works there; a repair, which cannot know what is in use, touches nothing."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    OutputStem.reserve(tmp_path, WHEN).open_audio().close()
    assert done(tmp_path) == [("failed", f"{STEM}.wav.part")]
    assert names(tmp_path) == [f"{STEM}.wav.part"]


REPAIR = """
import os, pathlib, sys
from geppetto.records.repair import repair

os.write(1, b".")
sys.stdin.read()
for deed in repair(pathlib.Path(sys.argv[1])):
    print(deed.kind, deed.path.name)
"""


def test_two_repairs_at_once(tmp_path: Path) -> None:
    """Each recording is finished once, by one of them."""
    for number in range(2, 102):
        killed(tmp_path, audio=wav_header(0) + PCM, words=f"{GROWING}One".encode(), stem=f"{STEM}_{number}")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REPAIR, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.read(1) == "."
    said = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.stdout is not None
        said += process.stdout.read().splitlines()
        process.stdout.close()
        assert process.wait(60) == 0
    finished = [line for line in said if not line.startswith("in use ")]
    assert sorted(finished) == sorted(f"finished {STEM}_{number}_partial.wav" for number in range(2, 102))
    assert len(names(tmp_path)) == 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    cut=st.integers(0, HEADER_BYTES + 40),
    flips=st.dictionaries(st.integers(0, HEADER_BYTES + 39), st.integers(0, 255), max_size=4),
    words=st.binary(max_size=60),
    head=st.booleans(),
)
def test_any_bytes(tmp_path: Path, cut: int, flips: dict[int, int], words: bytes, head: bool) -> None:
    """Whatever the files hold, a repair ends well: finished and playable, removed, or left as it was."""
    audio = bytearray(wav_header(8) + PCM[:40])
    for place, value in flips.items():
        audio[place] = value
    content = bytes(audio[:cut])
    killed(tmp_path, audio=content, words=GROWING.encode() * head + words)
    kinds = {kind for kind, _ in done(tmp_path)}
    assert kinds in ({"finished"}, {"removed"}, {"left alone"})
    if kinds == {"left alone"}:
        assert (tmp_path / f"{STEM}.wav.part").read_bytes() == content
    for path in tmp_path.glob("*.wav"):
        assert frames_of(path) == content[HEADER_BYTES:][: (cut - HEADER_BYTES) // 2 * 2]
    for path in tmp_path.iterdir():
        path.unlink()
