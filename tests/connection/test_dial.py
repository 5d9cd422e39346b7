"""From an address to a byte stream: directly, through a proxy, with TLS to whom it should be with."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trio
import trustme

from geppetto.connection.dial import DIRECT, Route, dial, trusting
from geppetto.connection.failures import TransientConnectFailed
from geppetto.connection.proxy import parse_proxy
from geppetto.errors import ConfigError, ConnectFailed
from geppetto.status import ExitStatus
from tests.fakes.proxies import connect_proxy, socks_proxy
from tests.fakes.scripted_server import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BOUND_S = 10
AUTHORITY = trustme.CA()
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)


def showing(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server with *certificate*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def believing(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """Return the context of a client that trusts *authority* alone."""
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    assert len(context.get_ca_certs()) == 1
    return context


@asynccontextmanager
async def echo(tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Send back, over TLS if there is a context, what each client sends; yields the port."""

    async def serve(tcp: trio.SocketStream) -> None:
        stream: trio.abc.Stream = tcp if tls is None else trio.SSLStream(tcp, tls, server_side=True)
        try:
            async with stream:
                while data := await stream.receive_some():
                    await stream.send_all(data)
        except trio.BrokenResourceError:
            pass  # the client did not like the certificate

    async with listening(serve) as port:
        yield port


async def said_back(stream: trio.abc.Stream, text: bytes = b"Hello there") -> bytes:
    """Send *text* to an echo and return what comes back."""
    async with stream:
        await stream.send_all(text)
        back = bytearray()
        while len(back) < len(text):
            back += await stream.receive_some()
        return bytes(back)


async def failure(url: str, route: Route = DIRECT) -> ConnectFailed:
    """Return why no connection to *url* could be made."""
    with trio.fail_after(BOUND_S), pytest.raises(ConnectFailed) as caught:
        await dial(urlsplit(url), route)
    assert caught.value.status is ExitStatus.NO_CONNECTION
    return caught.value


# --- certificates


async def test_tls_with_a_trusted_server() -> None:
    """Who shows a certificate of a trusted authority for the right name is spoken with."""
    with trio.fail_after(BOUND_S):
        async with echo(showing(AUTHORITY.issue_cert("localhost"))) as port:
            stream = await dial(urlsplit(f"wss://localhost:{port}"), Route(tls=believing()))
            assert await said_back(stream) == b"Hello there"


@pytest.mark.parametrize(
    ("certificate", "what"),
    [
        (AUTHORITY.issue_cert("localhost", not_after=YESTERDAY), "it has expired). Check the clock of this machine"),
        (AUTHORITY.issue_cert("localhost", not_before=TOMORROW), "it is not valid yet). Check the clock"),
        (AUTHORITY.issue_cert("other.example"), "it is for another host). Check the address."),
        (trustme.CA().issue_cert("localhost"), "its authority is unknown). --ca-file names a CA to trust."),
    ],
    ids=["expired", "not yet valid", "wrong host", "unknown authority"],
)
async def test_certificates_that_cannot_be_verified(certificate: trustme.LeafCert, what: str) -> None:
    """Each fault of a certificate has its own words, and none of them is worth another try."""
    async with echo(showing(certificate)) as port:
        error = await failure(f"wss://localhost:{port}", Route(tls=believing()))
    assert f"localhost:{port} showed a certificate that cannot be verified ({what}" in str(error)
    assert not isinstance(error, TransientConnectFailed)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


async def test_a_self_signed_certificate(tmp_path: Path) -> None:
    """A server that shows a certificate signed by itself is told from one of an unknown authority."""
    itself = trustme.CA()
    itself.cert_pem.write_to_path(tmp_path / "cert.pem")
    itself.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with echo(context) as port:
        error = await failure(f"wss://localhost:{port}", Route(tls=believing()))
    assert "(it is self-signed). --ca-file names a CA to trust." in str(error)


async def test_a_certificate_for_another_address() -> None:
    """A certificate for a name is none for an address."""
    async with echo(showing(AUTHORITY.issue_cert("localhost"))) as port:
        error = await failure(f"wss://127.0.0.1:{port}", Route(tls=believing()))
    assert "(it is for another address). Check the address." in str(error)


async def test_a_server_that_hangs_up_in_the_tls_handshake() -> None:
    """Who closes the connection during the TLS handshake may do better the next time."""

    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    async with listening(hang_up) as port:
        error = await failure(f"wss://localhost:{port}", Route(tls=believing()))
    assert isinstance(error, TransientConnectFailed)
    assert "closed the connection during the TLS handshake" in str(error)


def test_a_ca_file_adds_to_the_default_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authorities of the CA file are trusted besides those that SSL_CERT_FILE names."""
    company, mine = trustme.CA(organization_name="Company"), trustme.CA(organization_name="Mine")
    company.cert_pem.write_to_path(tmp_path / "company.pem")
    mine.cert_pem.write_to_path(tmp_path / "mine.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "company.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    assert len(trusting(None).get_ca_certs()) == 1
    both = trusting(tmp_path / "mine.pem")
    assert len(both.get_ca_certs()) == 2
    assert both.verify_mode is ssl.CERT_REQUIRED
    assert both.check_hostname


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read (no such file or directory)"),
        (b"", "holds no certificate in PEM form"),
        (b"not a certificate\n", "holds no certificate in PEM form"),
        (bytes(range(256)), "holds no certificate in PEM form"),
        (AUTHORITY.private_key_pem.bytes(), "holds no certificate in PEM form"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate in PEM form"),
    ],
    ids=["missing", "empty", "text", "binary", "a key", "broken"],
)
def test_ca_files_that_cannot_be_used(tmp_path: Path, content: bytes | None, what: str) -> None:
    """A CA file that is none is a wrong configuration, and the sentence names it."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        trusting(path)
    assert f"The CA file {path} {what}" in str(caught.value)


