"""The sessions of a run beside each other: limits of the server, refusals, a network that is gone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import trio
import trio.testing

from geppetto.errors import ConnectFailed, ConnectionLost, ServerRefused
from tests.fakes.asked import Desk, echo, limited
from tests.fakes.batching import Kept, asks, run_batch
from tests.fakes.scripted_server import error, listening, scripted_server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geppetto.batch.result import Result
    from tests.fakes.asked import Asked
    from tests.fakes.scripted_server import Peer

QUESTIONS = [f"Question {n}?" for n in range(1, 25)]
ANSWERS = [f"<{question}>" for question in QUESTIONS]
JOBS = 4
PAUSE_S = 0.6
HELD = 1
"""Questions that each session has already been handed when the limit comes: they wait behind its present one."""


async def test_a_rate_limit_in_one_session_slows_all(tmp_path: Path) -> None:
    """While one session waits, the others ask no more than what they had at hand."""
    limits: list[float] = []

    async def reply(peer: Peer, asked: Asked) -> None:
        if asked.question == QUESTIONS[8] and not limits:
            limits.append(trio.current_time())
            await peer.send(limited(asked, f"{PAUSE_S:g}s"))
        else:
            await echo(peer, asked)

    desk = Desk(reply)
    async with scripted_server(desk.story) as server:
        ran = await run_batch(
            server.url, tmp_path, asks(*QUESTIONS), jobs=JOBS, context="response", settings={"max_retries": 3}
        )
    assert ran.answers == ANSWERS
    during = [asked for asked in desk.asked if limits[0] < asked.at_s < limits[0] + PAUSE_S * 0.9]
    assert len(during) <= (JOBS - 1) * (1 + HELD)
    after = [asked for asked in desk.asked if asked.at_s >= limits[0] + PAUSE_S * 0.9]
    ahead = (JOBS - 1) * (1 + HELD)  # the others may have been quicker than the ninth
    assert len(after) >= len(QUESTIONS) - 9 - ahead - len(during)


async def test_a_handshake_that_is_put_off_slows_all(tmp_path: Path) -> None:
    """429 with `Retry-After` in one handshake keeps the other sessions from asking, too."""
    refused: list[float] = []
    clients = 0
    desk = Desk(echo)
    async with scripted_server(desk.story) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])

        async def front(stream: trio.SocketStream) -> None:
            """Put off the third client, once; be a wire for the others."""
            nonlocal clients
            clients += 1
            if clients == 3:
                refused.append(trio.current_time())
                await stream.receive_some()
                await stream.send_all(
                    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
                )
                await stream.aclose()
                return
            await _wire(stream, port)

        async with listening(front) as front_port:
            ran = await run_batch(
                f"ws://127.0.0.1:{front_port}/v1/realtime",
                tmp_path,
                asks(*QUESTIONS),
                jobs=JOBS,
                context="response",
                settings={"max_retries": 3},
            )
    assert ran.answers == ANSWERS
    assert refused
    last = max(asked.at_s for asked in desk.asked)
    assert last >= refused[0] + 0.9
    during = [asked for asked in desk.asked if refused[0] + 0.2 < asked.at_s < refused[0] + 0.9]
    assert len(during) <= (JOBS - 1) * (1 + HELD)


async def _wire(stream: trio.SocketStream, port: int) -> None:
    """Carry bytes both ways until either side is done."""
    behind = await trio.open_tcp_stream("127.0.0.1", port)

    async def carry(one: trio.SocketStream, other: trio.SocketStream, scope: trio.CancelScope) -> None:
        try:
            while data := await one.receive_some():
                await other.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    async with behind, stream, trio.open_nursery() as nursery:
        nursery.start_soon(carry, stream, behind, nursery.cancel_scope)
        nursery.start_soon(carry, behind, stream, nursery.cancel_scope)


async def test_a_key_that_is_refused_ends_the_run_at_once(tmp_path: Path) -> None:
    """No question is asked, no session is tried again."""
    connections = 0

    async def story(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        await peer.send(error("invalid_api_key", "Incorrect API key provided."))
        await peer.close(3000, "invalid_request_error.invalid_api_key")
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), jobs=JOBS, context="response")
    assert isinstance(ran.error, ServerRefused)
    assert ran.kept.results == []
    assert connections <= JOBS


async def test_a_handshake_that_is_refused_ends_the_run_at_once(tmp_path: Path) -> None:
    """401 as well, and the manifest has nothing that would have to be mended."""
    async with scripted_server(Desk(echo).story, reject=(401, b"no")) as server:
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), jobs=JOBS, context="response")
    assert isinstance(ran.error, ServerRefused)
    assert ran.kept.results == []


async def test_no_network_ends_the_run(tmp_path: Path) -> None:
    """Nobody listens: no connection, and no result."""
    async with listening(_wire_to_nowhere) as port:
        pass
    ran = await run_batch(f"ws://127.0.0.1:{port}/", tmp_path, asks(*QUESTIONS), jobs=JOBS, context="response")
    assert isinstance(ran.error, ConnectFailed)
    assert ran.kept.results == []


async def _wire_to_nowhere(stream: trio.SocketStream) -> None:
    await stream.aclose()


async def test_a_network_that_goes_down_ends_the_run(tmp_path: Path) -> None:
    """What was answered stays; the run does not fail one question after the other until the input is used up."""
    down = False

    async def story(peer: Peer) -> None:
        if down:
            await peer.drop()
        await desk.story(peer)

    async def reply(peer: Peer, asked: Asked) -> None:
        nonlocal down
        down |= asked.number > 6
        if down:
            await peer.drop()
        await echo(peer, asked)

    desk = Desk(reply)
    async with scripted_server(story) as server:
        ran = await run_batch(
            server.url, tmp_path, asks(*[f"Q{n}?" for n in range(200)]), jobs=JOBS, context="response"
        )
    assert isinstance(ran.error, (ConnectionLost, ConnectFailed))
    assert ran.tally.done >= 1
    assert ran.tally.failed <= 3 * JOBS
    assert ran.tally.unasked >= 1


class SlowReader(Kept):
    """A sink that takes nothing until it is let."""

    def __init__(self) -> None:
        """Hold everything."""
        super().__init__()
        self.let = threading.Event()

    def emit(self, results: Sequence[Result]) -> None:
        """Wait, and keep *results*."""
        assert self.let.wait(15)
        super().emit(results)


async def test_a_session_that_ends_while_the_reader_is_slow_loses_no_result(tmp_path: Path) -> None:
    """What its askers could not tell is told when there is room, once, and nothing is asked twice."""
    reader = SlowReader()

    async def reply(peer: Peer, asked: Asked) -> None:
        await echo(peer, asked)
        if asked.number == 5:  # two are with the reader or behind it, and two askers wait for room
            await peer.close(1000)
            await peer.client_left()

    desk = Desk(reply)

    async def let_go() -> None:
        await desk.wait_for(5)
        await server.connections[0].over.wait()
        await trio.testing.wait_all_tasks_blocked(0.05)
        reader.let.set()

    async with scripted_server(desk.story) as server, trio.open_nursery() as nursery:
        nursery.start_soon(let_go)
        ran = await run_batch(server.url, tmp_path, asks(*QUESTIONS), kept=reader, context="response")
    assert ran.error is None
    assert ran.answers == ANSWERS
    assert set(desk.questions.values()) == {1}
