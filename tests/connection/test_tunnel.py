"""What proxies answer, and the sentence that the user gets for it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trio
import trustme

from geppetto.connection.dial import Route, dial
from geppetto.connection.failures import TransientConnectFailed
from geppetto.connection.proxy import parse_proxy
from geppetto.connection.transport import Limits, open_transport
from geppetto.errors import ConfigError, ConnectFailed
from tests.fakes.program import run_program
from tests.fakes.proxies import connect_proxy, socks_proxy
from tests.fakes.scripted_server import answers, listening, scripted_server, silent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.proxies import FakeProxy

BOUND_S = 10
PROGRAM_BOUND_S = 30
KEY = "sk-somewhat-secret"
PASSWORD = "hunter2-hunter2"
PLAIN = urlsplit("ws://voice.example:8080/v1/realtime")


async def failure(proxy: str) -> ConnectFailed:
    """Return why no tunnel through *proxy* could be had."""
    with trio.fail_after(BOUND_S), pytest.raises(ConnectFailed) as caught:
        await dial(PLAIN, Route(proxy=parse_proxy(proxy)))
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_a_reply_in_many_pieces() -> None:
    """A reply that comes byte by byte is read to its end, and nothing of it gets into the tunnel."""

    async def speak_back(stream: trio.SocketStream) -> None:
        await stream.send_all(b"you said " + await stream.receive_some())

    reply = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 Go ahead\r\nVia: 1.1 somewhere\r\n\r\n"
    with trio.fail_after(BOUND_S):
        async with listening(speak_back) as port, connect_proxy(port, reply=reply, in_pieces=True) as proxy:
            stream = await dial(PLAIN, Route(proxy=parse_proxy(f"http://127.0.0.1:{proxy.port}")))
            async with stream:
                await stream.send_all(b"hello")
                heard = bytearray()
                while data := await stream.receive_some():
                    heard += data
    assert heard == b"you said hello"


@pytest.mark.parametrize(
    ("reply", "said", "transient"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answered HTTP 403: it refuses to connect to voice.example:8080", False),
        (b"HTTP/1.1 405 Method Not Allowed\r\n\r\n", "answered HTTP 405: it refuses to connect", False),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n", "answered HTTP 302: it refuses", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered HTTP 502: it could not connect to voice.example:8080", True),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "answered HTTP 503: it could not connect", True),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "answered, but not as an HTTP proxy does", False),
        (b"HTTP/1.1 " + b"9" * 70_000 + b"\r\n", "answered, but not as an HTTP proxy does", False),
        (b"HTTP/1.1 200 OK\r\n\r\nWelcome", "answered, but not as an HTTP proxy does", False),
        (b"HTTP/1.1 20", "closed the connection", True),
        (b"", "closed the connection", True),
    ],
)
async def test_answers_of_http_proxies(reply: bytes, said: str, transient: bool) -> None:
    """Each answer to CONNECT has its sentence, and is tried again only where that may help."""
    async with connect_proxy(reply=reply) as proxy:
        error = await failure(f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
    assert f"http://me:***@127.0.0.1:{proxy.port} {said}" in str(error)
    assert isinstance(error, TransientConnectFailed) is transient


@pytest.mark.parametrize(
    ("reply", "said", "transient"),
    [
        (1, "could not connect to voice.example:8080 (general failure)", True),
        (2, "refuses to connect to voice.example:8080 (not allowed)", False),
        (3, "could not connect to voice.example:8080 (network unreachable)", True),
        (4, "could not connect to voice.example:8080 (host unreachable)", True),
        (5, "could not connect to voice.example:8080 (connection refused)", True),
        (6, "could not connect to voice.example:8080 (no answer)", True),
        (7, "refuses to connect to voice.example:8080 (SOCKS5 reply 7)", False),
        (99, "answered, but not as a SOCKS5 proxy does", False),
    ],
)
async def test_answers_of_socks_proxies(reply: int, said: str, transient: bool) -> None:
    """Each reply field of SOCKS5 has its sentence, and is tried again only where that may help."""
    async with socks_proxy(reply=reply) as proxy:
        error = await failure(f"socks5h://127.0.0.1:{proxy.port}")
    assert f"socks5h://127.0.0.1:{proxy.port} {said}" in str(error)
    assert isinstance(error, TransientConnectFailed) is transient


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_credentials_that_are_missing_or_wrong(scheme: str) -> None:
    """A proxy that wants other credentials is not asked again, and the sentence says where they go."""
    make = connect_proxy if scheme == "http" else socks_proxy
    async with make(credentials=("me", "right")) as proxy:
        missing = await failure(f"{scheme}://127.0.0.1:{proxy.port}")
        wrong = await failure(f"{scheme}://me:{PASSWORD}@127.0.0.1:{proxy.port}")
    where = f"127.0.0.1:{proxy.port}"
    assert str(missing) == (
        f"The proxy {scheme}://{where} wants a user name and a password. "
        f"Put them into its URL: {scheme}://USER:PASSWORD@{where}."
    )
    assert str(wrong) == (f"The proxy {scheme}://me:***@{where} refused the user name or the password. Check them.")
    assert not any(isinstance(error, TransientConnectFailed) for error in (missing, wrong))
    assert proxy.clients == 2


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_proxy_that_is_not_there(scheme: str) -> None:
    """A proxy that refuses the TCP connection is named, and tried again."""
    async with listening(_hang_up) as port:
        pass
    error = await failure(f"{scheme}://me:{PASSWORD}@127.0.0.1:{port}")
    shown = f"{scheme}://me:***@127.0.0.1:{port}"
    assert f"The proxy {shown} cannot be reached (connection refused)." in str(error)
    assert isinstance(error, TransientConnectFailed)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_whose_name_is_unknown(scheme: str) -> None:
    """A proxy whose name cannot be resolved is named, not the server."""
    error = await failure(f"{scheme}://no-such-proxy.invalid:3128")
    assert f"The name of the proxy {scheme}://no-such-proxy.invalid:3128 cannot be resolved" in str(error)
    assert isinstance(error, TransientConnectFailed)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_hangs_up(scheme: str) -> None:
    """A proxy that closes the connection at once is tried again."""
    async with listening(_hang_up) as port:
        error = await failure(f"{scheme}://127.0.0.1:{port}")
    assert f"The proxy {scheme}://127.0.0.1:{port} closed the connection." in str(error)
    assert isinstance(error, TransientConnectFailed)


async def test_a_web_server_is_no_socks_proxy() -> None:
    """Who answers a SOCKS5 greeting with HTTP is no SOCKS5 proxy."""

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(answer) as port:
        error = await failure(f"socks5h://127.0.0.1:{port}")
    assert "answered, but not as a SOCKS5 proxy does" in str(error)


async def test_a_name_that_no_protocol_can_carry() -> None:
    """A host name with a label that is too long is a wrong configuration."""
    address = urlsplit(f"ws://{'ü' * 64}.example/")
    with trio.fail_after(BOUND_S), pytest.raises(ConfigError, match="is not a name that a host can have"):
        async with connect_proxy() as proxy:
            await dial(address, Route(proxy=parse_proxy(f"http://127.0.0.1:{proxy.port}")))


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
async def test_a_proxy_that_never_answers(scheme: str) -> None:
    """A proxy that takes the connection and says nothing is left after the time for connecting, and named."""

    async def nothing(stream: trio.SocketStream) -> None:
        while await stream.receive_some():
            pass

    limits = Limits(connect_timeout=0.2, write_timeout=1, close_timeout=1, max_message_bytes=1 << 20)
    async with listening(nothing) as port:
        route = Route(proxy=parse_proxy(f"{scheme}://me:{PASSWORD}@127.0.0.1:{port}"))
        with trio.fail_after(BOUND_S), pytest.raises(TransientConnectFailed) as caught:
            async with open_transport(PLAIN.geturl(), [], limits, route):
                pass
    assert f"voice.example:8080 did not answer within 0.2 s through the proxy {scheme}://me:***@127" in str(
        caught.value
    )


def contents_below(directory: Path) -> list[tuple[Path, bytes]]:
    """Return every file below *directory* with what is in it."""
    return [(path, path.read_bytes()) for path in directory.rglob("*") if path.is_file()]


async def _hang_up(stream: trio.SocketStream) -> None:
    await stream.aclose()


# --- the whole program


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
@pytest.mark.parametrize("how", ["--proxy", "GEPPETTO_PROXY", "HTTPS_PROXY"])
async def test_a_chat_through_a_proxy(scheme: str, how: str, tmp_path: Path) -> None:
    """A chat goes through the proxy from a flag or a variable, and the proxy never hears the key or a word."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    make = connect_proxy if scheme == "http" else socks_proxy
    with trio.fail_after(PROGRAM_BOUND_S):
        async with (
            scripted_server(answers(["Safely."]), tls=tls_of(authority, "voice.example")) as server,
            make(urlsplit(server.url).port or 0, credentials=("me", PASSWORD)) as proxy,
        ):
            url = f"{scheme}://me:{PASSWORD}@127.0.0.1:{proxy.port}"
            args = ["--url", "wss://voice.example/v1/realtime", "--key-env", "SOME_KEY", "--ca-file", "ca.pem"]
            env = {"SOME_KEY": KEY}
            if how == "--proxy":
                args += ["--proxy", url]
            else:
                env[how] = url
            ran = await run_program(args, cwd=tmp_path, stdin="A secret question\n", env=env)
    assert (ran.status, ran.stdout) == (0, "Safely.\n"), ran.stderr
    assert server.seen.header("Authorization") == f"Bearer {KEY}"
    assert proxy.targets == ["voice.example:443"]
    assert KEY.encode() not in proxy.heard
    assert b"secret question" not in proxy.heard
    assert not [path for path, content in contents_below(tmp_path) if PASSWORD.encode() in content]
    assert PASSWORD not in ran.stdout + ran.stderr


