"""
Scripted runs: answers a second and CPU per answer by `--jobs`, and memory by the number of questions.

    python -m benchmarks.scripted                 # both tables
    python -m benchmarks.scripted --jobs 1 16     # some of the first one
    python -m benchmarks.scripted --memory 1000   # one row of the second one

Each row is a process of its own, against a server in a process of its own. Peak memory is the process's `ru_maxrss`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JOBS = (1, 4, 16, 64, 256)
SIZES = (10, 1_000, 10_000)


@attrs.frozen(kw_only=True)
class Run:
    """What one run took."""

    answers: int
    wall_s: float
    cpu_s: float
    peak_mb: float


@contextmanager
def server(audio_s: float) -> Iterator[int]:
    """Start the server, yield its port, and end it."""
    command = [sys.executable, "-m", "benchmarks.server", "--audio-s", str(audio_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def geppetto(port: int, questions: int, flags: Sequence[str]) -> Run:
    """Pipe *questions* lines into a process, and measure it."""
    with tempfile.TemporaryDirectory(prefix="geppetto-bench-") as cwd, Path(os.devnull).open("wb") as nowhere:
        command = [sys.executable, "-m", "geppetto", "--url", f"ws://127.0.0.1:{port}/v1/realtime", "--quiet", *flags]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=nowhere)
        assert process.stdin is not None
        _pour(process.stdin, questions)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"geppetto ended with {process.returncode}")
    return Run(
        answers=questions, wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime, peak_mb=usage.ru_maxrss / 1024
    )


def _pour(stdin: IO[bytes], questions: int) -> None:
    block = "".join(f"What is {number} times 7?\n" for number in range(100)).encode()
    for _ in range(questions // 100):
        stdin.write(block)
    stdin.write(b"".join(block.splitlines(keepends=True)[: questions % 100]))
    stdin.close()


def by_jobs(jobs: Sequence[int]) -> None:
    """Print answers a second and CPU per answer, for answers of one second of audio."""
    print("| `--jobs` | answers | answers a second | CPU per answer | peak memory |")
    print("|---|---|---|---|---|")
    with server(audio_s=1.0) as port:
        idle = geppetto(port, 1, ["--jobs", "1"])
        for number in jobs:
            run = geppetto(port, max(200, 4 * number), ["--jobs", str(number), "--independent"])
            rate = run.answers / (run.wall_s - idle.wall_s)
            cpu_ms = (run.cpu_s - idle.cpu_s) / run.answers * 1000
            print(f"| {number} | {run.answers} | {rate:.0f} | {cpu_ms:.1f} ms | {run.peak_mb:.0f} MB |", flush=True)


def by_size(sizes: Sequence[int]) -> None:
    """Print the memory of runs of *sizes* questions in one conversation, answered in text."""
    print("| questions | peak memory | answers a second |")
    print("|---|---|---|")
    with server(audio_s=0.0) as port:
        for size in sizes:
            run = geppetto(port, size, ["--modality", "text"])
            print(f"| {size:,} | {run.peak_mb:.1f} MB | {run.answers / run.wall_s:.0f} |", flush=True)


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="*")
    parser.add_argument("--memory", type=int, nargs="*")
    flags = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    if flags.memory is None or flags.jobs is not None:
        by_jobs(flags.jobs or JOBS)
    if flags.jobs is None or flags.memory is not None:
        by_size(flags.memory or SIZES)


if __name__ == "__main__":
    main()
