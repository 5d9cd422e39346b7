"""
Scripted runs: answers a second and CPU per answer by `--jobs`, and memory by the number of questions.

    python -m benchmarks.scripted                 # both tables
    python -m benchmarks.scripted --jobs 1 16     # some of the first one
    python -m benchmarks.scripted --memory 1000   # one row of the second one

Each row is a process of its own, against a server in a process of its own.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.crowds.report import raise_limit_of_files
from benchmarks.harness import geppetto, place, run, told_peak_bytes
from benchmarks.loopback import serving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Usage
    from benchmarks.loopback import Server

JOBS = (1, 4, 16, 64, 256)
SIZES = (10, 1_000, 10_000)
MB = 1e6


def ask(server: Server, questions: int, *flags: str) -> Usage:
    """Pipe *questions* lines into a process, and measure it."""
    lines = "".join(f"What is {number % 100} times 7?\n" for number in range(questions)).encode()
    with place() as cwd:
        return run(geppetto(server.port, *flags), cwd, stdin=lines)


def by_jobs(jobs: Sequence[int]) -> None:
    """Print answers a second and CPU per answer, for answers of one second of audio."""
    print("| `--jobs` | answers | answers a second | CPU per answer | peak memory |")
    print("|---|---|---|---|---|")
    with serving(1.0) as server:
        idle = ask(server, 1, "--jobs", "1")
        for number in jobs:
            answers = max(200, 4 * number)
            taken = ask(server, answers, "--jobs", str(number), "--independent")
            rate = answers / (taken.wall_s - idle.wall_s)
            cpu_ms = (taken.cpu_s - idle.cpu_s) / answers * 1000
            peak_mb = told_peak_bytes(taken) / MB
            print(f"| {number} | {answers} | {rate:.0f} | {cpu_ms:.1f} ms | {peak_mb:.0f} MB |", flush=True)


def by_size(sizes: Sequence[int]) -> None:
    """Print the memory of runs of *sizes* questions in one conversation, answered in text."""
    print("| questions | peak memory | answers a second |")
    print("|---|---|---|")
    with serving(0.0) as server:
        for size in sizes:
            taken = ask(server, size, "--modality", "text")
            print(f"| {size:,} | {told_peak_bytes(taken) / MB:.1f} MB | {size / taken.wall_s:.0f} |", flush=True)


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="*")
    parser.add_argument("--memory", type=int, nargs="*")
    flags = parser.parse_args()
    raise_limit_of_files()
    if flags.memory is None or flags.jobs is not None:
        by_jobs(flags.jobs or JOBS)
    if flags.jobs is None or flags.memory is not None:
        by_size(flags.memory or SIZES)


if __name__ == "__main__":
    main()
