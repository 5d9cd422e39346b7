"""An open chat with a scripted server, in one event loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.chat import open_chat
from geppetto.config import ClientConfig
from tests.fakes.scripted_server import scripted_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from geppetto.chat import Chat
    from tests.fakes.scripted_server import ScriptedServer, Story

BOUND_S = 10.0


@attrs.frozen
class Chatting:
    """Both ends."""

    server: ScriptedServer
    chat: Chat


def configure(url: str, cwd: Path, **settings: object) -> ClientConfig:
    """Return a configuration that writes below *cwd* and connects once."""
    values = {"max_retries": 0, "audio_output_dir": cwd / "audio_output", "log_dir": cwd / "logs", **settings}
    return ClientConfig(url=url, **values)  # type: ignore[arg-type]  # each test knows the types of its settings


@asynccontextmanager
async def chatting(story: Story, cwd: Path, **settings: object) -> AsyncIterator[Chatting]:
    """
    Open a chat with a server that plays *story*; leaving the block closes both, in this order.

    Raises whatever `open_chat` raises, as it is.
    """
    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server, open_chat(configure(server.url, cwd, **settings)) as chat:
            yield Chatting(server, chat)
