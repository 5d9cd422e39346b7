"""The way to the server, one piece after the other: name, TCP, proxy, TLS, clock, and then a session."""

from __future__ import annotations

import ipaddress
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import attrs
import trio

from geppetto.connection.dial import Route, dial, port_of, trusting
from geppetto.connection.failures import dns_failure, proxy_unreachable, transient
from geppetto.connection.get import get
from geppetto.connection.proxy import is_loopback, parse_proxy
from geppetto.doctor.check import Examination, ok, skipped, warning
from geppetto.doctor.handshake import open_session
from geppetto.errors import ConfigError, ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from urllib.parse import SplitResult

    from geppetto.config import ClientConfig
    from geppetto.connection.proxy import Proxy
    from geppetto.doctor.check import Finding

T = TypeVar("T")
CLOCK_OFF_MOST_S: Final = 300.0
"""Beyond it, certificates and the expiry of sessions and secrets are judged wrongly."""
CERTIFICATE_SOON_DAYS: Final = 14
_SHOWN_ADDRESSES: Final = 4


@attrs.define(kw_only=True)
class Network:
    """The checks of the way to the server of *config*. Each opens a connection of its own, and closes it."""

    config: ClientConfig
    now: Callable[[], float] = time.time
    """Unix time of this machine."""
    _route: Route | None = attrs.field(default=None, init=False)

    def examinations(self) -> tuple[Examination, ...]:
        """Return them in the order in which one stands on the other."""
        return (
            Examination(name="dns", look=self.dns),
            Examination(name="tcp", look=self.tcp, needs=("dns",)),
            Examination(name="proxy", look=self.proxy, needs=("tcp",)),
            Examination(name="tls", look=self.tls, needs=("proxy",)),
            Examination(name="clock", look=self.clock, needs=("tls",)),
            Examination(name="session", look=self.session, needs=("tls", "key")),
        )

    async def dns(self) -> Finding:
        """
        Resolve each name that this machine, and not a proxy, has to resolve.

        Raises:
            ConnectFailed: it cannot be resolved.
        """
        names = [(self._first_host, self._first_port)]
        proxy = self._proxy
        if proxy is not None and proxy.scheme == "socks5":
            names.append((self._host, port_of(self._address)))
        found: dict[str, list[str]] = {}
        for host, port in names:
            if not _is_address(host):
                found[host] = await self._resolve(host, port)
        left = f" The proxy resolves {self._host}." if proxy is not None and proxy.scheme != "socks5" else ""
        if not found:
            return ok(f"{self._first_host} is an address: there is no name to resolve.{left}")
        said = "; ".join(f"{host} is {', '.join(found[host][:_SHOWN_ADDRESSES])}" for host in found)
        return ok(f"{said}.{left}", addresses=found)

    async def tcp(self) -> Finding:
        """
        Connect to the server, or to the proxy that leads to it.

        Raises:
            ConnectFailed: there is no way.
        """
        try:
            stream = await self._in_time(trio.open_tcp_stream, self._first_host, self._first_port)
        except OSError as error:
            raise self._unreachable(error) from error
        with stream.socket:
            peer = str(stream.socket.getpeername()[0])
        return ok(f"{self._first_shown} takes connections at {peer}.", peer=peer)

    async def proxy(self) -> Finding:
        """
        Go through the proxy, if there is one.

        Raises:
            ConnectFailed: the proxy refused, or cannot reach the server.
        """
        proxy = self._proxy
        if proxy is None:
            return ok("No proxy: the server is reached directly.")
        host = f"[{self._host}]" if ":" in self._host else self._host
        plain = urlsplit(f"ws://{host}:{port_of(self._address)}")
        await trio.aclose_forcefully(await self._in_time(dial, plain, await self.route()))
        return ok(f"{proxy.shown} leads to {self.config.host}.", proxy=proxy.shown)

    async def tls(self) -> Finding:
        """
        Do the TLS handshake, and tell until when the certificate holds.

        Raises:
            ConnectFailed: the certificate cannot be verified, or the server does not speak TLS.
        """
        if self._address.scheme == "ws":
            if is_loopback(self._host):
                return skipped("A ws:// address has no TLS; this one is on this machine.")
            return warning(
                f"What is said to {self.config.host} can be read on the way: a ws:// address has no TLS.",
                "Use a wss:// address.",
            )
        stream = await self._in_time(dial, self._address, await self.route())
        assert isinstance(stream, trio.SSLStream)
        try:
            certificate = stream.getpeercert() or {}
            version = stream.version()
        finally:
            await trio.aclose_forcefully(stream)
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
        days = (ends.timestamp() - self.now()) / 86_400
        issuer = _issuer(certificate)
        details = {"version": version, "issuer": issuer, "expires_at": ends.isoformat()}
        said = (
            f"{version}; the certificate is from {issuer or 'an unnamed authority'} and holds until {ends:%Y-%m-%d}"
        )
        if days < CERTIFICATE_SOON_DAYS:
            when = f"{days:.0f} days" if days >= 1 else "less than a day"
            return warning(
                f"{said}, which is {when} from now.", "Ask whoever runs the server for a new one.", **details
            )
        return ok(f"{said}.", **details)

    async def clock(self) -> Finding:
        """
        Compare this machine's clock with the `Date` of an answer of the server. No key is sent.

        Source: RFC 9110, 6.6.1.
        """
        silent = skipped(f"{self.config.host} tells no time, so the clock of this machine cannot be compared.")
        before = self.now()
        try:
            answer = await get(self.config.url, "/", timeout_s=self.config.connect_timeout, route=await self.route())
            there = parsedate_to_datetime(answer.header(b"date") or "")
        except (ConnectFailed, ValueError):
            return silent
        after = self.now()
        told = there.replace(tzinfo=there.tzinfo or UTC).timestamp()
        off = 0.0 if before - 1 <= told <= after else (before + after) / 2 - told - 0.5  # dates have whole seconds
        details = {"off_s": round(off, 1)}
        if abs(off) <= CLOCK_OFF_MOST_S:
            how = "agrees with" if abs(off) < 2 else f"is {_span(off)} the one of"
            return ok(f"The clock of this machine {how} {self.config.host}.", **details)
        return warning(
            f"The clock of this machine is {_span(off)} the one of {self.config.host}; certificates and expiry dates "
            "are judged by it.",
            "Set the clock, or let it be set: `timedatectl set-ntp true` on most Linux systems.",
            **details,
        )

    async def session(self) -> Finding:
        """
        Do the opening handshake, and wait for `session.created`.

        Raises:
            GeppettoError: the server refused, or was silent, or the connection was lost.
        """
        return await open_session(self.config, await self.route())

    async def route(self) -> Route:
        """
        Return the way to the server.

        Raises:
            ConfigError: the CA file cannot be read.
        """
        if self._route is None:
            needs_context = self.config.ca_file is not None or self._address.scheme == "wss"
            tls = await trio.to_thread.run_sync(trusting, self.config.ca_file) if needs_context else None
            self._route = Route(proxy=self._proxy, tls=tls)
        return self._route

    @property
    def _address(self) -> SplitResult:
        return urlsplit(self.config.url)

    @property
    def _host(self) -> str:
        return self._address.hostname or ""

    @property
    def _proxy(self) -> Proxy | None:
        return None if self.config.proxy is None else parse_proxy(self.config.proxy)

    @property
    def _first_host(self) -> str:
        """The host that TCP goes to."""
        proxy = self._proxy
        return self._host if proxy is None else proxy.host

    @property
    def _first_port(self) -> int:
        proxy = self._proxy
        return port_of(self._address) if proxy is None else proxy.port

    @property
    def _first_shown(self) -> str:
        proxy = self._proxy
        return self.config.host if proxy is None else f"The proxy {proxy.shown}"

    def _unreachable(self, error: OSError) -> ConnectFailed:
        proxy = self._proxy
        return dns_failure(self.config.host, error) if proxy is None else proxy_unreachable(proxy, error)

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            found = await self._in_time(trio.socket.getaddrinfo, host, port, 0, trio.socket.SOCK_STREAM)
        except OSError as error:
            raise self._unreachable(error) from error
        except UnicodeError as error:
            msg = f"{host!r} is not a name that a host can have. Check the address."
            raise ConfigError(msg) from error
        return list(dict.fromkeys(str(one[4][0]) for one in found))

    async def _in_time(self, step: Callable[..., Awaitable[T]], *args: object) -> T:
        """Do one *step* of connecting within the configured time."""
        with trio.move_on_after(self.config.connect_timeout):
            return await step(*args)
        raise transient(f"{self._first_shown} did not answer within {self.config.connect_timeout:g} s.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _issuer(certificate: Mapping[str, Any]) -> str:
    """Return who signed *certificate* (as `getpeercert` has it): the organisation, or the common name."""
    names = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    return str(names.get("organizationName") or names.get("commonName") or "")


def _span(off_s: float) -> str:
    """Return `3 minutes ahead of`."""
    units = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
    unit, seconds = next(one for one in units if abs(off_s) >= one[1] or one[1] == 1)
    count = round(abs(off_s) / seconds)
    plural = "" if count == 1 else "s"
    return f"{count} {unit}{plural} {'ahead of' if off_s > 0 else 'behind'}"