async def test_a_proxy_that_refuses_is_4_at_once(tmp_path: Path) -> None:
    """407 ends the program with 4 and is not tried again; the key has gone nowhere."""
    async with connect_proxy(credentials=("me", "right")) as proxy:
        ran = await _ran_through(proxy, tmp_path)
    assert ran == (4, f"The proxy http://me:***@127.0.0.1:{proxy.port} refused the user name or the password.")
    assert proxy.clients == 1
    assert KEY.encode() not in proxy.heard


async def test_a_proxy_that_forbids_is_4_at_once(tmp_path: Path) -> None:
    """403 of a proxy is no refused key: it ends the program with 4, and is not tried again."""
    async with connect_proxy(reply=b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        ran = await _ran_through(proxy, tmp_path)
    where = f"http://me:***@127.0.0.1:{proxy.port}"
    assert ran == (4, f"The proxy {where} answered HTTP 403: it refuses to connect to voice.example:443.")
    assert proxy.clients == 1


async def _ran_through(proxy: FakeProxy, cwd: Path) -> tuple[int, str]:
    """Run the program through *proxy*; return its exit status and the first sentence of its last words."""
    args = ["--url", "wss://voice.example/v1/realtime", "--key-env", "SOME_KEY"]
    env = {"SOME_KEY": KEY, "HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}"}
    with trio.fail_after(PROGRAM_BOUND_S):
        ran = await run_program(args, cwd=cwd, stdin="Hi\n", env=env)
    assert PASSWORD not in ran.stderr
    errors = [line for line in ran.stderr.splitlines() if line.startswith("geppetto: ")]
    return ran.status, errors[-1].removeprefix("geppetto: ").partition(". ")[0] + "."


async def test_a_ca_file_that_is_not_there_is_2(tmp_path: Path) -> None:
    """A missing CA file is a wrong configuration, said before anything is dialled."""
    args = ["--url", "wss://voice.example/", "--ca-file", "nowhere.pem"]
    with trio.fail_after(PROGRAM_BOUND_S):
        ran = await run_program(args, cwd=tmp_path, stdin="Hi\n", env={})
    assert ran.status == 2
    assert "The CA file nowhere.pem cannot be read (no such file or directory). Check --ca-file." in ran.stderr


async def test_a_server_on_this_machine_needs_no_proxy(tmp_path: Path) -> None:
    """With a proxy in every variable, a loopback server is still reached directly."""
    async with connect_proxy() as proxy, scripted_server(answers(["Directly."])) as server:
        url = f"http://127.0.0.1:{proxy.port}"
        env = dict.fromkeys(("GEPPETTO_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"), url)
        with trio.fail_after(PROGRAM_BOUND_S):
            ran = await run_program(["--url", server.url], cwd=tmp_path, stdin="Hi\n", env=env)
    assert (ran.status, ran.stdout) == (0, "Directly.\n"), ran.stderr
    assert proxy.clients == 0


async def test_a_wrong_certificate_behind_a_proxy_is_4_at_once(tmp_path: Path) -> None:
    """The certificate of a server is looked at through the proxy, too; one that is wrong ends the program once."""
    authority = trustme.CA()
    async with (
        scripted_server(silent, tls=tls_of(authority, "other.example")) as server,
        connect_proxy(urlsplit(server.url).port or 0) as proxy,
    ):
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        args = ["--url", "wss://voice.example/", "--key-env", "SOME_KEY", "--ca-file", "ca.pem"]
        env = {"SOME_KEY": KEY, "https_proxy": f"127.0.0.1:{proxy.port}"}
        with trio.fail_after(PROGRAM_BOUND_S):
            ran = await run_program(args, cwd=tmp_path, stdin="Hi\n", env=env)
    assert ran.status == 4
    assert "voice.example showed a certificate that cannot be verified (it is for another host)." in ran.stderr
    assert proxy.clients == 1
    assert all(not seen.headers for seen in server.connections)


def tls_of(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """Return the context of a server that *authority* has given a certificate for *name*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context
