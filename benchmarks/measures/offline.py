"""
The embedded server: how soon it speaks, and how much faster than real time.

It runs alone, as `geppetto serve --lead 0` (as fast as it can), and answers a client that costs little. What it takes
before it listens is in none of the figures but one, which says so.
"""

from __future__ import annotations

import importlib.util
import signal
import statistics
import sys
import time
import wave
from functools import partial
from typing import TYPE_CHECKING

import attrs

from benchmarks.findings import Findings
from benchmarks.harness import Broken, peer, place, rounds, run, started, wait
from benchmarks.table import Row

if TYPE_CHECKING:
    from pathlib import Path

FEW, MANY = 1, 5
"""Questions: what many take beyond few has no start in it."""


@attrs.frozen(kw_only=True)
class Served:
    """What the server did for some questions."""

    listening_ms: float
    first_audio_ms: tuple[float, ...]
    audio_s: float
    wall_s: float
    cpu_s: float


def measure(quick: bool) -> Findings:
    """Measure it."""
    if importlib.util.find_spec("hibari") is None:
        return Findings(rows=(), notes=("The offline server was not measured: its voice (hibari-tts) is missing.",))
    many = MANY if quick else 3 * MANY
    served = rounds({"few": partial(_serve, FEW), "many": partial(_serve, many)}, 1 if quick else 3, "offline server")
    pairs = list(zip(served["few"], served["many"], strict=True))
    audio_s = [more.audio_s - less.audio_s for less, more in pairs]
    real_time = [audio / (more.wall_s - less.wall_s) for audio, (less, more) in zip(audio_s, pairs, strict=True)]
    a_core = [audio / (more.cpu_s - less.cpu_s) for audio, (less, more) in zip(audio_s, pairs, strict=True)]
    first = [one for more in served["many"] for one in more.first_audio_ms]
    earliest = [more.first_audio_ms[0] for more in served["many"]]
    figures = (
        ("exec → listening", statistics.median(one.listening_ms for one in served["few"]), "ms"),
        ("question → first audio, first question", statistics.median(earliest), "ms"),
        ("question → first audio, p50", statistics.median(first), "ms"),
        ("audio by wall time (real-time factor)", statistics.median(real_time), "×"),
        ("sessions per core (audio by CPU time)", statistics.median(a_core), ""),
    )
    rows = [
        Row(measure="offline", figure=f"offline server: {name}", ours=ours, unit=unit) for name, ours, unit in figures
    ]
    return Findings(rows=tuple(rows))


def _serve(questions: int) -> Served:
    with place() as cwd:
        command = [sys.executable, "-m", "geppetto", "serve", "--port", "0", "--lead", "0"]
        began_s = time.monotonic()
        with (cwd / "said.txt").open("wb") as said, started(command, cwd, stderr=said, server=True) as process:
            port = _port(cwd / "said.txt")
            listening_ms = (time.monotonic() - began_s) * 1000
            wav = cwd / "answer.wav"
            began_s = time.monotonic()
            asked = run(peer("websockets_orjson", port, wav, questions), cwd)
            wall_s = time.monotonic() - began_s
            process.send_signal(signal.SIGINT)
            usage = wait(process)
        with wave.open(str(wav)) as heard:
            audio_s = heard.getnframes() / heard.getframerate()
    return Served(
        listening_ms=listening_ms,
        first_audio_ms=tuple(float(word) for word in asked.stdout.split()),
        audio_s=audio_s,
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
    )


def _port(said: Path) -> int:
    """
    Wait for the address that the server prints, and return its port.

    Raises:
        Broken: it prints none.
    """
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        text = said.read_text(encoding="utf-8")
        if "ws://" in text and "\n" in text:
            return int(text.partition("ws://")[2].partition(":")[2].partition("/")[0])
        time.sleep(0.01)
    raise Broken("`geppetto serve` did not start")
