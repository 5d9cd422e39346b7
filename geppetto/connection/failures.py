"""
Why a connection could not be made, as sentences.

The libraries below print tuples or nothing at all for these, so no `str()` of theirs is shown unseen.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from geppetto.errors import ConnectFailed, ServerRefused
from geppetto.text import escape

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from geppetto.connection.proxy import Proxy
    from geppetto.errors import GeppettoError

_BODY_SHOWN_CHARS = 200
_RETRY_AFTER_MOST_S = 600.0
"""Whoever asks for more has closed for today; the next try will say so."""

_TRUST: Final = "--ca-file names a CA to trust."
_CLOCK: Final = "Check the clock of this machine; if it is right, the server needs another certificate."
_ALLOWED_THERE: Final = "Use another proxy, or have it allowed there."
_CERTIFICATE_FAILURES: Final = {
    9: ("it is not valid yet", _CLOCK),
    10: ("it has expired", _CLOCK),
    18: ("it is self-signed", _TRUST),
    19: ("its authority is unknown", _TRUST),
    20: ("its authority is unknown", _TRUST),
    21: ("its authority is unknown", _TRUST),
    62: ("it is for another host", "Check the address."),
    64: ("it is for another address", "Check the address."),
}
"""By OpenSSL's number, X509_V_ERR_…: what is wrong, and the next step."""

# Source: RFC 1928, 6.
_SOCKS_NOT_ALLOWED: Final = 2
_SOCKS_UNREACHABLE: Final = {
    1: "general failure",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "no answer",
}


class TransientConnectFailed(ConnectFailed):
    """No connection this time; the next try may do better."""


