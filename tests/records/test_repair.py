"""What a killed session left behind, finished."""

from __future__ import annotations

import errno
import os
import resource
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
from geppetto.errors import OutputFailed
from geppetto.records.naming import OutputStem
from geppetto.records.repair import Deed, repair
from geppetto.records.transcript import GrowingTranscript, render_transcript, words_in

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
        "download.wav.part": wav_header(len(PCM) + 2) + PCM,
        "empty.wav.part": b"",
        "notes.txt.part": b"Generated by somebody else",
        "song.wav.part": b"RIFF of another program, which counts in another way than ours",
        "zeros.txt.part": bytes(9),
    }
    silent = {"film.mkv.part": b"x", "notes.txt.zip.part": b"Generated: ", ".txt.part": b"Generated: ", "x.wav": b""}
    for name, content in (foreign | silent).items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe.wav.part")
    os.mkfifo(tmp_path / f"{STEM}_3.wav.part")
    (tmp_path / "link.wav.part").symlink_to("song.wav.part")
    (tmp_path / "link.txt.part").symlink_to("song.wav.part")
    others = ["link.wav.part", "pipe.wav.part", f"{STEM}_3.wav.part"]
    assert sorted(done(tmp_path)) == [("left alone", name) for name in sorted([*foreign, *others])]
    assert {name: (tmp_path / name).read_bytes() for name in foreign | silent} == foreign | silent
    assert len(names(tmp_path)) == len(foreign | silent) + 4


def test_names_of_a_template(tmp_path: Path) -> None:
    """Leftovers of any name are finished where their content is ours, below the directory as well."""
    below = tmp_path / "20261121" / "a b"
    below.mkdir(parents=True)
    killed(tmp_path, audio=wav_header(0) + PCM, words=f"{GROWING}One".encode(), stem="00001-what_partial_2")
    killed(tmp_path, words=f"{GROWING}Two".encode(), stem="v1.txt.2")
    killed(below, audio=wav_header(len(PCM)) + PCM, stem="größe")
    killed(below, audio=wav_header(0), stem="nothing")
    (below / "q_partial.txt.0123abcd.part").write_text(f"{GROWING}Three")
    assert done(tmp_path) == [
        ("finished", "00001-what_partial_2_partial.wav"),
        ("finished", "v1.txt.2_partial.txt"),
        ("finished", "größe_partial.wav"),
        ("removed", "nothing.wav.part"),
        ("finished", "q_partial.txt"),
    ]
    assert words_in((below / "q_partial.txt").read_bytes()) == "Three\n"
    assert frames_of(below / "größe_partial.wav") == PCM
    assert names(below) == ["größe_partial.txt", "größe_partial.wav", "q_partial.txt"]


def test_the_time_of_a_template_is_in_its_files(tmp_path: Path) -> None:
    """It is the one that the words had at their top, or else that of the last change."""
    killed(tmp_path, audio=wav_header(0) + PCM, words=f"{GROWING}One".encode(), stem="a")
    killed(tmp_path, audio=wav_header(0) + PCM, stem="b")
    killed(tmp_path, audio=wav_header(0) + PCM, words=b"Generated: yesterday\n\nTranscript:\nOne", stem="c")
    for name in names(tmp_path):
        at_s = datetime(2025, 1, 2, 3, 4, 5).timestamp()
        os.utime(tmp_path / name, (at_s, at_s))
    assert len(done(tmp_path)) == 3
    tops = [(tmp_path / f"{name}_partial.txt").read_text().partition("\n")[0] for name in "abc"]
    assert tops == ["Generated: 2026-11-21 10:15:02", *["Generated: 2025-01-02 03:04:05"] * 2]


def test_a_neighbour_tells_whose_it_is(tmp_path: Path) -> None:
    """What a power cut left blank is ours beside a transcript of ours; a stranger's file beside ours stays."""
    killed(tmp_path, audio=bytes(HEADER_BYTES) + PCM, words=f"{GROWING}One".encode(), stem="zeros")
    killed(tmp_path, audio=bytes(HEADER_BYTES) + PCM, words=bytes(90), stem="pair")
    killed(tmp_path, audio=b"", stem="done")
    (tmp_path / "done_partial.txt").write_text(render_transcript(WHEN, None, "One", "killed"))
    killed(tmp_path, audio=wav_header(0) + PCM, words=b"precious", stem="mixed")
    killed(tmp_path, audio=b"precious", words=f"{GROWING}One".encode(), stem="other")
    deeds = [(deed.kind, deed.path.name) for deed in repair(tmp_path)]
    assert deeds == [
        ("removed", "done.wav.part"),
        ("finished", "mixed_partial.wav"),
        ("left alone", "other.wav.part"),
        ("finished", "pair_partial.wav"),
        ("finished", "zeros_partial.wav"),
    ]
    assert (tmp_path / "mixed.txt.part").read_bytes() == b"precious"
    assert "No transcript available" in (tmp_path / "mixed_partial.txt").read_text()
    assert (tmp_path / "other.wav.part").read_bytes() == b"precious"
    assert frames_of(tmp_path / "pair_partial.wav") == frames_of(tmp_path / "zeros_partial.wav") == PCM
    assert [(deed.kind, deed.path.name) for deed in repair(tmp_path)] == [
        ("left alone", "mixed.txt.part"),
        ("left alone", "other.wav.part"),
    ]


