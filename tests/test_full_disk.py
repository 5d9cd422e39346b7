"""A disk that is full at a random moment, wherever in the answers and the log that falls."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import wave
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.records.transcript import words_in
from geppetto.status import ExitStatus
from tests.fakes.program import open_program, run_program
from tests.fakes.scripted_server import answer, answers, audio, created, scripted_server, tone, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

SEED = int(os.environ.get("GEPPETTO_SEED") or random.SystemRandom().randrange(1 << 32))
POINTS = int(os.environ.get("GEPPETTO_FULL_DISKS", "6"))
SAID = ["One, and a word or two.", "Two, and more of them, " * 40, "Three."]
PCM = tone(24_000)
PAGE_BYTES = 4096
NEEDED_PAGES = 3 * (12 + 2) + 1
"""Three answers of 48,044 bytes, their transcripts, and the log."""


@contextmanager
def disk_of(pages: int, place: Path) -> Iterator[Path]:
    """Mount a disk of its own at *place* that holds *pages* pages."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE_BYTES}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


async def fill(cwd: Path, disk: Path, *, log_too: bool, shell: str = "") -> tuple[int, str]:
    """Ask three questions with output to *disk*; return the exit status and what was said about it."""
    logs = disk if log_too else cwd
    async with scripted_server(answers(SAID, PCM)) as server:
        ran = await run_program(
            ["--url", server.url, "--audio-output-dir", str(disk / "a"), "--log-dir", str(logs / "l")],
            cwd=cwd,
            stdin="One?\nTwo?\nThree?\n",
            shell=shell,
        )
    assert "Traceback" not in ran.stderr
    return ran.status, ran.stderr


def check(disk: Path, logs: Path, status: int, stderr: str, why: str) -> int:
    """Check what is on *disk* after it was full, and return how many answers are whole."""
    assert status == ExitStatus.OUTPUT_FAILED
    (sentence,) = (line for line in stderr.splitlines() if line.startswith("geppetto: "))  # the summary follows it
    assert f"{disk}/" in sentence, stderr
    assert why in sentence, stderr
    wavs = sorted((disk / "a").glob("*.wav"))
    for number, path in enumerate(wavs):
        assert frames(path) == PCM
        assert words_in(path.with_suffix(".txt").read_bytes()).strip() == SAID[number].strip()
    parts = sorted((disk / "a").glob("*.wav.part"))
    for part in parts:
        if part.stat().st_size:
            assert PCM.startswith(frames(part))
    for part in (disk / "a").glob("audio_*.txt.part"):
        words = words_in(part.read_bytes()).strip()
        assert any(said.strip().startswith(words) for said in SAID)
        sound = part.with_name(part.name.replace(".txt.", ".wav."))
        whole = len(frames(sound)) == len(PCM) if sound.exists() and sound.stat().st_size else False
        assert words or not whole, "the words of an answer with all its audio are nowhere"
    for log in (logs / "l").iterdir():
        *lines, rest = log.read_bytes().split(b"\n")
        for line in lines:
            json.loads(line)
        assert rest == b"" or line_begins(rest)
    return len(wavs)


def frames(path: Path) -> bytes:
    """Return the audio of a WAV."""
    with wave.open(str(path)) as file:
        pcm: bytes = file.readframes(file.getnframes())
        return pcm


def line_begins(rest: bytes) -> bool:
    """Whether *rest* is the beginning of a line of the log."""
    return b'{"timestamp": "'.startswith(rest[:15])


@pytest.mark.parametrize("log_too", [False, True], ids=["files", "files and log"])
async def test_a_disk_that_is_full_at_a_random_moment(
    tmp_path: Path, log_too: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is exit 7 with the file's name; each answer before is whole, and of this one all that fitted is playable."""
    rng = random.Random(f"{SEED} {log_too}")
    whole = 0
    for point in range(POINTS):
        pages = rng.randrange(3, NEEDED_PAGES - 2)
        with disk_of(pages, tmp_path / f"disk{point}") as disk:
            status, stderr = await fill(tmp_path, disk, log_too=log_too)
            try:
                whole += check(disk, disk if log_too else tmp_path, status, stderr, "No space left on device")
            except AssertionError:
                sys.stdout.write(f"GEPPETTO_SEED={SEED}: point {point}, {pages} pages\n")
                raise
    if "GEPPETTO_FULL_DISKS" in os.environ:
        with capsys.disabled():
            sys.stdout.write(f"\n{POINTS} full disks, log_too={log_too}, seed {SEED}: {whole} whole answers intact\n")


@pytest.mark.parametrize("log_too", [False, True], ids=["files", "files and log"])
async def test_a_file_that_may_not_grow(tmp_path: Path, log_too: bool) -> None:
    """A limit on the size of files, as of a quota, is exit 7 with the file's name, and what fitted is playable."""
    disk = tmp_path / "disk"
    disk.mkdir()
    blocks = random.Random(SEED).randrange(8, 90)  # of 512 bytes
    status, stderr = await fill(tmp_path, disk, log_too=log_too, shell=f'ulimit -f {blocks}; exec "$@"')
    assert check(disk, disk if log_too else tmp_path, status, stderr, "File too large") == 0
    sizes = [part.stat().st_size for part in (disk / "a").glob("*.wav.part")]
    assert all(size <= blocks * 512 for size in sizes)


async def test_a_directory_that_vanishes_in_the_middle(tmp_path: Path) -> None:
    """It is exit 7 with the file's name, before the answer is over; the answers before are whole where they went."""
    moved = tmp_path / "elsewhere"

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("r1", SAID[0], PCM))
        await peer.expect("response.create")
        await peer.send(created("r2"), words("r2", "Half of "), audio("r2", PCM))
        await peer.client_left()

    async with scripted_server(story) as server:
        async with open_program(["--url", server.url], cwd=tmp_path) as program:
            await program.type("One?\nTwo?\n")
            await program.wrote("Half of")
            directory = tmp_path / "audio_output"
            while not one_and_a_half(directory):  # noqa: ASYNC110  # no event tells it
                await trio.sleep(0.01)
            directory.rename(moved)
            ran = await program.left()
        assert server.seen.close_code == 1000
    assert ran.status == ExitStatus.OUTPUT_FAILED
    (sentence,) = (line for line in ran.stderr.splitlines() if line.startswith("geppetto: "))
    assert f"{directory.name}/" in sentence
    assert "was removed" in sentence
    assert not directory.exists()
    (whole,) = moved.glob("*.wav")
    assert frames(whole) == PCM
    assert words_in(whole.with_suffix(".txt").read_bytes()).strip() == SAID[0]
    (part,) = moved.glob("*.wav.part")
    assert frames(part) == PCM


def one_and_a_half(directory: Path) -> bool:
    """Whether the first answer in *directory* has its name, and the second one its audio."""
    there = list(directory.glob("*"))  # one look: between two of them the first answer may get its name
    whole = [path for path in there if path.suffix == ".wav"]
    parts = [path for path in there if path.name.endswith(".wav.part") and path.with_suffix("") not in whole]
    return len(whole) == len(parts) == 1 and parts[0].stat().st_size > len(PCM)
