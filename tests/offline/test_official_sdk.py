"""The official SDK, a client that nobody here wrote, talks with the embedded server."""

from __future__ import annotations

import asyncio
import base64
import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio
from openai import AsyncOpenAI

from geppetto.offline.server import open_offline_server
from geppetto.offline.voice import ToneVoice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from openai.resources.realtime.realtime import AsyncRealtimeConnection

    from geppetto.offline.brain import Exchange
    from geppetto.offline.server import OfflineServer

LIMIT_S = 15


class Counting:
    """A brain that shows what it remembers."""

    def answer(self, question: str, history: Sequence[Exchange], instructions: str = "") -> str:
        before = ", ".join(one.question for one in history) or "nothing"
        return f"You asked: {question} Before that: {before}."


@contextmanager
def server_in_a_thread() -> Iterator[OfflineServer]:
    """Run the server under trio in a thread of its own, next to the SDK's asyncio."""
    told: queue.SimpleQueue[OfflineServer] = queue.SimpleQueue()
    scope = trio.CancelScope()
    token: list[trio.lowlevel.TrioToken] = []

    async def serve() -> None:
        token.append(trio.lowlevel.current_trio_token())
        with scope:
            async with open_offline_server(voice=ToneVoice(5), brain=Counting(), lead_s=0) as server:
                told.put(server)
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    try:
        yield told.get(timeout=LIMIT_S)
    finally:
        token[0].run_sync_soon(scope.cancel)
        thread.join(LIMIT_S)
        assert not thread.is_alive()


async def ask(connection: AsyncRealtimeConnection, question: str) -> tuple[str, str, bytes]:
    """Ask one question; return the status, the words and the audio of the answer."""
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    )
    await connection.response.create()
    words, audio = "", b""
    async for event in connection:
        if event.type == "response.output_audio_transcript.delta" or event.type == "response.output_text.delta":
            words += event.delta
        elif event.type == "response.output_audio.delta":
            audio += base64.b64decode(event.delta)
        elif event.type == "response.done":
            return str(event.response.status), words, audio
        elif event.type == "error":
            raise AssertionError(event.error.message)
    raise AssertionError("the connection ended")


async def talk(server: OfflineServer) -> list[tuple[str, str, bytes]]:
    async with (
        AsyncOpenAI(api_key=server.key, websocket_base_url=server.url.removesuffix("/realtime")) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        created = await connection.recv()
        assert created.type == "session.created"
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        spoken = await ask(connection, "Who are you?")
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        written = await ask(connection, "And I?")
        return [spoken, written]


async def refused(server: OfflineServer) -> str | None:
    async with (
        AsyncOpenAI(api_key="wrong", websocket_base_url=server.url.removesuffix("/realtime")) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        event = await connection.recv()
        assert event.type == "error"
        return event.error.code


def test_two_questions_through_the_official_sdk() -> None:
    """A spoken and a written answer arrive whole, and the second one knows of the first question."""
    with server_in_a_thread() as server:
        spoken, written = asyncio.run(asyncio.wait_for(talk(server), LIMIT_S))
    said = "You asked: Who are you? Before that: nothing."
    audio = b"".join(ToneVoice(5).speak(part) for part in ("You asked: Who are you?", "Before that: nothing."))
    assert spoken == ("completed", said, audio)
    assert written == ("completed", "You asked: And I? Before that: Who are you?.", b"")


def test_wrong_key_through_the_official_sdk() -> None:
    """The SDK is told why it is refused."""
    with server_in_a_thread() as server:
        assert asyncio.run(asyncio.wait_for(refused(server), LIMIT_S)) == "invalid_api_key"
