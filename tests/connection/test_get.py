"""One request to a server, and every kind of answer that is none."""

from __future__ import annotations

import pytest
import trio

from geppetto.connection.dial import Route
from geppetto.connection.failures import TransientConnectFailed
from geppetto.connection.get import MAX_BODY_BYTES, get
from geppetto.connection.proxy import parse_proxy
from geppetto.errors import ConnectFailed
from tests.doctor.http import http_server, reply
from tests.fakes.proxies import connect_proxy
from tests.fakes.scripted_server import listening

BOUND_S = 10


async def test_an_answer_comes_whole() -> None:
    """Status, headers and a body in chunks are handed over, and the request names the server and the key."""
    chunked = b"HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with trio.fail_after(BOUND_S):
        async with http_server(b"HTTP/1.1 103 Early Hints\r\n\r\n" + chunked) as server:
            answer = await get(server.url, "/v1/models?a=b", [("Authorization", "Bearer k")], timeout_s=5)
    assert (answer.status_code, answer.body, answer.header(b"date")) == (200, b"abcde", "today")
    (request,) = server.requests
    assert request.startswith("GET /v1/models?a=b HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in request
    assert "Authorization: Bearer k\r\n" in request


async def test_a_body_that_ends_with_the_connection() -> None:
    """An answer without a length is read until the server closes."""
    with trio.fail_after(BOUND_S):
        async with http_server(b"HTTP/1.0 404 Not Found\r\n\r\nnothing") as server:
            answer = await get(server.url, "/", timeout_s=5)
    assert (answer.status_code, answer.body) == (404, b"nothing")


async def test_through_a_proxy() -> None:
    """The request goes the way that a session goes."""
    with trio.fail_after(BOUND_S):
        async with http_server(reply(b"{}")) as server, connect_proxy(server.port) as proxy:
            route = Route(proxy=parse_proxy(f"http://127.0.0.1:{proxy.port}"))
            answer = await get("ws://voice.example:8080/v1/realtime", "/", timeout_s=5, route=route)
    assert answer.body == b"{}"
    assert proxy.targets == ["voice.example:8080"]


@pytest.mark.parametrize(
    ("answer", "said", "passes"),
    [
        (b"", "closed the connection before its answer was whole", True),
        (b"HTTP/1.1 2", "closed the connection", True),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "not as an HTTP server does", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", "closed the connection", True),
        (reply(bytes(MAX_BODY_BYTES + 1)), "more than 4 MiB", False),
    ],
    ids=["nothing", "half a line", "another protocol", "half a body", "too much"],
)
async def test_what_is_no_answer(answer: bytes, said: str, passes: bool) -> None:
    """Each is a sentence, and what may pass is told apart from what will not."""
    with trio.fail_after(BOUND_S):
        async with http_server(answer) as server:
            with pytest.raises(ConnectFailed, match=said) as caught:
                await get(server.url, "/", timeout_s=5)
    assert isinstance(caught.value, TransientConnectFailed) is passes


async def test_a_server_that_says_nothing_is_left() -> None:
    """The time that it is given counts for all of the exchange."""

    async def say_nothing(stream: trio.SocketStream) -> None:
        async with stream:
            await trio.sleep_forever()

    with trio.fail_after(BOUND_S):
        async with listening(say_nothing) as port:
            with pytest.raises(TransientConnectFailed, match=r"did not answer within 0\.2 s"):
                await get(f"ws://127.0.0.1:{port}/", "/", timeout_s=0.2)
