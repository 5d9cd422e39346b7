"""The `openai` SDK's realtime client: a loop over typed events, `wave` for the file."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
import wave

from openai import AsyncOpenAI


async def main(port: int, path: str, questions: int) -> None:
    """Ask, and write what is heard."""
    client = AsyncOpenAI(websocket_base_url=f"ws://127.0.0.1:{port}/v1", api_key="x")
    first_audio_ms: list[float] = []
    async with client.realtime.connect(model="gpt-realtime") as connection:
        with wave.open(path, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(24_000)
            await connection.session.update(session={"type": "realtime", "output_modalities": ["audio"]})
            for number in range(questions):
                asked, heard = time.perf_counter(), False
                content = f"What is {number} times 7?"
                await connection.conversation.item.create(
                    item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": content}]}
                )
                await connection.response.create()
                async for event in connection:
                    if event.type == "response.output_audio.delta":
                        pcm = base64.b64decode(event.delta)
                        if not heard:
                            heard = True
                            first_audio_ms.append((time.perf_counter() - asked) * 1000)
                        wav.writeframesraw(pcm)
                    elif event.type == "response.done":
                        break
    print(*first_audio_ms)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1))
