"""Who gets which name."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from geppetto.errors import OutputFailed
from geppetto.records.naming import OutputStem, publish

WHEN = datetime(2026, 11, 21, 10, 15, 2)
STEM = "audio_20261121_101502"
CHECKOUT = Path(__file__).parents[2]


def names(directory: Path) -> list[str]:
    """Return what *directory* holds."""
    return sorted(path.name for path in directory.iterdir())


def test_an_answer_from_reservation_to_file(tmp_path: Path) -> None:
    """The audio grows under a temporary name and gets its own when it is complete."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    assert names(tmp_path) == [f"{STEM}.wav.part"]
    writer = stem.open_audio()
    writer.write(b"\x01\x02")
    writer.finish()
    assert stem.finish_audio(partial=False) == tmp_path / f"{STEM}.wav"
    assert names(tmp_path) == [f"{STEM}.wav"]
    assert (tmp_path / f"{STEM}.wav").stat().st_size == 46
    assert stat.S_IMODE((tmp_path / f"{STEM}.wav").stat().st_mode) == 0o600
    assert stem.transcript_path(partial=False) == tmp_path / f"{STEM}.txt"


def test_a_partial_answer_is_marked(tmp_path: Path) -> None:
    """Both files of an answer that was cut short say so in their names."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    assert stem.finish_audio(partial=True) == tmp_path / f"{STEM}_partial.wav"
    assert stem.transcript_path(partial=True) == tmp_path / f"{STEM}_partial.txt"
    assert names(tmp_path) == [f"{STEM}_partial.wav"]


@pytest.mark.parametrize(
    "taken", [f"{STEM}.wav", f"{STEM}.txt", f"{STEM}_partial.wav", f"{STEM}_partial.txt", f"{STEM}.wav.part"]
)
def test_any_file_of_a_stem_takes_it(tmp_path: Path, taken: str) -> None:
    """Whichever file of an earlier answer is there, the next answer of that second gets another number."""
    (tmp_path / taken).symlink_to("nowhere")
    second = OutputStem.reserve(tmp_path, WHEN)
    third = OutputStem.reserve(tmp_path, WHEN)
    assert (second.name, third.name) == (f"{STEM}_2", f"{STEM}_3")
    assert names(tmp_path) == sorted([taken, f"{STEM}_2.wav.part", f"{STEM}_3.wav.part"])


def test_no_audio_leaves_no_file(tmp_path: Path) -> None:
    """A stem that is released is free again, and a release may come twice."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    stem.release()
    assert names(tmp_path) == []
    other = OutputStem.reserve(tmp_path, WHEN)
    stem.release()
    assert other.name == STEM
    assert names(tmp_path) == [f"{STEM}.wav.part"]


def test_release_after_the_audio_touches_nothing(tmp_path: Path) -> None:
    """Once the audio has its name, a .part of that stem is the claim of somebody else."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    stem.finish_audio(partial=False)
    stem.part_path.touch()
    stem.release()
    assert names(tmp_path) == [f"{STEM}.wav", f"{STEM}.wav.part"]
    with pytest.raises(ValueError, match="before"):
        stem.finish_audio(partial=False)


def test_a_transcript_keeps_the_stem(tmp_path: Path) -> None:
    """An answer without audio holds its name by its transcript after the release."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    stem.transcript_path(partial=False).touch()
    stem.release()
    assert OutputStem.reserve(tmp_path, WHEN).name == f"{STEM}_2"


def test_the_directory_is_made_for_the_user_alone(tmp_path: Path) -> None:
    """A missing directory is made with 0o700, less the umask."""
    before = os.umask(0o027)
    try:
        OutputStem.reserve(tmp_path / "deep" / "audio_output", WHEN)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep" / "audio_output").stat().st_mode) == 0o700


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    """The sentence names what is in the way."""
    (tmp_path / "audio_output").touch()
    with pytest.raises(OutputFailed, match="audio_output is not a directory") as caught:
        OutputStem.reserve(tmp_path / "audio_output", WHEN)
    assert isinstance(caught.value.__cause__, FileExistsError)
    with pytest.raises(OutputFailed, match=r"audio_output/deep cannot be written \(Not a directory\)"):
        OutputStem.reserve(tmp_path / "audio_output" / "deep", WHEN)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a directory that even root cannot write")
def test_an_unwritable_directory() -> None:
    """The sentence names the directory, also for root."""
    with pytest.raises(OutputFailed, match=r"^/proc/self cannot be written") as caught:
        OutputStem.reserve(Path("/proc/self"), WHEN)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission(tmp_path: Path) -> None:
    """The sentence names the directory and the next step; a release that cannot be done says so too."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFailed, match=r"\(Permission denied\)\. Choose a directory"):
        OutputStem.reserve(tmp_path, WHEN)
    with pytest.raises(OutputFailed, match=r"\.part cannot be written \(Permission denied\)"):
        stem.release()


def test_a_release_that_fails(tmp_path: Path) -> None:
    """What cannot be removed is told."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    stem.part_path.unlink()
    stem.part_path.mkdir()
    with pytest.raises(OutputFailed, match=r"\.part cannot be written"):
        stem.release()


