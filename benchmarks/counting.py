"""
What a piece of audio and its word cost Geppetto, in calls and not in time: a busy machine counts the same.

    python -m benchmarks.counting PORT DIRECTORY

Asks one question through the Python API, WAV, transcript and wire log included, and prints the calls of functions
(Python's and C's, in all threads), the hops to a thread and the writes to files (JSON).
"""

from __future__ import annotations

import json
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from benchmarks.harness import place, run
from benchmarks.loopback import serving
from geppetto.chat import open_chat
from geppetto.config import ClientConfig

if TYPE_CHECKING:
    from types import FrameType

DELTA_BYTES = 4_800
SHORT_S, LONG_S = 10.0, 110.0
"""The difference is a thousand pairs of a word and a piece of audio."""
_HOP = "ThreadCache.start_thread_soon"
"""Where trio gives work to a thread."""


@attrs.define
class Counts:
    """What happened in one process."""

    calls: int = 0
    hops: int = 0
    writes: int = 0

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        """Count one event of `sys.setprofile`."""
        if event == "call":
            self.calls += 1
            self.hops += frame.f_code.co_qualname == _HOP
        elif event == "c_call":
            self.calls += 1
            name = getattr(argument, "__qualname__", "")
            self.writes += name in {"write", "pwrite", "writev"}


async def _ask(port: int, directory: Path) -> None:
    config = ClientConfig(
        url=f"ws://127.0.0.1:{port}/v1/realtime", audio_output_dir=directory / "audio", log_dir=directory / "logs"
    )
    async with open_chat(config) as chat:
        await chat.ask("What is 6 times 7?")


def main() -> None:
    """Ask, and count."""
    counts = Counts()
    threading.setprofile(counts.profile)
    sys.setprofile(counts.profile)
    trio.run(partial(_ask, int(sys.argv[1]), Path(sys.argv[2])))
    sys.setprofile(None)
    print(json.dumps(attrs.asdict(counts)))


def per_pair() -> dict[str, float]:
    """Return what one pair costs; two answers of different lengths, so that the start is not in it."""
    found: list[dict[str, float]] = []
    for audio_s in (SHORT_S, LONG_S):
        with serving(audio_s, DELTA_BYTES) as server, place() as cwd:
            usage = run([sys.executable, "-m", "benchmarks.counting", str(server.port), str(cwd)], cwd)
            found.append(json.loads(usage.stdout))
    pairs = (LONG_S - SHORT_S) * 48_000 / DELTA_BYTES
    return {name: (found[1][name] - found[0][name]) / pairs for name in found[0]}


if __name__ == "__main__":
    main()
