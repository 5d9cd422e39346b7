"""An open chat with a scripted server, in one event loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.chat import open_chat
from geppetto.config import ClientConfig
from geppetto.hooks import NO_HOOKS
from geppetto.notices import Heard, Notice
from tests.fakes.scripted_server import scripted_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from geppetto.chat import Chat
    from geppetto.hooks import Hooks
    from geppetto.notices import ToDisplay
    from tests.fakes.scripted_server import ScriptedServer, Story

BOUND_S = 10.0


@attrs.define
class Overhearing:
    """A screen that keeps what the user is shown."""

    things: list[ToDisplay] = attrs.field(factory=list)

    def show(self, things: Sequence[ToDisplay]) -> None:
        """Keep *things*."""
        self.things += things

    @property
    def notices(self) -> list[str]:
        """What the user is told beside the answers."""
        return [thing.text for thing in self.things if isinstance(thing, Notice)]

    @property
    def heard(self) -> list[str]:
        """What was made of spoken questions."""
        return [thing.text for thing in self.things if isinstance(thing, Heard)]


@attrs.frozen
class Chatting:
    """Both ends."""

    server: ScriptedServer
    chat: Chat


async def audio_came(chat: Chat) -> None:
    """Wait until *chat* has heard audio."""
    while not chat.metrics.audio_bytes:
        await trio.lowlevel.checkpoint()


def configure(url: str, cwd: Path, **settings: object) -> ClientConfig:
    """Return a configuration that writes below *cwd* and connects once."""
    values = {"max_retries": 0, "audio_output_dir": cwd / "audio_output", "log_dir": cwd / "logs", **settings}
    return ClientConfig(url=url, **values)  # type: ignore[arg-type]  # each test knows the types of its settings


@asynccontextmanager
async def chatting(
    story: Story, cwd: Path, *, hooks: Hooks = NO_HOOKS, **settings: object
) -> AsyncIterator[Chatting]:
    """
    Open a chat with a server that plays *story*; leaving the block closes both, in this order.

    Raises whatever `open_chat` raises, as it is.
    """
    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(story) as server,
            open_chat(configure(server.url, cwd, **settings), hooks=hooks) as chat,
        ):
            yield Chatting(server, chat)
