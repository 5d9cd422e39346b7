"""The key is in no file, output, traceback or command line, whatever the server says and whatever breaks."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from geppetto.errors import GeppettoError
from geppetto.keys import server_of
from geppetto.keystore.store import KeyStore
from tests.fakes.chatting import chatting
from tests.fakes.program import MODULE, files_below, open_program
from tests.fakes.proxies import connect_proxy
from tests.fakes.scripted_server import (
    answer,
    answers,
    created,
    done,
    error,
    listening,
    scripted_server,
    tone,
    words,
)

if TYPE_CHECKING:
    import trio

    from tests.fakes.program import Ran
    from tests.fakes.scripted_server import Peer, ScriptedServer, Story

KEY = "sk-proj-9f8e7d6c5b4a39281706Zz"
STEM = KEY[:14]
"""As much of the key as an error message that was cut may not show either."""


async def run(tmp_path: Path, server: ScriptedServer, *more: str, program: tuple[str, ...] = MODULE) -> Ran:
    """Run a chat of one question with a stored key; check that the server got the key, and nobody else."""
    cwd = tmp_path / "run"
    cwd.mkdir()
    KeyStore(tmp_path / "config" / "keys.json").set(server_of(server.url), KEY)
    args = ["--url", server.url, "--max-retries", "1", "--metrics", "figures.json", "--log-audio", *more]
    env = {"GEPPETTO_CONFIG_DIR": str(tmp_path / "config")}
    async with open_program(args, cwd=cwd, env=env, run=program) as running:
        cmdline = command_line(running.process.pid)
        await running.type("What is the key?\n")
        await running.end_input()
        ran = await running.left()
    assert any(seen.header("authorization") == f"Bearer {KEY}" for seen in server.connections)
    assert STEM.encode() not in cmdline
    assert STEM not in ran.stdout
    assert STEM not in ran.stderr
    files = files_below(cwd)
    assert any(file.suffix == ".log" for file in files)
    for file in files:
        assert STEM not in str(file)
        assert STEM.encode() not in file.read_bytes(), file
        # The log holds JSON within JSON: what a reader of it would see is looked at as well.
        if file.suffix == ".log":
            for line in file.read_text().splitlines():
                assert STEM not in json.dumps(json.loads(json.loads(line)["raw_json"]))
    return ran


def command_line(pid: int) -> bytes:
    """Return what every user of this machine sees of process *pid*; nothing where there is no /proc."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_bytes() if path.exists() else b""


def chunks(text: str, size: int) -> list[str]:
    """Return *text* in pieces of *size* characters."""
    return [text[start : start + size] for start in range(0, len(text), size)]


async def test_a_session_like_any_other(tmp_path: Path) -> None:
    """A session that goes well leaves no key behind."""
    async with scripted_server(answers(["Fine."])) as server:
        ran = await run(tmp_path, server)
    assert (ran.status, ran.stdout) == (0, "Fine.\n")


@pytest.mark.parametrize("size", [7, 1000], ids=["in pieces", "at once"])
async def test_an_answer_that_says_the_key(tmp_path: Path, size: int) -> None:
    """Neither the terminal nor the transcript has the key that an answer says, not even in two deltas."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        said = [words("resp_1", piece) for piece in chunks(f"It is {KEY}, yes.", size)]
        await peer.send(created("resp_1"), *said, *answer("resp_1", "", tone())[1:])
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run(tmp_path, server)
    assert (ran.status, ran.stdout) == (0, "It is [key], yes.\n")
    (transcript,) = (tmp_path / "run" / "audio_output").glob("*.txt")
    assert "It is [key], yes." in transcript.read_text()


@pytest.mark.parametrize("status", [401, 302, 500])
async def test_a_refusal_that_says_the_key(tmp_path: Path, status: int) -> None:
    """An HTTP refusal whose body has the key, also cut off at its end, is shown without it."""
    body = f"Incorrect API key provided: {KEY}. ".encode() + b"x" * 130 + KEY.encode()
    async with scripted_server(answers([]), reject=(status, body)) as server:
        ran = await run(tmp_path, server)
    assert ran.status in {4, 5}
    assert "[key]" in ran.stderr


def story_of_error(code: str, message: str) -> Story:
    """Return the story of a server that answers the question with an error."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(error(code, message))
        failed = done("resp_1", "failed", error={"message": message})
        await peer.send(created("resp_1"), words("resp_1", "So."), failed)
        await peer.client_left()

    return story


