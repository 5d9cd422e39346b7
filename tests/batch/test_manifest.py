"""One durable line for each answer: a run that was killed at any moment can be taken up again."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from geppetto.batch.manifest import Manifest
from geppetto.batch.result import Result
from geppetto.errors import ConfigError, OutputFailed
from geppetto.records.modes import FileModes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def result(given_id: str, question: str = "Why?", status: str = "completed") -> Result:
    """Return a result."""
    return Result(index=1, id=given_id, question=question, answer="Because.", status=status)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the manifest is."""
    return tmp_path / "run.jsonl"


def write(path: Path, *lines: Result | bytes) -> bytes:
    """Write a manifest with *lines*, and return its content."""
    content = b"".join(line if isinstance(line, bytes) else line.line().encode() + b"\n" for line in lines)
    path.write_bytes(content)
    return content


def ids(path: Path) -> list[str]:
    """Resume the manifest, and return the ids that it holds."""
    seen: list[Result] = []
    Manifest.resume(path, seen.append).close()
    return [one.id for one in seen]


@contextmanager
def disk_for(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow past *n_bytes*."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- a new one


def test_lines_are_kept_in_their_order(tmp_path: Path) -> None:
    """What was appended is there, a line each, in a directory and with the permissions of the session."""
    path = tmp_path / "new" / "run.jsonl"
    manifest = Manifest.create(path, FileModes(file=0o640, directory=0o750))
    for given_id in "abc":
        manifest.append(result(given_id).line())
        assert path.read_text().splitlines()[-1] == result(given_id).line()
    manifest.close()
    manifest.close()
    assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0
    assert stat.S_IMODE(path.parent.stat().st_mode) & ~0o750 == 0
    assert ids(path) == ["a", "b", "c"]


def test_nothing_is_overwritten(path: Path) -> None:
    """What stands under the name stays as it is, and the sentence says how to go on."""
    path.write_text("precious")
    with pytest.raises(ConfigError, match=r"run\.jsonl exists\..* --resume, or name another file"):
        Manifest.create(path)
    assert path.read_text() == "precious"


def test_where_nothing_can_be_made(path: Path) -> None:
    """A file in the way of the directory is a sentence that names the manifest."""
    path.write_text("")
    with pytest.raises(OutputFailed, match=r"below\.jsonl cannot be written"):
        Manifest.create(path / "below.jsonl")


def test_a_closed_manifest_takes_nothing(path: Path) -> None:
    """A line that came too late is a bug of the caller, not a line that is lost in silence."""
    manifest = Manifest.create(path)
    manifest.close()
    with pytest.raises(ValueError, match="is closed"):
        manifest.append("{}")


# --- taken up again


def test_what_was_answered_is_known(path: Path) -> None:
    """Answers are not asked for again; what failed, was cancelled or never came is."""
    write(path, result("a"), result("b", status="failed"), result("c", status="cancelled"))
    manifest = Manifest.resume(path, lambda _: None)
    assert [given_id for given_id in "abcd" if manifest.is_answered(given_id, "Why?")] == ["a"]
    manifest.forget("a")
    assert not manifest.is_answered("a", "Why?")
    manifest.forget("d")
    manifest.append(result("b").line())
    manifest.close()
    assert ids(path) == ["a", "b", "c", "b"]


@pytest.mark.parametrize("last", ["completed", "failed"])
def test_an_answer_is_never_unsaid(path: Path, last: str) -> None:
    """A question that was asked again has two lines; a malformed line that took its id later changes nothing."""
    write(path, result("a", status="failed"), result("a"), result("a", status=last))
    manifest = Manifest.resume(path, lambda _: None)
    assert manifest.is_answered("a", "Why?")
    manifest.close()


def test_a_changed_question_is_told(path: Path) -> None:
    """An answer is not taken for one to another question; the id is named."""
    write(path, result("seven", "Why?"))
    manifest = Manifest.resume(path, lambda _: None)
    with pytest.raises(ConfigError, match=r"another question under the id 'seven'\. .* without --resume\."):
        manifest.is_answered("seven", "Why not?")
    manifest.close()


def test_a_mended_question_is_asked(path: Path) -> None:
    """What had failed, a malformed line above all, may be another question now."""
    write(path, result("7", "", "failed"))
    manifest = Manifest.resume(path, lambda _: None)
    assert not manifest.is_answered("7", "Why?")
    manifest.close()


def test_a_second_run_is_refused(path: Path) -> None:
    """Two runs never write to one manifest, whichever way they came by it."""
    first = Manifest.create(path)
    with pytest.raises(ConfigError, match=r"belongs to a run that is still going on"):
        Manifest.resume(path, lambda _: None)
    first.close()
    second = Manifest.resume(path, lambda _: None)
    with pytest.raises(ConfigError, match=r"still going on"):
        Manifest.resume(path, lambda _: None)
    second.close()
    Manifest.resume(path, lambda _: None).close()


def test_nothing_to_resume(tmp_path: Path) -> None:
    """A name without a manifest is a sentence, whatever is there instead."""
    with pytest.raises(ConfigError, match=r"does not exist, so there is nothing to resume"):
        Manifest.resume(tmp_path / "gone.jsonl", lambda _: None)
    with pytest.raises(OutputFailed, match=r"cannot be written \(Is a directory\)"):
        Manifest.resume(tmp_path, lambda _: None)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"pipe is not a file"):
        Manifest.resume(tmp_path / "pipe", lambda _: None)


# --- torn and damaged


def test_a_torn_line_is_cut_off(path: Path) -> None:
    """Wherever `kill -9` fell into a line, it is as if it had never been written, and the next one stands alone."""
    whole = write(path, result("a"))
    line = result("b", "¿Qué?").line().encode()
    for length in range(1, len(line)):
        path.write_bytes(whole + line[:length])
        manifest = Manifest.resume(path, lambda _: None)
        assert path.read_bytes() == whole
        manifest.append(result("c").line())
        manifest.close()
        assert ids(path) == ["a", "c"]


