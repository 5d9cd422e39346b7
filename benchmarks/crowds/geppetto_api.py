"""Geppetto's Python API: every session with WAV, transcript, wire log and metrics of its own."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import attrs
import trio

from benchmarks.crowds.report import Clock, raise_limit_of_files, report
from benchmarks.heard import Heard
from geppetto.chat import open_chat
from geppetto.config import ClientConfig

HANDSHAKES = 32
"""At once."""


@attrs.define
class Crowd:
    """The sessions, and where they wait for each other."""

    port: int
    directory: Path
    sessions: int
    heard: list[Heard]
    wavs: list[Path | None]
    handshakes: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(HANDSHAKES))
    open: int = 0
    ready: trio.Event = attrs.field(factory=trio.Event)
    heard_all: int = 0
    last: trio.Event = attrs.field(factory=trio.Event)
    clock: Clock = attrs.field(factory=Clock)
    streaming: tuple[float, float] = (0.0, 0.0)

    async def one(self, number: int) -> None:
        """Open a session, wait until all are open, ask, and leave when all have heard their answer."""
        config = ClientConfig(
            url=f"ws://127.0.0.1:{self.port}/v1/realtime",
            audio_output_dir=self.directory / "audio_output",
            log_dir=self.directory / "logs",
            connect_timeout=120.0,
        )
        await self.handshakes.acquire_on_behalf_of(number)
        async with open_chat(config, metrics=self.heard[number]) as chat:
            self.handshakes.release_on_behalf_of(number)
            self.open += 1
            if self.open == self.sessions:
                self.clock = Clock()
                self.ready.set()
            await self.ready.wait()
            answer = await chat.ask("What is 6 times 7?")
            self.wavs[number] = answer.audio_file
            self.heard_all += 1
            if self.heard_all == self.sessions:
                self.streaming = self.clock.taken_s()
                self.last.set()
            await self.last.wait()


async def main(port: int, sessions: int, directory: Path, delta_bytes: int) -> None:
    """Run all of them, and report."""
    threads = trio.to_thread.current_default_thread_limiter()
    threads.total_tokens = max(threads.total_tokens, 2 * sessions)  # as a scripted run with so many jobs does
    crowd = Crowd(port, directory, sessions, [Heard() for _ in range(sessions)], [None] * sessions)
    async with trio.open_nursery() as nursery:
        for number in range(sessions):
            nursery.start_soon(crowd.one, number)
    wavs = [wav for wav in crowd.wavs if wav is not None]
    report([heard.at_us for heard in crowd.heard], wavs, delta_bytes, crowd.streaming)


if __name__ == "__main__":
    raise_limit_of_files()
    gc.freeze()  # as the command does
    gc.set_threshold(10_000)
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
