"""
Measure Geppetto against its peers, side by side in one run.

    python -m benchmarks                     # everything; writes the plots
    python -m benchmarks --quick             # the same with less work
    python -m benchmarks --only cpu,start    # some measures
    python -m benchmarks --json FILE         # the figures for a program, too

Prints one table on stdout, progress on stderr. Exits 1 when a target is missed or a measure broke, 130 when it was
stopped, and 0 otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs

from benchmarks.harness import NEIGHBOURS, Broken, say
from benchmarks.hypervisor import MOST_PATIENCE_S
from benchmarks.machine import described
from benchmarks.table import table

if TYPE_CHECKING:
    from types import FrameType

    from benchmarks.findings import Findings

INTERRUPTED = 130
MEASURES = ("memory", "scale", "cpu", "latency", "start", "shutdown", "offline")
"""In this order: the peak memory of a process that is smaller than its parent cannot be told, and this one grows."""


def _stopped(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by way of every `finally`, so that nothing that was started outlives us."""
    raise KeyboardInterrupt


def main() -> int:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less work, the same code")
    parser.add_argument("--only", help=f"some of {','.join(MEASURES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    flags = parser.parse_args()
    chosen = flags.only.split(",") if flags.only else MEASURES
    if unknown := sorted(set(chosen) - set(MEASURES)):
        parser.error(f"no such measure: {', '.join(unknown)}")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first one otherwise
        signal.signal(number, _stopped)
    found: dict[str, Findings] = {}
    broken: list[str] = []
    for name in chosen:
        NEIGHBOURS.patience_s = MOST_PATIENCE_S
        try:
            found[name] = importlib.import_module(f"benchmarks.measures.{name}").measure(flags.quick)
        except Broken as error:
            broken.append(f"{name} could not be measured: {error}")
            say(broken[-1])
        except KeyboardInterrupt:
            say("stopped; this is what was measured before")
            _report(found, broken, flags.json, quick=True)
            return INTERRUPTED
    return _report(found, broken, flags.json, quick=flags.quick)


def _finite(_owner: object, _field: object, value: object) -> object:
    """Return *value* for JSON, which has no infinity."""
    return None if value == inf else value


def _report(found: dict[str, Findings], broken: list[str], file: Path | None, *, quick: bool) -> int:
    rows = [row for findings in found.values() for row in findings.rows]
    print(described() + (" Quick: less work than the targets are meant for." if quick else ""))
    print()
    print(table(rows))
    notes = [note for findings in found.values() for note in findings.notes]
    for sentence in filter(None, (*notes, *broken, NEIGHBOURS.sentence)):
        print(f"\n{sentence}")
    if file is not None:
        figures = {name: attrs.asdict(findings, value_serializer=_finite) for name, findings in found.items()}
        file.write_text(json.dumps({"machine": described(), "broken": broken, **figures}, indent=1) + "\n")
    curves = [curve for findings in found.values() for curve in findings.curves]
    if curves and not quick:
        from benchmarks.plots import draw  # matplotlib, which not everyone has

        draw(curves, Path(__file__).parent)
    missed = sum(row.met is False for row in rows)
    met = sum(row.met is True for row in rows)
    print(f"\n{met} targets met, {missed} missed.")
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