@pytest.mark.parametrize("rest", [b"\0" * 4096, b'\0\0\0{"schema":1,"ind', b'{"schema":1,"ind\0\0'])
def test_what_a_power_cut_leaves_is_cut_off(path: Path, rest: bytes) -> None:
    """Pages that the disk never got are zeros, and no line."""
    whole = write(path, result("a"))
    path.write_bytes(whole + rest)
    assert ids(path) == ["a"]
    assert path.read_bytes() == whole


def test_a_whole_line_without_its_end_counts(path: Path) -> None:
    """A line that lacks the line break alone, as an editor may leave it, is kept and gets it."""
    whole = write(path, result("a"), result("b"))
    path.write_bytes(whole[:-1])
    assert ids(path) == ["a", "b"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "damage", [b"{\n", b'{"schema":2}\n', b"\0\0\0\n", b'{"schema":1,"ind\n', b"\xff\xfe\n", b"[" * 10_000 + b"\n"]
)
def test_damage_in_the_middle_is_told(path: Path, damage: bytes) -> None:
    """File and line are named, and nothing is changed: it is not for the program to choose what to throw away."""
    content = write(path, result("a"), b"\n", damage, result("b"), b'{"schema":1,"torn')
    with pytest.raises(ConfigError, match=r"^Line 3 of .*run\.jsonl is damaged: it.* Mend or remove it, and resume"):
        Manifest.resume(path, lambda _: None)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"my precious notes", b"line one\nline two", b'{"id":1}', b"RIFF\0\0\0\0WAVE"])
def test_a_strangers_file_is_left_alone(path: Path, content: bytes) -> None:
    """A file that was named by mistake loses nothing, not even a last line without an end."""
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^Line 1 of .* is damaged"):
        Manifest.resume(path, lambda _: None)
    assert path.read_bytes() == content


def test_an_empty_manifest_is_a_run_without_answers(path: Path) -> None:
    """A run that was killed before its first answer can be taken up."""
    path.touch()
    assert ids(path) == []


# --- the disk


def test_a_full_disk_leaves_no_half_line(path: Path) -> None:
    """The sentence names the file, the lines before are whole, and once there is room it goes on."""
    manifest = Manifest.create(path)
    manifest.append(result("a").line())
    whole = path.read_bytes()
    with (
        disk_for(len(whole) + 100),
        pytest.raises(OutputFailed, match=r"run\.jsonl cannot be written \(File too large"),
    ):
        manifest.append(result("b").line())
    assert path.read_bytes() == whole
    manifest.append(result("c").line())
    manifest.close()
    assert ids(path) == ["a", "c"]


def test_a_removed_manifest_is_told(path: Path) -> None:
    """Nothing is called durable that nobody can find again, then or later."""
    manifest = Manifest.create(path)
    manifest.append(result("a").line())
    path.unlink()
    for _ in range(2):
        with pytest.raises(OutputFailed, match=r"run\.jsonl cannot be written \(it was removed"):
            manifest.append(result("b").line())
    with pytest.raises(OutputFailed):
        manifest.close()
    manifest.close()


def test_a_failed_flush_is_never_forgotten(path: Path) -> None:
    """After it a later flush may succeed without the lost pages, so every later line fails as well."""
    manifest = Manifest.create(path)
    reader, writer = os.pipe()
    fd, manifest._fd = manifest._fd, writer  # a pipe cannot be flushed
    with pytest.raises(OutputFailed, match=r"run\.jsonl cannot be written"):
        manifest.append("{}")
    manifest._fd = fd
    with pytest.raises(OutputFailed, match=r"run\.jsonl cannot be written"):
        manifest.append("{}")
    with pytest.raises(OutputFailed):
        manifest.close()
    os.close(reader)
    os.close(writer)


# --- many at once


def test_threads_share_one_flush(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that were written while the disk was busy wait for one flush together, and no line is torn."""
    manifest = Manifest.create(path)
    busy, go_on = threading.Event(), threading.Event()
    flushes: list[int] = []
    fsync = os.fsync

    def slow(fd: int) -> None:
        flushes.append(path.read_bytes().count(b"\n"))
        busy.set()
        go_on.wait(20)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", slow)
    threads = [threading.Thread(target=manifest.append, args=[result(str(n), "Why? " * n).line()]) for n in range(9)]
    threads[0].start()
    assert busy.wait(20)
    for thread in threads[1:]:
        thread.start()
    while path.read_bytes().count(b"\n") < len(threads):
        assert threads[0].is_alive()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert flushes == [1, 9]
    manifest.close()
    assert sorted(ids(path)) == [str(n) for n in range(9)]


def test_what_append_returned_for_survives_kill_9(path: Path) -> None:
    """Every id that the killed process had told is in the manifest, and the file can be taken up."""
    code = (
        "import os, sys, threading\n"
        "from pathlib import Path\n"
        "from geppetto.batch.manifest import Manifest\n"
        "from geppetto.batch.result import Result\n"
        "manifest = Manifest.create(Path(sys.argv[1]))\n"
        "def work(name):\n"
        "    for number in range(10**9):\n"
        "        one = Result(index=number, id=f'{name}.{number}', question='Why?' * 500, status='completed')\n"
        "        manifest.append(one.line())\n"
        "        os.write(1, f'{one.id}\\n'.encode())\n"
        "for name in 'abcd':\n"
        "    threading.Thread(target=work, args=name).start()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    found = ids(path)
    assert {line.decode().strip() for line in told if line.endswith(b"\n")} <= set(found)
    assert len(found) == len(set(found))
