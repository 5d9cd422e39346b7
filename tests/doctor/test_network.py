"""The way to a server, with real sockets: each obstacle is found by the check that is for it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trustme

from geppetto.config import ClientConfig
from geppetto.doctor.check import examine
from geppetto.doctor.network import Network
from geppetto.status import ExitStatus
from tests.doctor.http import http_server, reply
from tests.fakes.proxies import connect_proxy
from tests.fakes.scripted_server import error, listening

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.doctor.check import Check
    from tests.fakes.scripted_server import Peer

BOUND_S = 10
KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"
AUTHORITY = trustme.CA(organization_name="Fair Play")
LATER = datetime.now(UTC) + timedelta(days=90)


async def examined(config: ClientConfig, *, now: float | None = None) -> dict[str, Check]:
    """Make the checks of the way to the server of *config*, by their names."""

    async def tell(_: Check) -> None:
        pass

    network = Network(config=config) if now is None else Network(config=config, now=lambda: now)
    with trio.fail_after(BOUND_S):
        made = await examine(network.examinations(), tell, config.redactor)
    return {check.name: check for check in made}


def verdicts(checks: dict[str, Check]) -> dict[str, str]:
    """Return only what each came to."""
    return {name: check.verdict for name, check in checks.items()}


def tls(*, until: datetime = LATER, host: str = "localhost") -> ssl.SSLContext:
    """Return the context of a server with a certificate of `AUTHORITY`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(host, not_after=until).configure_cert(context)
    return context


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """The certificate of `AUTHORITY`, to be trusted."""
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path


async def greet(peer: Peer) -> None:
    """Open the session, and wait until the client has left."""
    await peer.send({"type": "session.created", "session": {"id": "sess_7"}})
    await peer.client_left()


def dated(when: datetime) -> bytes:
    """Return an answer of the moment *when*."""
    return reply(status="404 Not Found", headers=f"Date: {format_datetime(when, usegmt=True)}\r\n")


async def test_a_good_way_is_good_all_along(ca_file: Path) -> None:
    """Each check tells what it saw; the key is shown to the session alone, and the session is closed with 1000."""
    async with http_server(dated(datetime.now(UTC)), story=greet, tls=tls()) as server:
        checks = await examined(ClientConfig(url=server.url, ca_file=ca_file, api_key=KEY))
        assert set(verdicts(checks).values()) == {"ok"}, checks
        await server.scripted.seen.over.wait()
    assert "localhost is 127.0.0.1" in checks["dns"].sentence.replace("::1, ", "")
    assert checks["tls"].details["expires_at"] == LATER.replace(microsecond=0).isoformat()
    assert f"Fair Play and holds until {LATER:%Y-%m-%d}" in checks["tls"].sentence
    assert checks["session"].details["session_id"] == "sess_7"
    assert server.scripted.seen.header("Authorization") == f"Bearer {KEY}"
    assert server.scripted.seen.close_code == 1000
    assert KEY not in "".join(server.requests)
    assert KEY not in str(checks)


async def test_a_certificate_that_ends_soon_is_a_warning(ca_file: Path) -> None:
    """It still works, and somebody has to act."""
    soon = datetime.now(UTC) + timedelta(days=3, hours=1)
    async with http_server(story=greet, tls=tls(until=soon)) as server:
        checks = await examined(ClientConfig(url=server.url, ca_file=ca_file))
    assert checks["tls"].verdict == "warning"
    assert "3 days from now" in checks["tls"].sentence
    assert checks["session"].verdict == "ok"