def test_a_directory_is_no_ca_file(tmp_path: Path) -> None:
    """A directory in the place of the CA file is a wrong configuration."""
    with pytest.raises(ConfigError, match="Check --ca-file"):
        trusting(tmp_path)


# --- through a proxy


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
@pytest.mark.parametrize("credentials", [None, ("me@home", "a/b#c")], ids=["open", "with credentials"])
async def test_tls_goes_through_the_proxy_to_the_server(scheme: str, credentials: tuple[str, str] | None) -> None:
    """The proxy gets the server's name, the TLS handshake is with that name, and the proxy reads nothing inside."""
    user = "" if credentials is None else "me%40home:a%2Fb%23c@"
    with trio.fail_after(BOUND_S):
        async with echo(showing(AUTHORITY.issue_cert("voice.example"))) as port:
            opened = (
                socks_proxy(port, credentials=credentials)
                if scheme == "socks5h"
                else connect_proxy(
                    port,
                    credentials=credentials,
                    tls=showing(AUTHORITY.issue_cert("localhost")) if scheme == "https" else None,
                )
            )
            async with opened as proxy:
                route = Route(proxy=parse_proxy(f"{scheme}://{user}localhost:{proxy.port}"), tls=believing())
                stream = await dial(urlsplit("wss://voice.example/v1"), route)
                assert await said_back(stream, b"the key") == b"the key"
    assert proxy.targets == ["voice.example:443"]
    assert b"the key" not in proxy.heard


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_plain_ws_goes_through_the_proxy(scheme: str) -> None:
    """Without TLS the stream is the tunnel itself."""
    with trio.fail_after(BOUND_S):
        async with echo(None) as port:
            opened = connect_proxy(port) if scheme == "http" else socks_proxy(port)
            async with opened as proxy:
                route = Route(proxy=parse_proxy(f"{scheme}://127.0.0.1:{proxy.port}"))
                assert await said_back(await dial(urlsplit("ws://localhost:8080"), route)) == b"Hello there"
    if scheme == "socks5":
        assert proxy.targets in (["127.0.0.1:8080"], ["::1:8080"])  # resolved here
    else:
        assert proxy.targets == ["localhost:8080"]


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_literal_ipv6_address_goes_through_the_proxy(scheme: str) -> None:
    """An IPv6 address arrives as one, with brackets where the protocol wants them."""
    with trio.fail_after(BOUND_S):
        async with echo(None) as port:
            opened = connect_proxy(port) if scheme == "http" else socks_proxy(port)
            async with opened as proxy:
                route = Route(proxy=parse_proxy(f"{scheme}://127.0.0.1:{proxy.port}"))
                assert await said_back(await dial(urlsplit("ws://[2001:db8::7]:8080"), route)) == b"Hello there"
    assert proxy.targets == ["[2001:db8::7]:8080" if scheme == "http" else "2001:db8::7:8080"]


async def test_a_certificate_for_the_proxy_is_none_for_the_server() -> None:
    """A server behind a proxy has to show a certificate for its own name."""
    async with echo(showing(AUTHORITY.issue_cert("localhost"))) as port, connect_proxy(port) as proxy:
        route = Route(proxy=parse_proxy(f"http://localhost:{proxy.port}"), tls=believing())
        error = await failure("wss://voice.example", route)
    assert "voice.example showed a certificate that cannot be verified (it is for another host)" in str(error)
    assert not isinstance(error, TransientConnectFailed)


async def test_a_proxy_whose_certificate_is_not_trusted() -> None:
    """An https proxy has to show a certificate, too, and hears no credentials before it has."""
    tls = showing(trustme.CA().issue_cert("localhost"))
    async with connect_proxy(tls=tls) as proxy:
        route = Route(proxy=parse_proxy(f"https://me:hunter2@localhost:{proxy.port}"), tls=believing())
        error = await failure("wss://voice.example", route)
    shown = f"https://me:***@localhost:{proxy.port}"
    assert f"The proxy {shown} showed a certificate that cannot be verified (its authority is unknown)" in str(error)
    assert not proxy.heard


async def test_a_proxy_without_tls() -> None:
    """An https proxy that does not speak TLS gets a sentence that names http."""
    plain = b"HTTP/1.1 400 Bad Request\r\n\r\n"

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(plain)

    async with listening(answer) as port:
        route = Route(proxy=parse_proxy(f"https://localhost:{port}"), tls=believing())
        error = await failure("wss://voice.example", route)
    assert "does not speak TLS" in str(error)
    assert "http:// address" in str(error)


async def test_cancelling_closes_everything() -> None:
    """A dial that is cancelled anywhere on its way leaves no connection behind."""
    ended = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        async with stream:
            while await stream.receive_some():
                heard.set()
        ended.set()

    for scheme in ("http", "https", "socks5h"):
        heard, ended = trio.Event(), trio.Event()
        async with listening(silent) as port:
            route = Route(proxy=parse_proxy(f"{scheme}://127.0.0.1:{port}"), tls=believing())
            with trio.fail_after(BOUND_S):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(dial, urlsplit("wss://voice.example"), route)
                    await heard.wait()
                    nursery.cancel_scope.cancel()
                await ended.wait()


async def test_a_name_that_no_host_can_have() -> None:
    """A label that is too long for DNS is a wrong setting, and no traceback."""
    with trio.fail_after(BOUND_S), pytest.raises(ConfigError, match="is not a name that a host can have"):
        await dial(urlsplit(f"ws://{'a' * 70}.example/v1/realtime"))
