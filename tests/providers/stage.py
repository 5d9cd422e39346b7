"""A chat with one provider: what was said to it, what came of its answer, and what the user was told beside."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest
import trio

from geppetto.chat import open_chat
from geppetto.errors import ServerRefused
from geppetto.hooks import Hooks
from tests.fakes.chatting import Overhearing, configure
from tests.fakes.program import frames
from tests.fakes.scripted_server import scripted_server
from tests.official_types import check_client_event
from tests.providers.saying import PCM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from geppetto.answer import Answer
    from geppetto.chat import Chat
    from geppetto.config import ClientConfig
    from tests.fakes.scripted_server import ScriptedServer, Seen, Story

BOUND_S: Final = 20.0
KEY: Final = "k-provider-1"
USD: Final = "0.0012256"
"""What `saying.USAGE` costs at `PRICES`: 12 x 4 + 4 x 0.4 + 9 x 24 + 15 x 64 millionths."""
PRICES: Final = """
[prices."{model}"]
input_text = 4
cached_text = 0.4
output_text = 24
output_audio = 64
source = "the test"
"""


@attrs.frozen(kw_only=True)
class Stage:
    """Both ends, and what the user was told."""

    server: ScriptedServer
    chat: Chat
    screen: Overhearing
    config: ClientConfig

    @property
    def seen(self) -> Seen:
        """What the only client did."""
        return self.server.seen

    @property
    def query(self) -> dict[str, str]:
        """The query of the opening handshake; no name comes twice."""
        return query_of(self.seen)

    @property
    def session(self) -> dict[str, Any]:
        """The session that the client asked for."""
        return session_of(self.seen)


def query_of(seen: Seen) -> dict[str, str]:
    """Return the query of an opening handshake, after a check that no name comes twice."""
    pairs = parse_qsl(urlsplit(seen.target).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def session_of(seen: Seen) -> dict[str, Any]:
    """Return the session that a client asked for first."""
    asked: dict[str, Any] = next(event["session"] for event in seen.events if event["type"] == "session.update")
    return asked


@asynccontextmanager
async def talking(
    story: Story, cwd: Path, provider: str, *, target: str = "/v1/realtime", **settings: object
) -> AsyncIterator[Stage]:
    """
    Open a chat with *provider*, whose server plays *story* at *target*; leaving the block closes both.

    Raises whatever `open_chat` raises, as it is.
    """
    screen = Overhearing()
    prices = cwd / "prices.toml"
    await trio.Path(prices).write_text(PRICES.format(model=settings.get("model", "")))
    values = {"provider": provider, "api_key": KEY, "prices_file": prices, **settings}
    with trio.fail_after(BOUND_S):
        async with scripted_server(story) as server:
            url = server.url.replace("/v1/realtime", target)
            config = configure(url, cwd, **values)
            async with open_chat(config, hooks=Hooks(screen=screen)) as chat:
                yield Stage(server=server, chat=chat, screen=screen, config=config)


async def refusal(
    story: Story,
    cwd: Path,
    provider: str,
    *,
    reject: tuple[int, bytes] | None = None,
    target: str = "/v1/realtime",
    **settings: object,
) -> str:
    """Return how the user is told that *provider* refused, after a check that this was not tried again."""
    with trio.fail_after(BOUND_S):
        async with scripted_server(story, reject=reject) as server:
            url = server.url.replace("/v1/realtime", target)
            values = {"provider": provider, "api_key": KEY, "max_retries": 3, **settings}
            with pytest.raises(ServerRefused) as caught:
                async with open_chat(configure(url, cwd, **values)) as chat:
                    await chat.ask("Hello?")
        assert len(server.connections) == 1
    return str(caught.value)


# --- what a client must have said, and what must have come of it


def assert_key(seen: Seen, header: str, value: str = KEY) -> None:
    """Check that the key went in this header, as *value*, and nowhere else."""
    assert seen.header(header) == value
    assert str(seen.headers).count(KEY) == 1
    assert KEY not in seen.target
    assert KEY not in "".join(seen.texts)


def assert_documented(seen: Seen, dialect: str = "ga", *, but: Sequence[str] = ()) -> None:
    """Check each client event against the official types, except those of the types in *but*."""
    for event in seen.events:
        if event["type"] not in but:
            check_client_event(event, "beta" if dialect == "beta" else "ga")


def assert_answer(
    answer: Answer, text: str, *, pcm: bytes | None = None, tokens: int = 40, usd: str | None = USD
) -> None:
    """Check an answer that is complete: words, files, tokens and what they cost."""
    assert (answer.text, answer.status, answer.reason) == (text, "completed", "")
    assert answer.audio_file is not None
    assert frames(answer.audio_file) == (PCM if pcm is None else pcm)
    assert answer.transcript_file is not None
    assert answer.transcript_file.read_text().partition("Transcript:\n")[2] == f"{text}\n"
    assert answer.usage.total_tokens == tokens
    assert (None if answer.cost is None else str(answer.cost.usd)) == usd


def assert_quiet(stage: Stage) -> None:
    """Check that nothing went wrong, and that the user was told of nothing beside the answers."""
    assert stage.screen.notices == []
    assert not stage.chat.metrics.errors
    assert stage.chat.metrics.bad_messages == 0
    assert stage.chat.metrics.unpriced_answers == 0
    assert stage.seen.created_while_active == 0
    assert stage.seen.close_code == 1000
