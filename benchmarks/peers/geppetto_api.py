"""Geppetto's Python API, asked as the peers are: WAV, transcript and wire log below the directory of the WAV."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import trio

from benchmarks.heard import Heard
from geppetto.chat import open_chat
from geppetto.config import ClientConfig


async def main(port: int, directory: Path, questions: int) -> None:
    """Ask one question after another."""
    heard = Heard()
    config = ClientConfig(
        url=f"ws://127.0.0.1:{port}/v1/realtime",
        audio_output_dir=directory / "audio_output",
        log_dir=directory / "logs",
    )
    first_audio_ms: list[float] = []
    async with open_chat(config, metrics=heard) as chat:
        for number in range(questions):
            del heard.at_us[:]
            asked_us = time.monotonic_ns() // 1000
            await chat.ask(f"What is {number} times 7?", independent=True)
            first_audio_ms.append((heard.at_us[0] - asked_us) / 1000)
    print(*first_audio_ms)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), Path(sys.argv[2]).parent, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
