"""
Time that a virtual machine was not given: whatever runs there is late then, and nobody's program is to blame.

A neighbour on the same hardware can take half of a core for minutes. So what is measured waits for a core that is
there, and is measured again when it was taken away meanwhile.

Source: proc_stat(5), "steal"; where a system does not tell it, nothing is waited for or measured again.
"""

from __future__ import annotations

import os
import time
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST_STOLEN: Final = 0.01
"""The share of one core that may be taken away meanwhile: in a p99 what is late because of it is all there is."""
FEW_S: Final = 0.03
"""So little is no reason to measure again: the kernel counts in hundredths of a second."""
TRIES: Final = 4
MOST_PATIENCE_S: Final = 1800.0
"""How long one measure waits for its cores, and measures again, all in all."""
_PROBE_S: Final = 0.25
_MOST_PROBED: Final = 0.05
"""The share that may be missing in such a short time; the system itself takes some."""
_BETWEEN_S: Final = 10.0
_STAT: Final = Path("/proc/stat")
_STEAL: Final = 8
"""The column of /proc/stat."""


def stolen_s() -> float:
    """Return the time that was taken away from all cores so far; 0 where that is not told."""
    try:
        columns = _STAT.read_text(encoding="ascii").splitlines()[0].split()
        return int(columns[_STEAL]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def probed() -> float:
    """Return the share of a core that was taken away from one who wanted all of it."""
    if not stolen_s():
        return 0.0
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    while time.perf_counter() - wall_s < _PROBE_S:
        pass
    wall_s, cpu_s = time.perf_counter() - wall_s, time.thread_time() - cpu_s
    return 1 - cpu_s / wall_s


@attrs.define
class Neighbours:
    """What others on the same hardware did to a run."""

    say: Callable[[str], None]
    patience_s: float = MOST_PATIENCE_S
    """How long it may still wait and measure again."""
    probe: Callable[[], float] = probed
    between_s: float = _BETWEEN_S
    again: int = 0
    """How often something was measured again."""
    kept: list[float] = attrs.field(factory=list)
    """The shares that were taken away from what was kept all the same."""

    def undisturbed(self, take: Callable[[], T]) -> T:
        """Return what *take* returns, from a time in which the machine had its cores to itself, if there is one."""
        least = share = inf
        for number in range(TRIES):
            if number:
                self.say(f"the hypervisor took {share:.0%} of a core away: measured again")
                self.again += 1
            self._wait()
            began_s, before_s = time.monotonic(), stolen_s()
            taken = take()
            wall_s, gone_s = time.monotonic() - began_s, stolen_s() - before_s
            if gone_s <= max(FEW_S, MOST_STOLEN * wall_s):
                return taken
            share = gone_s / wall_s
            if share < least:
                least, best = share, taken
            self.patience_s -= wall_s
            if self.patience_s <= 0:
                break
        self.kept.append(least)
        return best

    @property
    def sentence(self) -> str:
        """What is to be said of it below a table; empty when there is nothing."""
        if not self.again and not self.kept:
            return ""
        said = f"The hypervisor took cores away: {self.again} turns were measured again"
        if self.kept:
            said += f"; {len(self.kept)} stand all the same, with up to {max(self.kept):.0%} of a core gone"
        return f"{said}."

    def _wait(self) -> None:
        """Wait until a core runs whenever it is wanted."""
        while self.patience_s > 0 and self.probe() > _MOST_PROBED:
            self.patience_s -= self.between_s
            time.sleep(self.between_s)
