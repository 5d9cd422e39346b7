"""Answers that a killed run had committed get the names that the manifest has for them."""

from __future__ import annotations

import os
import stat
import wave
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from geppetto.audio.pcm import duration_ms
from geppetto.audio.wav import wav_header
from geppetto.batch.recovery import finish, unfinished
from geppetto.batch.result import Result
from geppetto.records.locking import lock
from geppetto.records.repair import repair
from geppetto.records.transcript import render_transcript

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 21, 10, 15, 2)
STEM = "audio_20261121_101502"
PCM = bytes(range(1, 255)) * 40
GROWING = (
    "Generated: 2026-11-21 10:15:02\nAudio File: x.wav.part\n"
    "Status: partial (the answer is still coming)\nTranscript:\nTwelve"
)


def committed(directory: Path, *, audio: bool = True, stem: str = STEM, status: str = "completed") -> Result:
    """Leave what a run leaves that was killed right behind the commit, and return its result."""
    (directory / f"{stem}.wav.part").write_bytes(wav_header(len(PCM)) + PCM if audio else b"")
    (directory / f"{stem}.txt.part").write_text(GROWING)
    for path in directory.iterdir():
        path.chmod(0o600)
    partial = "" if status == "completed" else "_partial"
    return Result(
        index=1, id="1", question="12 times 7?", answer="Twelve times 7 is 84.", status=status,  # type: ignore[arg-type]
        reason="" if status == "completed" else "max_output_tokens",
        transcript_file=f"{directory}/{stem}{partial}.txt",
        audio_file=f"{directory}/{stem}{partial}.wav" if audio else None,
        audio_ms=duration_ms(len(PCM)) if audio else 0,
    )  # fmt: skip


def names(directory: Path) -> list[str]:
    """Return what *directory* holds."""
    return sorted(path.name for path in directory.iterdir())


def expected(directory: Path, result: Result, *, reason: str | None = None) -> bytes:
    """Return the transcript that the recorder would have written."""
    audio = None if result.audio_file is None else directory / result.audio_file
    return render_transcript(WHEN, audio, result.answer, reason).encode()


def test_audio_and_words_get_their_names(tmp_path: Path) -> None:
    """Nothing about them says partial; the transcript has the text of the record, the time and the permissions."""
    result = committed(tmp_path)
    assert unfinished(result)
    assert finish(result)
    assert not unfinished(result)
    assert names(tmp_path) == [f"{STEM}.txt", f"{STEM}.wav"]
    assert (tmp_path / f"{STEM}.txt").read_bytes() == expected(tmp_path, result)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    with wave.open(f"{tmp_path}/{STEM}.wav") as file:
        assert file.readframes(file.getnframes()) == PCM


def test_it_can_be_stopped_anywhere_and_done_again(tmp_path: Path) -> None:
    """Whatever step of the recorder or of the recovery was the last, all is there in the end, and once."""
    for step in range(6):
        directory = tmp_path / str(step)
        directory.mkdir()
        result = committed(directory)
        transcript, audio = directory / f"{STEM}.txt", directory / f"{STEM}.wav"
        if step >= 1:
            (directory / f"{STEM}.txt.0badcafe.part").write_text("Gener")
        if step >= 2:
            transcript.write_bytes(expected(directory, result))
        if step >= 3:
            (directory / f"{STEM}.txt.part").unlink()
        if step >= 4:
            audio.hardlink_to(directory / f"{STEM}.wav.part")
        if step >= 5:
            (directory / f"{STEM}.wav.part").unlink()
        for _ in range(2):
            assert finish(result)
            assert names(directory) == [transcript.name, audio.name]
            assert transcript.read_bytes() == expected(directory, result)
        assert list(repair(directory)) == []


@pytest.mark.parametrize("left", ["everything", "words", "nothing"])
def test_an_answer_without_audio(tmp_path: Path, left: str) -> None:
    """Its text is in the record, so it can be had whatever is left of the files."""
    result = committed(tmp_path, audio=False)
    if left != "everything":
        (tmp_path / f"{STEM}.wav.part").unlink()
    if left == "nothing":
        (tmp_path / f"{STEM}.txt.part").unlink()
    assert finish(result)
    assert names(tmp_path) == [f"{STEM}.txt"]
    assert (tmp_path / f"{STEM}.txt").read_bytes() == expected(tmp_path, result)


def test_an_incomplete_answer_stays_partial(tmp_path: Path) -> None:
    """Its name and its transcript say so, with the server's reason."""
    result = committed(tmp_path, status="incomplete")
    assert finish(result)
    assert names(tmp_path) == [f"{STEM}_partial.txt", f"{STEM}_partial.wav"]
    reason = "incomplete: max_output_tokens"
    assert (tmp_path / f"{STEM}_partial.txt").read_bytes() == expected(tmp_path, result, reason=reason)


def test_a_name_of_the_users_own(tmp_path: Path) -> None:
    """The time is in the head of the words where the name has none, and glob characters in it mean nothing."""
    result = committed(tmp_path, stem="0001-[what]")
    (tmp_path / "0001-[what].txt.0badcafe.part").write_text("")
    assert finish(result)
    assert names(tmp_path) == ["0001-[what].txt", "0001-[what].wav"]
    assert (tmp_path / "0001-[what].txt").read_bytes() == expected(tmp_path, result)


@pytest.mark.parametrize("left", ["short", "gone", "no directory"])
def test_audio_that_is_lost(tmp_path: Path, left: str) -> None:
    """The question is to be asked again, and what there is of the answer stays as it is."""
    directory = tmp_path / "a"
    directory.mkdir()
    result = committed(directory)
    part = directory / f"{STEM}.wav.part"
    if left == "short":
        part.write_bytes(part.read_bytes()[:-1000])
    else:
        part.unlink()
    if left == "no directory":
        (directory / f"{STEM}.txt.part").unlink()
        directory.rmdir()
    before = names(directory) if directory.exists() else []
    assert not finish(result)
    assert unfinished(result)
    assert (names(directory) if directory.exists() else []) == before


def test_after_a_repair_it_is_asked_again(tmp_path: Path) -> None:
    """`geppetto repair` in between calls the answer partial; then it does not count."""
    result = committed(tmp_path)
    assert [deed.kind for deed in repair(tmp_path)] == ["finished"]
    before = names(tmp_path)
    assert not finish(result)
    assert names(tmp_path) == before


def test_a_strangers_file_costs_no_audio(tmp_path: Path) -> None:
    """A file that took the name in between is left alone, and so is the audio that should have had it."""
    result = committed(tmp_path)
    (tmp_path / f"{STEM}.wav").write_bytes(b"precious")
    assert not finish(result)
    assert (tmp_path / f"{STEM}.wav").read_bytes() == b"precious"
    assert (tmp_path / f"{STEM}.wav.part").read_bytes() == wav_header(len(PCM)) + PCM


def test_somebody_else_has_it(tmp_path: Path) -> None:
    """A file that a running session or a repair holds is not touched."""
    result = committed(tmp_path)
    fd = os.open(tmp_path / f"{STEM}.wav.part", os.O_RDWR)
    assert lock(fd)
    before = names(tmp_path)
    assert not finish(result)
    os.close(fd)
    assert names(tmp_path) == before
    assert finish(result)


def test_a_result_without_files(tmp_path: Path) -> None:
    """There is nothing to name, and nothing is made."""
    result = Result(index=1, id="1", question="Why?", status="completed")
    assert not unfinished(result)
    assert finish(result)
    assert names(tmp_path) == []
