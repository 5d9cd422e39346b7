"""`geppetto models`: the server's own list on the way of a session, and the table where there is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.catalogue import CHECKED, MODELS, is_realtime_model, provider_of
from geppetto.cli.models import list_target, parse_models
from geppetto.config import ClientConfig
from geppetto.realtime.dialects import GA
from tests.doctor.http import http_server, reply
from tests.fakes.program import run_program
from tests.fakes.proxies import connect_proxy

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"
ENV = {"SOME_KEY": KEY}
LIST = {
    "object": "list",
    "data": [
        {"id": "gpt-realtime-2.1", "object": "model", "created": 1},
        {"id": "gpt-realtime", "shutdown_date": "2027-01-20T00:00:00Z"},
        {"id": "gpt-9-realtime-\x1b[2J", "shutdown_date": 1_800_000_000},
        {"id": "gpt-realtime-whisper"},
        {"id": "text-model"},
        {"no": "id"},
        7,
    ],
}


def asked(url: str, *more: str) -> list[str]:
    """Return the arguments that ask a server with a key."""
    return ["models", "--url", url, "--key-env", "SOME_KEY", "--connect-timeout", "5", *more]


async def test_the_servers_own_list(tmp_path: Path) -> None:
    """The realtime ones by name, with the day on which they end; the others are counted; the key is shown."""
    async with http_server(reply(json.dumps(LIST).encode())) as server:
        ran = await run_program(asked(server.url), cwd=tmp_path, env=ENV)
    assert ran.status == 0
    names = [line.split()[0] for line in ran.stdout.splitlines()]
    assert names == ["gpt-9-realtime-\\x1b[2J", "gpt-realtime", "gpt-realtime-2.1"]
    assert "shuts down 2027-01-20" in ran.stdout
    assert "shuts down 2027-01-15" in ran.stdout
    assert ran.stderr == "2 others are no realtime models by their names; --all lists them, too.\n"
    (request,) = server.requests
    assert request.startswith("GET /v1/models HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}\r\n" in request


async def test_all_of_it_as_json(tmp_path: Path) -> None:
    """One object that says who told it."""
    async with http_server(reply(json.dumps(LIST).encode())) as server:
        ran = await run_program(asked(server.url, "--all", "--json"), cwd=tmp_path, env=ENV)
    listing = json.loads(ran.stdout)
    assert (listing["source"], listing["checked"], len(listing["models"])) == ("server", None, 5)


async def test_names_that_tell_nothing(tmp_path: Path) -> None:
    """A server whose models are called otherwise: all of them, and it is said."""
    async with http_server(reply(b'{"data": [{"id": "my-pipeline"}]}')) as server:
        ran = await run_program(asked(server.url), cwd=tmp_path, env=ENV)
    assert (ran.status, ran.stdout) == (0, "my-pipeline\n")
    assert "so all are listed" in ran.stderr


@pytest.mark.parametrize("answer", [reply(status="404 Not Found"), reply(b"<html>"), reply(b'{"data": 1}')])
async def test_a_server_without_a_list(tmp_path: Path, answer: bytes) -> None:
    """The known models, with the day on which they were known."""
    async with http_server(answer) as server:
        ran = await run_program(asked(server.url), cwd=tmp_path, env=ENV)
    assert ran.status == 0
    assert ran.stdout.startswith("gpt-realtime-2.1 ")
    assert f"These were known on {CHECKED}." in ran.stderr
    assert f"Which of them 127.0.0.1:{server.port} has is not known." in ran.stderr


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(f"bad key {KEY}".encode(), status="401 Unauthorized"), 5),
        (reply(status="503 Busy"), 4),
        (reply(status="302 Found", headers="Location: http://127.0.0.1:1/\r\n"), 4),
        (b"", 4),
        (b"SSH-2.0\r\n\r\n", 4),
    ],
    ids=["refused", "busy", "redirect", "nothing", "no HTTP"],
)
async def test_what_goes_wrong_is_a_sentence(tmp_path: Path, answer: bytes, status: int) -> None:
    """With its status, and never with the key."""
    async with http_server(answer) as server:
        ran = await run_program(asked(server.url), cwd=tmp_path, env=ENV)
    assert (ran.status, ran.stdout) == (status, "")
    assert ran.stderr.startswith("geppetto: 127.0.0.1:")
    assert ran.stderr.count("\n") == 1
    assert KEY not in ran.stderr


async def test_through_the_proxy_of_a_session(tmp_path: Path) -> None:
    """The list is asked for on the same way."""
    async with http_server(reply(json.dumps(LIST).encode())) as server, connect_proxy(server.port) as proxy:
        args = asked("ws://voice.example:8080/v1/realtime", "--proxy", f"http://127.0.0.1:{proxy.port}")
        ran = await run_program(["models", *args[1:3], *args[5:]], cwd=tmp_path)
    assert ran.status == 0, ran.stderr
    assert proxy.targets == ["voice.example:8080"]


async def test_nobody_is_asked(tmp_path: Path) -> None:
    """--known needs neither a key nor a network; nor does --offline, which has its own."""
    ran = await run_program(["models", "--known"], cwd=tmp_path)
    assert ran.status == 0
    shown = [line.split()[0] for line in ran.stdout.splitlines()]
    assert shown == [model.name for model in MODELS if model.provider == "openai"]
    ran = await run_program(["models", "--offline", "--json"], cwd=tmp_path)
    listing = json.loads(ran.stdout)
    assert (ran.status, listing["source"], listing["models"][0]["name"]) == (0, "offline", GA.default_model)


async def test_without_a_key_openai_is_not_asked(tmp_path: Path) -> None:
    """It is 2, with the variable's name."""
    ran = await run_program(["models"], cwd=tmp_path)
    assert (ran.status, ran.stdout) == (2, "")
    assert "OPENAI_API_KEY" in ran.stderr


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("wss://api.openai.com/v1/realtime?model=gpt-realtime", "/v1/models"),
        ("wss://x.openai.azure.com/openai/v1/realtime/", "/openai/v1/models"),
        ("wss://x.openai.azure.com/openai/realtime?api-version=1&deployment=d", "/openai/models?api-version=1"),
        ("ws://127.0.0.1:1/api-ws/other", None),
        ("ws://127.0.0.1:1", None),
    ],
)
def test_where_the_list_is(url: str, target: str | None) -> None:
    """Beside the address of the sessions, without what a session is opened with."""
    assert list_target(url) == target


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_answer_is_a_traceback(body: bytes) -> None:
    """Whatever the server says."""
    parse_models(body)
    parse_models(b'{"data": [{"id": "a", "shutdown_date": %s}]}' % (body or b"1e999"))


def test_the_default_is_in_the_table() -> None:
    """And what the table calls a model sounds like one."""
    assert GA.default_model in {model.name for model in MODELS}
    assert all(is_realtime_model(model.name) for model in MODELS)
    assert not is_realtime_model("gpt-realtime-translate")


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("wss://api.openai.com/v1/realtime", "openai"),
        ("wss://eu.api.openai.com/v1/realtime", "openai"),
        ("wss://mine.openai.azure.com/openai/v1/realtime", "openai"),
        ("wss://api.x.ai/v1/realtime", "xai"),
        ("wss://api.openai.com.evil.example/v1/realtime", None),
    ],
)
def test_whose_server_it_is(url: str, provider: str | None) -> None:
    """By its host alone."""
    assert provider_of(ClientConfig(url=url)) == provider