class ServerBusy(TransientConnectFailed):
    """The server has too much to do: HTTP 429 or 503 (RFC 6585, 4; RFC 9110, 15.6.4)."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """What its `Retry-After` asks for; 0 when it does not say, or a date."""


def transient(sentence: str) -> TransientConnectFailed:
    """Return a failure that is worth another try."""
    return TransientConnectFailed(f"{sentence} Check the address and the network.")


def dns_failure(netloc: str, error: OSError) -> TransientConnectFailed:
    """Return why no TCP connection to *netloc* could be made: its name, or its port."""
    if isinstance(error, socket.gaierror):
        return transient(f"The name in {netloc} cannot be resolved ({error.strerror}).")
    return transient(f"{netloc} cannot be reached ({_reason(error)}).")


def _reason(error: OSError) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:  # trio groups the attempts of happy eyeballs below one OSError
        cause = cause.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    number = cause.errno if isinstance(cause, OSError) else None
    return os.strerror(number).lower() if number else "no answer"


def certificate_failure(netloc: str, error: ssl.SSLCertVerificationError) -> ConnectFailed:
    """Return why the certificate that *netloc* showed is not trusted."""
    what, step = _CERTIFICATE_FAILURES.get(error.verify_code, (error.verify_message.rstrip("."), _TRUST))
    return ConnectFailed(f"{netloc} showed a certificate that cannot be verified ({what}). {step}")


def tls_failure(netloc: str, error: ssl.SSLError, *, plain: str = "ws") -> ConnectFailed:
    """
    Return that TLS failed for another reason, usually because the port speaks something else.

    *plain* is the scheme of an address without TLS.
    """
    if error.reason == "UNEXPECTED_EOF_WHILE_READING":
        return transient(f"{netloc} closed the connection during the TLS handshake.")
    reason = (error.reason or "unknown reason").replace("_", " ").lower()
    return ConnectFailed(
        f"{netloc} does not speak TLS as it should ({reason}). Without TLS it needs a {plain}:// address."
    )


def proxy_unreachable(proxy: Proxy, error: OSError) -> TransientConnectFailed:
    """Return why no TCP connection to *proxy* could be made."""
    if isinstance(error, socket.gaierror):
        return transient(f"The name of the proxy {proxy.shown} cannot be resolved ({error.strerror}).")
    return transient(f"The proxy {proxy.shown} cannot be reached ({_reason(error)}).")


def proxy_hung_up(proxy: Proxy) -> TransientConnectFailed:
    """Return that *proxy* closed the connection before there was a tunnel."""
    return transient(f"The proxy {proxy.shown} closed the connection.")


def not_a_proxy(proxy: Proxy) -> ConnectFailed:
    """Return that what listens there answered with something else."""
    kind = "a SOCKS5" if proxy.scheme.startswith("socks") else "an HTTP"
    return ConnectFailed(f"{proxy.shown} answered, but not as {kind} proxy does. Check the proxy's address.")


def proxy_refusal(proxy: Proxy, authority: str, status_code: int) -> ConnectFailed:
    """Return what an answer other than 2xx to `CONNECT` *authority* means."""
    if status_code == 407:
        return _unauthorised(proxy)
    answer = f"The proxy {proxy.shown} answered HTTP {status_code}"
    if status_code == 429 or status_code >= 500:
        return transient(f"{answer}: it could not connect to {authority}.")
    return ConnectFailed(f"{answer}: it refuses to connect to {authority}. {_ALLOWED_THERE}")


def socks_refusal(proxy: Proxy, target: str, code: int | None, said: str) -> ConnectFailed:
    """
    Return what an unfriendly answer of a SOCKS5 proxy means.

    Args:
        proxy: that answered.
        target: host and port that it should have connected to.
        code: the reply field; None when it did not come that far.
        said: the library's own words, which are all that tells the rest apart.
    """
    if code in _SOCKS_UNREACHABLE:
        return transient(f"The proxy {proxy.shown} could not connect to {target} ({_SOCKS_UNREACHABLE[code]}).")
    if code is not None:
        why = "not allowed" if code == _SOCKS_NOT_ALLOWED else f"SOCKS5 reply {code}"
        return ConnectFailed(f"The proxy {proxy.shown} refuses to connect to {target} ({why}). {_ALLOWED_THERE}")
    if "authentication" in said:
        return _unauthorised(proxy)
    if "closed" in said:
        return proxy_hung_up(proxy)
    return not_a_proxy(proxy)


def _unauthorised(proxy: Proxy) -> ConnectFailed:
    if proxy.username is None:
        return ConnectFailed(
            f"The proxy {proxy.shown} wants a user name and a password. Put them into its URL: "
            f"{proxy.scheme}://USER:PASSWORD@{proxy.shown.partition('://')[2]}."
        )
    return ConnectFailed(f"The proxy {proxy.shown} refused the user name or the password. Check them.")


def not_a_websocket(netloc: str) -> ConnectFailed:
    """Return that whatever listens there answered the opening handshake with something else."""
    return ConnectFailed(f"{netloc} answered, but not as a WebSocket server does. Check the address.")


def rejection(
    netloc: str, status_code: int, body: bytes | None, headers: Iterable[tuple[bytes, bytes]] = ()
) -> GeppettoError:
    """Return what an HTTP answer other than 101 to the opening handshake means."""
    said = escape((body or b"").decode("utf-8", "replace").strip())
    said = " ".join(said.split())[:_BODY_SHOWN_CHARS]
    answer = f"{netloc} answered HTTP {status_code}" + (f" ({said})" if said else "")
    if status_code in {429, 503}:
        return ServerBusy(f"{answer}. Try again later.", _retry_after_s(headers))
    if status_code >= 500:
        return TransientConnectFailed(f"{answer}. Try again later.")
    if status_code in {401, 403}:
        return ServerRefused(f"{answer}: it refused the key. Check the key and what it may do.")
    if status_code == 404:
        return ServerRefused(f"{answer}: no Realtime server is there. Check the path and the model in the URL.")
    if 300 <= status_code < 400:
        return ConnectFailed(f"{answer}: a redirect, which is not followed with a key in hand. Use the new address.")
    return ServerRefused(f"{answer}: it refused the opening handshake. Check the URL.")


def _retry_after_s(headers: Iterable[tuple[bytes, bytes]]) -> float:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return min(float(value), _RETRY_AFTER_MOST_S)
    return 0.0