def test_where_it_does_not_look(tmp_path: Path) -> None:
    """Links, hidden directories and what is deeper than a template can go are no business of a repair."""
    elsewhere = tmp_path / "elsewhere"
    inside = tmp_path / "inside"
    deepest = inside.joinpath(*"12345678")
    (deepest / "9").mkdir(parents=True)
    (inside / ".hidden").mkdir()
    (inside / "x.wav.part").mkdir()
    elsewhere.mkdir()
    (inside / "link").symlink_to(elsewhere)
    for directory in (elsewhere, inside / ".hidden", deepest, deepest / "9", inside / "x.wav.part"):
        killed(directory, audio=wav_header(0) + PCM, stem="a")
    deeds = [(deed.kind, deed.path) for deed in repair(inside)]
    assert deeds == [
        ("finished", deepest / "a_partial.wav"),
        ("finished", inside / "x.wav.part" / "a_partial.wav"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_directory_that_nobody_may_look_into(tmp_path: Path) -> None:
    """It is left alone, and the others are repaired."""
    (tmp_path / "closed").mkdir(0o000)
    killed(tmp_path, audio=wav_header(0) + PCM, stem="a")
    assert done(tmp_path) == [("finished", "a_partial.wav"), ("left alone", "closed")]


def test_a_session_with_a_template(tmp_path: Path) -> None:
    """From its first byte it is in use, and the recording gets the next free name where a stranger's file has it."""
    stem = OutputStem.reserve(tmp_path / "a", WHEN, name="b")
    assert done(tmp_path) == [("left alone", "b.wav.part")]
    writer = stem.open_audio()
    assert done(tmp_path) == [("in use", "b.wav.part")]
    writer.write(PCM)
    assert done(tmp_path) == [("in use", "b.wav.part")]
    writer.close()
    stem.abandon()
    (tmp_path / "a" / "b_partial.wav").write_bytes(b"precious")
    assert done(tmp_path) == [("finished", "b_2_partial.wav")]
    assert (tmp_path / "a" / "b_partial.wav").read_bytes() == b"precious"


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    cut=st.integers(0, HEADER_BYTES + 40) | st.none(),
    flips=st.dictionaries(st.integers(0, HEADER_BYTES + 39), st.integers(0, 255), max_size=2),
    words=st.sampled_from([b"", b"Gener", b"Generated: ", bytes(20), GROWING.encode()]) | st.binary(max_size=60),
    more=st.binary(max_size=20),
)
def test_any_bytes_under_any_name(
    tmp_path: Path, cut: int | None, flips: dict[int, int], words: bytes, more: bytes
) -> None:
    """What is not ours keeps its bytes, what is ours its sound and its words, and a second repair finds nothing."""
    audio = bytearray(wav_header(8) + PCM[:40])
    for place, value in flips.items():
        audio[place] = value
    content = None if cut is None else bytes(audio[:cut])
    killed(tmp_path, audio=content, words=words + more, stem="00001-what")
    deeds = list(repair(tmp_path))
    assert {deed.kind for deed in deeds} <= {"finished", "removed", "left alone"}
    assert deeds
    assert {deed.kind for deed in repair(tmp_path)} <= {"left alone"}
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if "00001-what.wav.part" in left:
        assert left["00001-what.wav.part"] == content
    elif content is not None and len(content) > HEADER_BYTES + 1:
        pcm = content[HEADER_BYTES:][: (len(content) - HEADER_BYTES) // 2 * 2]
        assert frames_of(tmp_path / "00001-what_partial.wav") == pcm
    if "00001-what.txt.part" in left:
        assert left["00001-what.txt.part"] == words + more
    elif words_in(words + more).strip():
        assert words_in(left["00001-what_partial.txt"])
    for path in tmp_path.iterdir():
        path.unlink()


def test_a_full_disk_leaves_nothing_blank(tmp_path: Path) -> None:
    """Words that could not even begin leave no file behind, of which nobody could tell whose it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OutputFailed, match="cannot be written"):
            GrowingTranscript(tmp_path / "a.txt.part", WHEN, tmp_path / "a.wav.part")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []
