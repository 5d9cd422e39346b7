"""trio-websocket as it comes, and json: what Geppetto stands on. No log, no transcript."""

from __future__ import annotations

import base64
import json
import sys
import time
import wave

import trio
from trio_websocket import open_websocket_url


async def main(port: int, path: str, questions: int) -> None:
    """Ask, and write what is heard."""
    first_audio_ms: list[float] = []
    async with open_websocket_url(f"ws://127.0.0.1:{port}/v1/realtime?model=gpt-realtime") as ws:
        with wave.open(path, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(24_000)
            session = {"type": "realtime", "output_modalities": ["audio"]}
            await ws.send_message(json.dumps({"type": "session.update", "session": session}))
            for number in range(questions):
                asked, heard = time.perf_counter(), False
                content = [{"type": "input_text", "text": f"What is {number} times 7?"}]
                item = {"type": "message", "role": "user", "content": content}
                await ws.send_message(json.dumps({"type": "conversation.item.create", "item": item}))
                await ws.send_message(json.dumps({"type": "response.create"}))
                while True:
                    event = json.loads(await ws.get_message())
                    if event["type"] == "response.output_audio.delta":
                        pcm = base64.b64decode(event["delta"])
                        if not heard:
                            heard = True
                            first_audio_ms.append((time.perf_counter() - asked) * 1000)
                        wav.writeframesraw(pcm)
                    elif event["type"] == "response.done":
                        break
    print(*first_audio_ms)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
