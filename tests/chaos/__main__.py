"""
Run many sessions with random faults: `python -m tests.chaos --runs 10000 --jobs 2`.

Run N has the seed SEED + N. A run that goes wrong is told with its seed; `--seed SEED --runs 1` replays it. Exit
status 1: something was wrong.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys

from tests.chaos.figures import Figures, described, run_alone


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Sessions with random faults.")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("GEPPETTO_CHAOS_RUNS", "500")))
    parser.add_argument("--seed", type=int, default=None, help="of the first run; GEPPETTO_SEED, or else by chance")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    seed = options.seed
    if seed is None:
        seed = int(os.environ.get("GEPPETTO_SEED") or random.SystemRandom().randrange(1_000_000_000))
    seeds = range(seed, seed + options.runs)
    sys.stdout.write(f"chaos: seeds {seeds.start} to {seeds.stop - 1}\n")
    figures = Figures()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for result in pool.imap_unordered(run_alone, seeds):
            figures.add(result)
            if result.wrong:
                sys.stdout.write(f"{described(result)}\n")
            if figures.runs % 500 == 0:
                sys.stdout.write(f"{figures.summary}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{figures.summary}\n")
    return 1 if figures.failed else 0


if __name__ == "__main__":
    sys.exit(main())
