"""Every answer becomes its files: the right bytes, the right names, whatever comes between."""

from __future__ import annotations

import errno
import os
import threading
import wave
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from geppetto.errors import OutputFailed
from geppetto.realtime.events import ErrorDetails, TextDone
from geppetto.realtime.happenings import ReplyAudio, ReplyDone
from geppetto.realtime.reply import Reply
from geppetto.records.recorder import Recorder
from tests.fakes.descriptors import open_descriptors

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.realtime.events import ResponseStatus
    from geppetto.records.reply_files import SavedReply

NOW = datetime(2026, 11, 21, 10, 15, 2, tzinfo=UTC)


def record(directory: Path) -> Recorder:
    """Return a recorder whose clock stands still."""
    return Recorder(directory, lambda: NOW)


def reply(text: str = "", status: ResponseStatus | None = "completed", error: ErrorDetails | None = None) -> Reply:
    """Return a reply that is over."""
    made = Reply(status=status, error=error)
    made.add_final(TextDone(response_id="", text=text))
    return made


def frames(path: Path | None) -> bytes:
    """Return the audio of a WAV file."""
    assert path is not None
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return bytes(file.readframes(file.getnframes()))


def names(directory: Path) -> list[str]:
    """Return what is in *directory*."""
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def finish(recorder: Recorder, *replies: Reply) -> list[SavedReply]:
    """End *replies* and return what was saved."""
    for one in replies:
        recorder.put(ReplyDone(reply=one))
    recorder.write()
    return recorder.take_saved()


def test_an_answer_is_a_wav_and_a_transcript(tmp_path: Path) -> None:
    """Deltas that are cut inside of a frame are joined; the names are final, and nothing else is left."""
    recorder, one = record(tmp_path / "out"), reply("Hello.")
    assert names(tmp_path) == []
    for pcm in (b"\1", b"\0\2\0\3", b"\0"):
        recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=pcm))
        recorder.write()
    (saved,) = finish(recorder, one)
    assert names(tmp_path / "out") == ["audio_20261121_101502.txt", "audio_20261121_101502.wav"]
    assert frames(saved.audio_file) == b"\1\0\2\0\3\0"
    assert saved.reply is one
    assert saved.transcript_file is not None
    assert saved.transcript_file.read_text() == (
        f"Generated: 2026-11-21 10:15:02\nAudio File: {saved.audio_file}\nTranscript:\nHello.\n"
    )
    assert recorder.take_saved() == []


def test_what_has_arrived_is_on_the_disk(tmp_path: Path) -> None:
    """After each `write` a playable file holds every whole frame: `kill -9` costs no more than what is queued."""
    recorder, one = record(tmp_path), reply()
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=b"\1\0\2"))
    assert names(tmp_path) == []
    recorder.write()
    (part,) = tmp_path.glob("*.wav.part")
    assert frames(part) == b"\1\0"
    recorder.close()


def test_the_length_is_that_of_the_audio(tmp_path: Path) -> None:
    """In milliseconds, at 24,000 frames a second."""
    recorder, one = record(tmp_path), reply()
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=bytes(48 * 250)))
    (saved,) = finish(recorder, one)
    assert saved.audio_ms == 250


def test_interleaved_answers_don_t_mix(tmp_path: Path) -> None:
    """Two responses at once are two files of the same second, each with its own odd bytes and its own padding."""
    recorder, a, b = record(tmp_path), reply("A."), reply("B.")
    for one, pcm in ((a, b"\1\0\2"), (b, b"\x0b"), (a, b"\0\3"), (b, b"\0\x0c\0")):
        recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=pcm))
    saved_b, saved_a = finish(recorder, b, a)
    assert (frames(saved_a.audio_file), frames(saved_b.audio_file)) == (b"\1\0\2\0\3\0", b"\x0b\0\x0c\0")
    assert saved_a.audio_file is not None
    assert saved_b.audio_file is not None
    assert {saved_a.audio_file.stem, saved_b.audio_file.stem} == {"audio_20261121_101502", "audio_20261121_101502_2"}


def test_an_answer_without_audio_is_a_transcript(tmp_path: Path) -> None:
    """Text alone makes no WAV."""
    (saved,) = finish(record(tmp_path), reply("Hello."))
    assert saved.audio_file is None
    assert saved.audio_ms == 0
    assert names(tmp_path) == ["audio_20261121_101502.txt"]
    assert "Audio File: none" in (tmp_path / "audio_20261121_101502.txt").read_text()


def test_an_empty_answer_is_told_in_a_transcript(tmp_path: Path) -> None:
    """A response that is complete and empty is a fact worth keeping."""
    (saved,) = finish(record(tmp_path), reply(""))
    assert saved.transcript_file is not None
    assert saved.transcript_file.read_text().endswith("No transcript available\n")


