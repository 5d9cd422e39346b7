"""The server drops the connection while somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.repl.cells import width, wrap
from tests.fakes.scripted_server import answer, audio, created, scripted_server, tone, words
from tests.repl.stage import open_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer, ScriptedServer
    from tests.repl.stage import Stage

BEGIN = "Once upon a time there was a puppet whose nose grew longer with every lie. 彼の名前はピノキオ。 He"
REST = " lived with an old man."
AWAY = (503, b"")
"""How a server says that it is not there for the moment."""


class Dropping:
    """A story that drops the first connection when the test wants it, idle or in the middle of an answer."""

    def __init__(self, *, answering: bool) -> None:
        self._answering = answering
        self._connections = 0
        self.drop = trio.Event()

    async def __call__(self, peer: Peer) -> None:
        self._connections += 1
        await peer.greet()
        if self._connections > 1:
            await peer.expect("response.create")
            await peer.send(*answer("resp_2", BEGIN + REST, tone()))
            await peer.client_left()
        elif self._answering:
            await peer.expect("response.create")
            await peer.send(created("resp_1"), audio("resp_1", tone()), words("resp_1", BEGIN))
        await self.drop.wait()
        await peer.drop()

    async def lose(self, server: ScriptedServer, stage: Stage) -> None:
        """Drop it, refuse to be found again, and wait until the screen says so."""
        server.reject = AWAY
        self.drop.set()
        await stage.says("Theconnectionwaslost(1006,nocloseframe);reconnecting")
        await stage.shows("\nreconnecting · ")


def to(url: str) -> list[str]:
    """Return the arguments of a chat with *url* that tries long enough."""
    return ["--url", url, "--max-retries", "8"]


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_lost_during_an_answer(tmp_path: Path, columns: int) -> None:
    """What came stays and is marked, the whole answer comes again, and the line that is typed never moves."""
    story = Dropping(answering=True)
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, columns=columns) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.says(BEGIN.replace(" ", ""))
        await stage.type("漢字 and")
        await stage.shows("You: 漢字 and")
        await story.lose(server, stage)
        assert stage.rows[-2] == "You: 漢字 and"
        assert stage.rows[-1].startswith("reconnecting · ")
        assert stage.screen.cursor.x == width("You: 漢字 and")
        await stage.type(" then")
        await stage.shows("You: 漢字 and then")
        server.reject = None
        await stage.says((BEGIN + REST).replace(" ", ""), "0.1sofaudio")
        await stage.shows("\nconnected · ")
        rows = stage.all_rows
        assert rows[-2] == "You: 漢字 and then"
        assert stage.screen.cursor.x == width(rows[-2])
    assert all(rows.count(row) >= 1 for row in wrap(f"Geppetto: {BEGIN}", columns))
    assert "theanswerispartial" in "".join(rows).replace(" ", "")
    at = len(rows) - 1 - rows[::-1].index(next(row for row in rows[::-1] if row.startswith("Geppetto: ")))
    whole = wrap(f"Geppetto: {BEGIN}{REST}", columns)
    assert rows[at : at + len(whole)] == whole
    assert sum(row.startswith("You: ") for row in rows) == 2
    assert sum(row.startswith(("connected", "reconnecting · ")) for row in rows) == 1


@pytest.mark.parametrize("columns", [40, 200])
async def test_lost_while_nobody_answers(tmp_path: Path, columns: int) -> None:
    """A line can be typed and sent as if nothing was, and is asked when the server is there again."""
    story = Dropping(answering=False)
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, columns=columns) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Tell me")
        await stage.shows("You: Tell me")
        await story.lose(server, stage)
        assert stage.rows[-2] == "You: Tell me"
        await stage.type(" a story.\r")
        await stage.type("and then")
        await stage.shows("You: and then", "You: Tell me a story.")
        server.reject = None
        await stage.says((BEGIN + REST).replace(" ", ""), "0.1sofaudio")
        await stage.shows("\nconnected · ")
        rows = stage.all_rows
    assert rows[-2] == "You: and then"
    assert rows.count("You: Tell me a story.") == 1
    assert sum(row.startswith("You: ") for row in rows) == 2
