"""
Why a connection could not be made, as sentences.

The libraries below print tuples or nothing at all for these, so no `str()` of theirs is shown unseen.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from geppetto.errors import ConnectFailed, ServerRefused
from geppetto.text import escape

if TYPE_CHECKING:
    import ssl

    from geppetto.errors import GeppettoError

_BODY_SHOWN_CHARS = 200


class TransientConnectFailed(ConnectFailed):
    """No connection this time; the next try may do better."""


def transient(sentence: str) -> TransientConnectFailed:
    """Return a failure that is worth another try."""
    return TransientConnectFailed(f"{sentence} Check the address and the network.")


def dns_failure(netloc: str, error: OSError) -> TransientConnectFailed:
    """Return why no TCP connection to *netloc* could be made: its name, or its port."""
    if isinstance(error, socket.gaierror):
        return transient(f"The name in {netloc} cannot be resolved ({error.strerror}).")
    cause: BaseException = error
    while cause.__cause__ is not None:  # trio groups the attempts of happy eyeballs below one OSError
        cause = cause.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    number = cause.errno if isinstance(cause, OSError) else None
    reason = os.strerror(number).lower() if number else "no answer"
    return transient(f"{netloc} cannot be reached ({reason}).")


def certificate_failure(netloc: str, error: ssl.SSLCertVerificationError) -> ConnectFailed:
    """Return why the certificate that *netloc* showed is not trusted."""
    return ConnectFailed(
        f"{netloc} showed a certificate that cannot be verified ({error.verify_message.rstrip('.')}). "
        "Check the address; SSL_CERT_FILE names a file of other authorities to trust."
    )


def tls_failure(netloc: str, error: ssl.SSLError) -> ConnectFailed:
    """Return that TLS failed for another reason, usually because the port speaks something else."""
    reason = (error.reason or "unknown reason").replace("_", " ").lower()
    return ConnectFailed(f"{netloc} does not speak TLS as it should ({reason}). For plain ws use a ws:// address.")


def not_a_websocket(netloc: str) -> ConnectFailed:
    """Return that whatever listens there answered the opening handshake with something else."""
    return ConnectFailed(f"{netloc} answered, but not as a WebSocket server does. Check the address.")


def rejection(netloc: str, status_code: int, body: bytes | None) -> GeppettoError:
    """Return what an HTTP answer other than 101 to the opening handshake means."""
    said = escape((body or b"").decode("utf-8", "replace").strip())
    said = " ".join(said.split())[:_BODY_SHOWN_CHARS]
    answer = f"{netloc} answered HTTP {status_code}" + (f" ({said})" if said else "")
    if status_code == 429 or status_code >= 500:
        return TransientConnectFailed(f"{answer}. Try again later.")
    if status_code in {401, 403}:
        return ServerRefused(f"{answer}: it refused the key. Check the key and what it may do.")
    if status_code == 404:
        return ServerRefused(f"{answer}: no Realtime server is there. Check the path and the model in the URL.")
    if 300 <= status_code < 400:
        return ConnectFailed(f"{answer}: a redirect, which is not followed with a key in hand. Use the new address.")
    return ServerRefused(f"{answer}: it refused the opening handshake. Check the URL.")