@pytest.mark.parametrize("status", ["failed", "cancelled", "incomplete", None])
def test_nothing_of_an_answer_is_no_file(tmp_path: Path, status: ResponseStatus | None) -> None:
    """An answer of which nothing came leaves nothing behind, not even its directory."""
    (saved,) = finish(record(tmp_path / "out"), reply("", status))
    assert (saved.audio_file, saved.transcript_file) == (None, None)
    assert names(tmp_path) == []


def test_a_partial_answer_is_marked(tmp_path: Path) -> None:
    """In both names, and with the reason in the transcript."""
    recorder, one = record(tmp_path), reply("Hel", "failed", ErrorDetails(code="server_error"))
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=b"\1\0"))
    (saved,) = finish(recorder, one)
    assert names(tmp_path) == ["audio_20261121_101502_partial.txt", "audio_20261121_101502_partial.wav"]
    assert saved.transcript_file is not None
    assert "Status: partial (failed: server_error)\n" in saved.transcript_file.read_text()


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The sentence names it; closing afterwards does no harm."""
    (tmp_path / "out").write_text("")
    recorder = record(tmp_path / "out")
    recorder.put(ReplyAudio(reply=reply(), item_id="i", content_index=0, pcm=b"\1\0"))
    with pytest.raises(OutputFailed, match="out is not a directory"):
        recorder.write()
    recorder.close()
    recorder.close()


def test_closing_keeps_what_is_there(tmp_path: Path) -> None:
    """After a failure the audio stays, playable, under its temporary name; what was queued is dropped."""
    recorder, one = record(tmp_path), reply()
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=b"\1\0"))
    recorder.write()
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=b"\2\0"))
    recorder.close()
    recorder.write()
    (part,) = tmp_path.glob("*.wav.part")
    assert frames(part) == b"\1\0"


def test_closing_does_not_wait_for_a_disk_that_hangs(tmp_path: Path) -> None:
    """It is called in the event loop, which must not stand still; whoever writes closes the files behind it."""
    hangs, go_on = threading.Event(), threading.Event()
    before = open_descriptors()

    def commit(_saved: SavedReply) -> None:
        hangs.set()
        assert go_on.wait(5)

    recorder, one, other = Recorder(tmp_path, lambda: NOW, commit=commit), reply("Hello."), reply()
    recorder.put(ReplyAudio(reply=other, item_id="i", content_index=0, pcm=b"\1\0"))
    recorder.put(ReplyDone(reply=one))
    writer = threading.Thread(target=recorder.write)
    writer.start()
    assert hangs.wait(5)
    recorder.close()
    go_on.set()
    writer.join(5)
    (saved,) = recorder.take_saved()
    assert saved.reply is one
    assert open_descriptors() == before
    (part,) = tmp_path.glob("*.wav.part")
    assert frames(part) == b"\1\0"


def test_two_writes_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    """A `write` whose caller was cancelled goes on in its thread; the next one takes up where it ends."""
    hangs, both_write, go_on = threading.Event(), threading.Event(), threading.Event()

    def now() -> datetime:
        (both_write if hangs.is_set() else hangs).set()
        assert go_on.wait(5)
        return NOW

    recorder, one = Recorder(tmp_path, now), reply()
    for number in range(200):
        recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=bytes([number, 0])))
    threads = [threading.Thread(target=recorder.write) for _ in range(2)]
    threads[0].start()
    assert hangs.wait(5)
    threads[1].start()
    assert not both_write.wait(0.1)
    go_on.set()
    for thread in threads:
        thread.join(5)
    (saved,) = finish(recorder, one)
    assert frames(saved.audio_file) == b"".join(bytes([number, 0]) for number in range(200))


@pytest.mark.parametrize("ends", [False, True])
def test_what_lost_a_part_never_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ends: bool) -> None:
    """A disk that refuses one write and takes the next leaves a partial answer, whoever calls again."""
    recorder, one = record(tmp_path), reply("Hello.")
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=b"\1\0"))
    recorder.write()
    real = os.pwrite

    def refuse(fd: int, data: bytes, offset: int) -> int:
        monkeypatch.setattr(os, "pwrite", real)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    recorder.put(ReplyAudio(reply=one, item_id="i", content_index=0, pcm=b"\2\0"))
    recorder.put(ReplyDone(reply=one))
    for _ in range(2):
        with pytest.raises(OutputFailed, match="No space left"):
            recorder.write(ends=ends)
        ends = True
    assert not recorder.has_saved
    recorder.close()
    assert [name for name in names(tmp_path) if not name.endswith(".part")] == []