async def test_a_fatal_error_that_says_the_key(tmp_path: Path) -> None:
    """An error that ends the session is shown without the key."""
    async with scripted_server(story_of_error("invalid_api_key", f"Bad key {KEY}")) as server:
        ran = await run(tmp_path, server)
    assert ran.status == 5
    assert "Bad key [key]" in ran.stderr


async def test_an_error_whose_code_is_the_key(tmp_path: Path) -> None:
    """An error that does not end the session is shown and counted without the key."""
    async with scripted_server(story_of_error(KEY, f"Odd: {KEY[:20]}")) as server:
        ran = await run(tmp_path, server)
    assert "[key]" in ran.stderr
    assert "[key]" in (tmp_path / "run" / "figures.json").read_text()


@pytest.mark.parametrize("code", [1011, 4001])
async def test_a_close_reason_that_says_the_key(tmp_path: Path, code: int) -> None:
    """The reason of the server's Close is shown without the key."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.close(code, f"no more {KEY}")
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run(tmp_path, server, "--max-retries", "0")
    assert ran.status in {5, 6}
    assert "no more [key]" in ran.stderr


BUG = """
import sys
from geppetto.cli.main import run
from geppetto.session import Session

def broken(self, event):
    key = self._config.api_key
    raise ZeroDivisionError(f"a bug with {key}") from ValueError(repr([("Authorization", "Bearer " + key)]))

Session.speak = broken
sys.argv[0] = "geppetto"
run()
"""


async def test_a_bug_that_says_the_key(tmp_path: Path) -> None:
    """The traceback of a bug is there, with its causes, and without the key in their messages."""
    async with scripted_server(answers(["Fine."])) as server:
        ran = await run(tmp_path, server, program=("-c", BUG))
    assert ran.status == 1
    assert "ZeroDivisionError: a bug with [key]" in ran.stderr
    assert "Bearer [key]" in ran.stderr


async def test_a_server_that_says_the_password_of_the_proxy(tmp_path: Path) -> None:
    """The password of a proxy is in nothing that is shown or kept either, however the server came to know it."""
    password = "correct-horse/42"

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), words("resp_1", f"It is {password}."), *answer("resp_1", "", tone())[1:])
        await peer.send(error("odd", f"Through correct-horse%2F42, {password}"))
        await peer.close(4001, f"no more {password}")
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        connect_proxy(urlsplit(server.url).port or 0, credentials=("me", password)) as proxy,
    ):
        url = f"http://me:correct-horse%2F42@127.0.0.1:{proxy.port}"
        ran = await run(tmp_path, server, "--insecure-key", "--proxy", url)
    assert ran.stdout == "It is [key].\n"
    assert "Through [key], [key]" in ran.stderr
    assert "no more [key]" in ran.stderr
    assert proxy.clients == 1
    kept = b"".join(file.read_bytes() for file in files_below(tmp_path / "run"))
    assert b"correct-horse" not in kept


async def test_the_python_api_says_no_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The exception that ends a chat, its traceback with all causes, and the logger have no key either."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(error("odd", f"Odd: {KEY}"))
        await peer.close(4001, f"no more {KEY}")
        await peer.client_left()

    with pytest.raises(GeppettoError, match=r"no more \[key\]") as caught:
        async with chatting(story, tmp_path, api_key=KEY) as both:
            await both.chat.ask("Hi")
    assert STEM not in "".join(traceback.format_exception(caught.value))
    assert STEM not in caplog.text


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """Who answers with a redirect to another server does not bring the key, or anybody, there."""
    visitors: list[object] = []

    async def elsewhere(stream: trio.SocketStream) -> None:
        visitors.append(await stream.receive_some())

    async with listening(elsewhere) as port:
        answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: ws://127.0.0.1:{port}/v1\r\nContent-Length: 0\r\n\r\n"
        requests: list[bytes] = []

        async def redirect(stream: trio.SocketStream) -> None:
            requests.append(bytes(await stream.receive_some()))
            await stream.send_all(answer.encode())

        async with listening(redirect) as first:
            url = f"ws://127.0.0.1:{first}/v1/realtime"
            args = ["--url", url, "--max-retries", "1", "--key-env", "MY_KEY"]
            async with open_program(args, cwd=tmp_path, env={"MY_KEY": KEY}) as running:
                ran = await running.left()
    assert ran.status == 4
    assert "redirect" in ran.stderr
    assert len(requests) == 1
    assert f"Bearer {KEY}".encode() in requests[0]
    assert visitors == []
