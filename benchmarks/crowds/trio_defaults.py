"""trio-websocket as it comes, and json: a WAV for every session, and nothing else."""

from __future__ import annotations

import base64
import json
import sys
import time
import wave
from array import array
from pathlib import Path

import attrs
import trio
from trio_websocket import open_websocket_url

from benchmarks.crowds.report import Clock, raise_limit_of_files, report

HANDSHAKES = 32
"""At once."""


@attrs.define
class Crowd:
    """The sessions, and where they wait for each other."""

    port: int
    wavs: list[Path]
    heard_at_us: list[array[int]]
    handshakes: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(HANDSHAKES))
    open: int = 0
    ready: trio.Event = attrs.field(factory=trio.Event)
    clock: Clock = attrs.field(factory=Clock)

    async def one(self, number: int) -> None:
        """Connect, wait until all are connected, ask, and write what is heard."""
        await self.handshakes.acquire_on_behalf_of(number)
        url = f"ws://127.0.0.1:{self.port}/v1/realtime?model=gpt-realtime"
        async with open_websocket_url(url) as ws:
            self.handshakes.release_on_behalf_of(number)
            await ws.send_message(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
            self.open += 1
            if self.open == len(self.wavs):
                self.clock = Clock()
                self.ready.set()
            await self.ready.wait()
            content = [{"type": "input_text", "text": "What is 6 times 7?"}]
            item = {"type": "message", "role": "user", "content": content}
            await ws.send_message(json.dumps({"type": "conversation.item.create", "item": item}))
            await ws.send_message(json.dumps({"type": "response.create"}))
            with wave.open(str(self.wavs[number]), "wb") as wav:
                wav.setnchannels(1)
                wav.setsampwidth(2)
                wav.setframerate(24_000)
                while True:
                    event = json.loads(await ws.get_message())
                    if event["type"] == "response.output_audio.delta":
                        pcm = base64.b64decode(event["delta"])
                        self.heard_at_us[number].append(time.monotonic_ns() // 1000)
                        wav.writeframesraw(pcm)
                    elif event["type"] == "response.done":
                        return


async def main(port: int, sessions: int, directory: Path, delta_bytes: int) -> None:
    """Run all of them, and report."""
    crowd = Crowd(
        port, [directory / f"{number}.wav" for number in range(sessions)], [array("q") for _ in range(sessions)]
    )
    async with trio.open_nursery() as nursery:
        for number in range(sessions):
            nursery.start_soon(crowd.one, number)
    report(crowd.heard_at_us, crowd.wavs, delta_bytes, crowd.clock.taken_s())


if __name__ == "__main__":
    raise_limit_of_files()
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
