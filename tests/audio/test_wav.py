"""The WAV file at every moment of its life."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import signal
import stat
import subprocess
import sys
import wave
from typing import TYPE_CHECKING

import pytest

from geppetto.audio import wav
from geppetto.audio.wav import HEADER_BYTES, MAX_DATA_BYTES, WavWriter, wav_header
from geppetto.errors import OutputFailed
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pattern(n_bytes: int) -> bytes:
    """Return bytes that show where they belong."""
    return b"".join((frame % 65521).to_bytes(2, "little") for frame in range(n_bytes // 2))


def pcm_of(file: Path | io.BytesIO) -> bytes:
    """Return the PCM that Python's `wave` reads, after checking the format."""
    with wave.open(file if isinstance(file, io.BytesIO) else str(file)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 24_000)
        pcm: bytes = reader.readframes(reader.getnframes())
        return pcm


@contextlib.contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    """Let no file grow past *n_bytes*; Python ignores SIGXFSZ, so the write fails with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_file_is_playable_after_every_call(tmp_path: Path) -> None:
    """From creation to close, `wave` reads exactly what was written so far."""
    path = tmp_path / "a.wav"
    writer = WavWriter(path)
    assert pcm_of(path) == b""
    pcm = pattern(9_000)
    for end in (2, 4, 1_000, 1_000, 9_000):
        writer.write(pcm[writer.data_bytes : end])
        assert pcm_of(path) == pcm[:end]
        assert path.stat().st_size == HEADER_BYTES + end == HEADER_BYTES + writer.data_bytes
    writer.finish()
    assert pcm_of(path) == pcm
    assert path.read_bytes()[:HEADER_BYTES] == wav_header(9_000)


def test_the_file_is_playable_between_system_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen after each system call of a write, short ones included, the file holds what was acknowledged."""
    path = tmp_path / "a.wav"
    writer = WavWriter(path)
    seen: list[bytes] = []

    def short_pwrite(fd: int, data: memoryview, offset: int) -> int:
        written = os_pwrite(fd, data if offset == 0 else data[:3], offset)
        seen.append(path.read_bytes())
        return written

    os_pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", short_pwrite)
    pcm = pattern(40)
    for start in (0, 10, 20, 30):
        seen.clear()
        writer.write(pcm[start : start + 10])
        assert [pcm_of(io.BytesIO(state)) for state in seen] == [pcm[:start]] * 4 + [pcm[: start + 10]]
    writer.finish()


ENDLESS_WRITER = """
import itertools, os, pathlib, sys
from geppetto.audio.wav import WavWriter

writer = WavWriter(pathlib.Path(sys.argv[1]))
frame = 0
for size in itertools.cycle((1, 7, 2400, 40_000)):
    writer.write(b"".join((n % 65521).to_bytes(2, "little") for n in range(frame, frame + size)))
    frame += size
    os.write(1, writer.data_bytes.to_bytes(8, "little"))
"""


@pytest.mark.parametrize("acknowledgements", [1, 4, 30])
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path, acknowledgements: int) -> None:
    """A writer killed at work leaves a playable file with every byte that it had returned for."""
    path = tmp_path / "a.wav"
    with subprocess.Popen([sys.executable, "-c", ENDLESS_WRITER, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(acknowledgements):
            acknowledged = process.stdout.read(8)
        process.kill()
        rest = process.stdout.read()
        acknowledged = rest[-8:] or acknowledged
    assert process.returncode == -signal.SIGKILL
    pcm = pcm_of(path)
    assert len(pcm) >= int.from_bytes(acknowledged, "little")
    assert pcm == pattern(len(pcm))


def test_a_full_disk_keeps_what_fits(tmp_path: Path) -> None:
    """A write that goes in only in part fails with a sentence; the whole frames that went in are readable."""
    path = tmp_path / "a.wav"
    pcm = pattern(4_000)
    writer = WavWriter(path)
    writer.write(pcm[:1_000])
    with file_size_limit(HEADER_BYTES + 2_001), pytest.raises(OutputFailed, match="File too large") as caught:
        writer.write(pcm[1_000:])
    assert str(path) in str(caught.value)
    assert caught.value.status is ExitStatus.OUTPUT_FAILED
    assert isinstance(caught.value.__cause__, OSError)
    assert writer.data_bytes == 2_000
    assert path.stat().st_size == HEADER_BYTES + 2_000
    assert pcm_of(path) == pcm[:2_000]

    writer.write(pcm[2_000:])
    writer.finish()
    assert pcm_of(path) == pcm


def test_no_space_left_on_a_real_device(tmp_path: Path) -> None:
    """On a small file system that is full, what arrived before stays readable, and the next step is named."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        pcm = pattern(100_000)
        writer = WavWriter(disk / "a.wav")
        writer.write(pcm[:50_000])
        with pytest.raises(OutputFailed, match=r"No space left on device\)\. Free some space") as caught:
            writer.write(pcm[50_000:])
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ENOSPC
        writer.finish()
        assert writer.data_bytes == 64 * 1024 - HEADER_BYTES
        assert pcm_of(disk / "a.wav") == pcm[: writer.data_bytes]
        with pytest.raises(OutputFailed, match="No space left on device"):
            WavWriter(disk / "b.wav")
        assert not (disk / "b.wav").exists()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_no_room_for_the_header(tmp_path: Path) -> None:
    """A file that cannot even take its header is not left behind."""
    with file_size_limit(10), pytest.raises(OutputFailed, match="File too large"):
        WavWriter(tmp_path / "a.wav")
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Hold a descriptor of the file at *path*."""
    fd = os.open(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    """Nothing is ever overwritten, not even a file that was reserved and then used."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"precious")
    with pytest.raises(OutputFailed, match="File exists"):
        WavWriter(path)
    with opened(path, os.O_RDWR) as fd, pytest.raises(OutputFailed, match="holds something already"):
        WavWriter(path, reserved_fd=fd)
    assert path.read_bytes() == b"precious"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link at the name leads nowhere."""
    (tmp_path / "elsewhere").touch()
    (tmp_path / "a.wav").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputFailed, match=r"a\.wav"):
        WavWriter(tmp_path / "a.wav")
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_reserved_file_is_taken_over(tmp_path: Path) -> None:
    """An empty file that the caller holds becomes the WAV file; its descriptor stays open, also after a failure."""
    path = tmp_path / "a.wav"
    path.touch()
    with opened(path, os.O_RDONLY) as fd:
        with pytest.raises(OutputFailed, match=r"a\.wav cannot be written \(Bad file descriptor\)"):
            WavWriter(path, reserved_fd=fd)
        os.fstat(fd)
    with opened(path, os.O_RDWR) as fd:
        writer = WavWriter(path, reserved_fd=fd)
        writer.write(b"\x01\x02")
        writer.finish()
        os.fstat(fd)
    assert pcm_of(path) == b"\x01\x02"


def test_the_directory_is_missing(tmp_path: Path) -> None:
    """The sentence names the file and the reason."""
    with pytest.raises(OutputFailed, match=r"gone/a\.wav cannot be written \(No such file or directory\)\."):
        WavWriter(tmp_path / "gone" / "a.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_the_directory_is_not_writable(tmp_path: Path) -> None:
    """The sentence ends with the next step."""
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFailed, match=r"\(Permission denied\)\. Choose a directory"):
        WavWriter(tmp_path / "a.wav")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o600), (0o277, 0o400)])