def test_a_stranger_took_the_name(tmp_path: Path) -> None:
    """A file that another program put there meanwhile stays as it is, and the audio stays where it was."""
    stem = OutputStem.reserve(tmp_path, WHEN)
    stem.open_audio().close()
    stem.wav_path(partial=False).write_bytes(b"precious")
    with pytest.raises(OutputFailed, match=r"\(File exists\)\. The audio is kept in .*\.wav\.part\.$"):
        stem.finish_audio(partial=False)
    assert stem.wav_path(partial=False).read_bytes() == b"precious"
    assert stem.part_path.stat().st_size == 44


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the file system one without hard links, as FAT is."""

    def failing_link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", failing_link)


def test_publishing_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without links a name is given all the same, and still overwrites nothing."""
    no_links(monkeypatch)
    (tmp_path / "a.part").write_bytes(b"new")
    publish(tmp_path / "a.part", tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"

    (tmp_path / "b.part").touch()
    with pytest.raises(FileExistsError):
        publish(tmp_path / "b.part", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a", "b.part"]


def test_publishing_what_is_gone(tmp_path: Path) -> None:
    """A temporary file that vanished is an error that leaves no empty file behind."""
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "a.part", tmp_path / "a")
    assert names(tmp_path) == []


CONTENDER = """
import datetime, os, pathlib, sys
from geppetto.records.naming import OutputStem

directory, who = pathlib.Path(sys.argv[1]), sys.argv[2]
when = datetime.datetime(2026, 11, 21, 10, 15, 2)
os.write(1, b".")
sys.stdin.read()
for turn in range(25):
    stem = OutputStem.reserve(directory, when)
    content = f"{who} {turn} {stem.name}"
    if turn % 3 == 2:
        with open(stem.transcript_path(partial=False), "x") as file:
            file.write(content)
        stem.release()
    else:
        assert stem.part_path.stat().st_size == 0
        stem.part_path.write_text(content)
        stem.finish_audio(partial=turn % 3 == 1)
"""


def test_many_processes_in_one_second(tmp_path: Path) -> None:
    """Processes that reserve, finish and release in the same second never share a stem nor lose a file."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CONTENDER, tmp_path, str(who)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for who in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"."
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.wait(60) == 0
        assert process.stdout is not None
        process.stdout.close()

    stems: list[str] = []
    answers: list[str] = []
    for path in tmp_path.iterdir():
        who, turn, stem = path.read_text().split()
        assert path.name.removesuffix(path.suffix).removesuffix("_partial") == stem
        stems.append(stem)
        answers.append(f"{who} {turn}")
    assert len(set(stems)) == len(stems) == 100
    assert len(set(answers)) == 100


def test_the_sample_rate_reaches_the_header(tmp_path: Path) -> None:
    """Audio of another rate is written with that rate."""
    writer = OutputStem.reserve(tmp_path, WHEN).open_audio(16_000)
    writer.close()
    assert writer.path.read_bytes()[24:28] == (16_000).to_bytes(4, "little")


STRICT_UMASK = """
import datetime, os, pathlib, sys
from geppetto.realtime.happenings import ReplyAudio, ReplyDone, ReplyText
from geppetto.realtime.reply import Reply
from geppetto.records.recorder import Recorder
from geppetto.records.wirelog import WireLog

directory, umask = pathlib.Path(sys.argv[1]), int(sys.argv[2], 8)
"".encode("utf-16-le")  # its codec is imported on first use, perhaps from where nobody else may read
os.setgroups([])
os.setuid(65534)
os.umask(umask)
when = datetime.datetime(2026, 11, 21, 10, 15, 2)
log = WireLog.open(directory, when)
recorder = Recorder(directory, lambda: when)
reply = Reply(status="completed")
recorder.put(ReplyText(reply=reply, delta="One"))
recorder.put(ReplyAudio(reply=reply, item_id="item", content_index=0, pcm=b"\\x01\\x02" * 500))
recorder.write()
recorder.put(ReplyAudio(reply=reply, item_id="item", content_index=0, pcm=b"\\x03\\x04" * 500))
recorder.put(ReplyDone(reply=reply))
recorder.write()
log.note("sent", "response.create", "{}", when)
log.close()
"""


@pytest.mark.parametrize("umask", ["0277", "0777"])
def test_a_umask_that_forbids_ourselves_to_write(umask: str) -> None:
    """Files that their own user may not open for writing are written all the same, through what is open."""
    if os.geteuid() != 0:
        pytest.skip("becoming somebody else, and reading what he left, needs root")
    directory = Path(tempfile.mkdtemp(prefix="geppetto-"))  # tmp_path is below a directory that nobody may enter
    try:
        os.chown(directory, 65534, 65534)
        done = subprocess.run(
            [sys.executable, "-c", STRICT_UMASK, directory, umask],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=CHECKOUT,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert names(directory) == ["Chat:20261121_101502.log", f"{STEM}.txt", f"{STEM}.wav"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600 & ~int(umask, 8)}
        assert (directory / f"{STEM}.wav").read_bytes()[44:] == b"\x01\x02" * 500 + b"\x03\x04" * 500
    finally:
        shutil.rmtree(directory)
