"""A terminal that takes nothing for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.fakes.program import transcripts
from tests.fakes.scripted_server import audio, created, done, scripted_server, tone, words
from tests.repl.stage import open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

PIECES = 20
PIECE = "{:02d}" + " all work and no play" * 120
"""All of them are more than a pseudo-terminal holds."""


async def test_the_session_goes_on(tmp_path: Path) -> None:
    """Meanwhile pings are answered, the answer is saved, and Ctrl+C is heard; afterwards every word is there."""
    stalled, saved = trio.Event(), trio.Event()

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"))
        await stalled.wait()
        for number in range(PIECES):
            await peer.send(words("resp_1", PIECE.format(number)), audio("resp_1", tone(240)))
            await peer.ping()
        await peer.send(done("resp_1"))
        await peer.ping()
        saved.set()
        await peer.client_left()

    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, columns=100) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.shows("You: Tell me a story.", "receiving")
        stage.stall()
        stalled.set()
        await stage.type("typed meanwhile")
        await saved.wait()
        assert PIECE.format(PIECES - 1)[:2] not in "\n".join(stage.rows)
        stage.go_on()
        await stage.shows("0.2 s of audio", "You: typed meanwhile", "connected")
        whole = "".join(stage.all_rows).replace(" ", "")
        assert "".join(map(PIECE.format, range(PIECES))).replace(" ", "") in whole
        assert whole.count("You:") == 2
        await stage.type("\x03\x04")
        assert await stage.left() == 0
        assert stage.restored
    assert transcripts(tmp_path) == ["".join(map(PIECE.format, range(PIECES)))]