def test_only_the_user_may_read_it(tmp_path: Path, umask: int, mode: int) -> None:
    """The permissions are 0o600, less the umask."""
    before = os.umask(umask)
    try:
        WavWriter(tmp_path / "a.wav").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.wav").stat().st_mode) == mode


def test_half_a_frame_is_refused(tmp_path: Path) -> None:
    """An odd length is a bug of the caller; nothing is written."""
    writer = WavWriter(tmp_path / "a.wav")
    with pytest.raises(ValueError, match="not whole frames"):
        writer.write(b"\x01\x02\x03")
    writer.close()
    assert pcm_of(tmp_path / "a.wav") == b""


def test_closing_is_idempotent(tmp_path: Path) -> None:
    """close() and finish() may follow each other in any order; a write after them is a bug of the caller."""
    writer = WavWriter(tmp_path / "a.wav")
    writer.write(b"\x01\x02")
    writer.close()
    writer.close()
    writer.finish()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"\x03\x04")
    assert pcm_of(tmp_path / "a.wav") == b"\x01\x02"


def test_a_disk_that_fails_the_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When fsync fails the user hears of it, and the file is closed all the same."""

    def failing_fsync(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    writer = WavWriter(tmp_path / "a.wav")
    writer.write(b"\x01\x02")
    monkeypatch.setattr(os, "fsync", failing_fsync)
    with pytest.raises(OutputFailed, match="Input/output error"):
        writer.finish()
    writer.finish()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"\x03\x04")
    assert pcm_of(tmp_path / "a.wav") == b"\x01\x02"


def test_a_close_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that only close() brings, as network file systems do, is told once."""

    def failing_close(fd: int) -> None:
        os_close(fd)
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    writer = WavWriter(tmp_path / "a.wav")
    os_close = os.close
    monkeypatch.setattr(os, "close", failing_close)
    with pytest.raises(OutputFailed, match="quota exceeded"):
        writer.close()
    writer.close()


def test_the_size_limit_of_riff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit the frames that fit are kept and the rest is refused with a clear sentence."""
    monkeypatch.setattr(wav, "MAX_DATA_BYTES", 100)
    path = tmp_path / "a.wav"
    pcm = pattern(120)
    writer = WavWriter(path)
    writer.write(pcm[:60])
    with pytest.raises(OutputFailed, match=r"a\.wav is full \(a WAV file holds at most 4 GiB\)"):
        writer.write(pcm[60:])
    with pytest.raises(OutputFailed, match="is full"):
        writer.write(pcm[:2])
    writer.write(b"")
    writer.finish()
    assert pcm_of(path) == pcm[:100]


def test_the_largest_header() -> None:
    """The largest size still fits the 32 bits of RIFF, and is whole frames."""
    assert MAX_DATA_BYTES % 2 == 0
    assert 0xFFFF_FFFF - 1 <= MAX_DATA_BYTES + HEADER_BYTES - 8 <= 0xFFFF_FFFF
    with wave.open(io.BytesIO(wav_header(MAX_DATA_BYTES))) as reader:
        assert reader.getnframes() == MAX_DATA_BYTES // 2