@pytest.mark.parametrize(
    ("kind", "said"), [("expired", "it has expired"), ("other host", "it is for another host"), ("unknown", "signed")]
)
async def test_a_bad_certificate_fails_the_check_tls(ca_file: Path, kind: str, said: str) -> None:
    """The rest is not tried, and the status is 4."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    context = tls(
        until=yesterday if kind == "expired" else LATER, host="example.net" if "host" in kind else "localhost"
    )
    if kind == "unknown":
        trustme.CA().issue_cert("localhost").configure_cert(context)
    async with http_server(story=greet, tls=context) as server:
        checks = await examined(ClientConfig(url=server.url, ca_file=ca_file))
    assert verdicts(checks) == {
        "dns": "ok", "tcp": "ok", "proxy": "ok", "tls": "failed", "clock": "skipped", "session": "skipped"
    }  # fmt: skip
    assert said in checks["tls"].sentence.replace("its authority is unknown", "signed")
    assert checks["tls"].status is ExitStatus.NO_CONNECTION
    assert checks["tls"].next_step


@pytest.mark.parametrize(
    ("off_s", "verdict", "said"),
    [
        (0, "ok", "agrees with"),
        (200, "ok", "3 minutes ahead of"),
        (-299, "ok", "behind"),
        (400, "warning", "7 minutes ahead of"),
        (-90_000, "warning", "1 day behind"),
    ],
)
async def test_the_clock_is_compared_with_the_servers(off_s: int, verdict: str, said: str) -> None:
    """More than five minutes are a warning, in words that say which of the two is ahead."""
    there = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
    async with http_server(dated(there), story=greet) as server:
        checks = await examined(ClientConfig(url=server.url), now=there.timestamp() + 0.5 + off_s)
    assert checks["clock"].verdict == verdict
    assert said in checks["clock"].sentence
    assert bool(checks["clock"].next_step) is (verdict == "warning")


@pytest.mark.parametrize("answer", [b"", reply(), reply(headers="Date: soon\r\n"), b"SSH-2.0\r\n\r\n"])
async def test_a_server_that_tells_no_time_stops_nothing(answer: bytes) -> None:
    """There is nothing to compare then, and the session is tried all the same."""
    async with http_server(answer, story=greet) as server:
        checks = await examined(ClientConfig(url=server.url))
    assert (checks["clock"].verdict, checks["session"].verdict) == ("skipped", "ok")


async def test_a_name_that_nobody_knows() -> None:
    """It is the check dns that fails."""
    checks = await examined(ClientConfig(url="wss://nowhere.invalid/v1/realtime"))
    assert checks["dns"].verdict == "failed"
    assert "The name in nowhere.invalid cannot be resolved" in checks["dns"].sentence
    assert {check.verdict for name, check in checks.items() if name != "dns"} == {"skipped"}


async def test_a_name_that_is_none() -> None:
    """A label that is too long for DNS is a sentence, and no traceback."""
    checks = await examined(ClientConfig(url=f"ws://{'a' * 70}.example/v1/realtime"))
    assert checks["dns"].verdict == "failed"


async def test_a_port_where_nobody_listens() -> None:
    """It is the check tcp that fails."""
    async with listening(lambda stream: stream.aclose()) as port:
        pass
    checks = await examined(ClientConfig(url=f"ws://127.0.0.1:{port}/v1/realtime"))
    assert (checks["dns"].verdict, checks["tcp"].verdict, checks["proxy"].verdict) == ("ok", "failed", "skipped")
    assert "connection refused" in checks["tcp"].sentence


async def test_a_proxy_that_refuses() -> None:
    """TCP to the proxy is fine, the way through it is not; its password is not shown."""
    async with connect_proxy(credentials=("user", "right-password")) as proxy:
        url = f"http://user:wrong-password@127.0.0.1:{proxy.port}"
        checks = await examined(ClientConfig(url="wss://voice.example/v1/realtime", proxy=url))
    assert verdicts(checks)["tcp"] == "ok"
    assert "The proxy resolves voice.example." in checks["dns"].sentence
    assert checks["proxy"].verdict == "failed"
    assert "refused the user name or the password" in checks["proxy"].sentence
    assert "wrong-password" not in str(checks)


async def test_a_proxy_that_leads_there() -> None:
    """Everything goes through it."""
    async with http_server(dated(datetime.now(UTC)), story=greet) as server, connect_proxy(server.port) as proxy:
        config = ClientConfig(url="ws://voice.example:8080/v1/realtime", proxy=f"http://127.0.0.1:{proxy.port}")
        checks = await examined(config)
    assert verdicts(checks) == {
        "dns": "ok", "tcp": "ok", "proxy": "ok", "tls": "warning", "clock": "ok", "session": "ok"
    }  # fmt: skip
    assert set(proxy.targets) == {"voice.example:8080"}


async def test_a_refused_key() -> None:
    """A server that says so after the upgrade, and one that says so by HTTP: both are 5."""

    async def turn_away(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", f"Incorrect key {KEY}."))
        await peer.close(3000, "invalid_request_error.invalid_api_key")

    async with http_server(story=turn_away) as server:
        checks = await examined(ClientConfig(url=server.url, api_key=KEY))
    assert checks["session"].status is ExitStatus.REFUSED
    assert "invalid_api_key" in checks["session"].sentence
    assert KEY not in str(checks)
    async with http_server(story=turn_away) as server:
        server.scripted.reject = (401, b"no")
        checks = await examined(ClientConfig(url=server.url, api_key=KEY))
    assert checks["session"].status is ExitStatus.REFUSED


async def test_a_server_that_opens_no_session() -> None:
    """Silence behind the handshake, and a connection that goes away there, are told apart."""

    async def hush(peer: Peer) -> None:
        await peer.client_left()

    async def leave(peer: Peer) -> None:
        await peer.drop()

    for story, said, status in (
        (hush, "opened no session within 0.5 s", ExitStatus.NO_CONNECTION),
        (leave, "was lost", ExitStatus.CONNECTION_LOST),
    ):
        async with http_server(story=story) as server:
            checks = await examined(attrs.evolve(ClientConfig(url=server.url), connect_timeout=0.5))
        assert checks["session"].verdict == "failed"
        assert said in checks["session"].sentence
        assert checks["session"].status is status
