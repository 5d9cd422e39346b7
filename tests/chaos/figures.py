"""Many runs, and their figures."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import attrs

from tests.chaos.chaos import run_seed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.chaos import Result

_MEMORY = Path("/dev/shm")


def run_alone(seed: int) -> Result:
    """Run the session of *seed* in a directory of its own, in memory where there is such a thing."""
    with TemporaryDirectory(prefix="geppetto-chaos-", dir=_MEMORY if _MEMORY.is_dir() else None) as cwd:
        return run_seed(seed, Path(cwd))


@attrs.define
class Figures:
    """What many runs came to."""

    started: float = attrs.field(factory=time.perf_counter)
    runs: int = 0
    failed: list[Result] = attrs.field(factory=list)
    sums: Counter[str] = attrs.field(factory=Counter)
    faults: Counter[str] = attrs.field(factory=Counter)
    endings: Counter[str] = attrs.field(factory=Counter)
    longest_s: float = 0.0

    def add(self, result: Result) -> None:
        """Count one run."""
        self.runs += 1
        if result.wrong:
            self.failed.append(result)
        for name, value in attrs.asdict(result).items():
            if isinstance(value, int) and name != "seed":
                self.sums[name] += value
        self.faults.update(result.faults)
        self.endings[result.ending] += 1
        self.longest_s = max(self.longest_s, result.elapsed_s)

    @property
    def summary(self) -> str:
        """All of it in a few lines."""
        n = self.sums
        return (
            f"chaos: {self.runs:,} runs, {len(self.failed)} wrong; {n['connections']:,} connections; "
            f"{n['questions']:,} questions: {n['answers']:,} answers ({n['completed']:,} completed), "
            f"{n['errors']:,} reported, {n['taken_back']:,} taken back; {n['files']:,} files, "
            f"{n['audio_bytes']:,} bytes of PCM; a key in {n['with_key']:,} runs, said {n['key_said']:,} times; "
            f"{time.perf_counter() - self.started:.1f} s, longest run {self.longest_s:.1f} s\n"
            f"faults ({self.faults.total():,}): {_listed(self.faults.items())}\n"
            f"endings: {_listed(self.endings.items())}"
        )


def described(result: Result) -> str:
    """Return what is wrong with a run, and how to see it again."""
    wrong = "\n".join(f"  {sentence}" for sentence in result.wrong)
    return (
        f"seed {result.seed}: {result.ending}, faults {result.faults}, {result.elapsed_s:.1f} s\n{wrong}\n"
        f"  again: python -m tests.chaos --seed {result.seed} --runs 1"
    )


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts))
