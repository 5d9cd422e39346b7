"""Why there is no connection, in sentences."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from geppetto.connection.failures import (
    ServerBusy,
    TransientConnectFailed,
    certificate_failure,
    dns_failure,
    not_a_websocket,
    rejection,
    tls_failure,
    transient,
)
from geppetto.errors import ConnectFailed, ServerRefused


def unreachable(cause: BaseException | None) -> OSError:
    """Return what trio raises when every address of a host failed."""
    error = OSError("all attempts to connect to h:1 failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "The name in h:1 cannot be resolved (Name or service"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "h:1 cannot be reached (connection refused)."),
        (unreachable(OSError(errno.ENETUNREACH, "x")), "h:1 cannot be reached (network is unreachable)."),
        (
            unreachable(ExceptionGroup("", [OSError(errno.ECONNREFUSED, "x"), OSError(errno.EHOSTUNREACH, "y")])),
            "h:1 cannot be reached (connection refused).",
        ),
        (unreachable(None), "h:1 cannot be reached (no answer)."),
    ],
)
def test_no_way_to_the_host(error: OSError, words: str) -> None:
    """Name or port is what may be wrong; both can pass."""
    failure = dns_failure("h:1", error)
    assert str(failure).startswith(words)
    assert str(failure).endswith("Check the address and the network.")
    assert isinstance(failure, TransientConnectFailed)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (401, ServerRefused, "it refused the key"),
        (403, ServerRefused, "it refused the key"),
        (404, ServerRefused, "no Realtime server is there"),
        (400, ServerRefused, "it refused the opening handshake"),
        (301, ConnectFailed, "a redirect, which is not followed"),
        (429, ServerBusy, "Try again later."),
        (500, TransientConnectFailed, "Try again later."),
        (503, ServerBusy, "Try again later."),
        (200, ServerRefused, "it refused the opening handshake"),
    ],
)
def test_an_answer_other_than_101(code: int, kind: type[Exception], words: str) -> None:
    """Only what may pass is tried again; a refusal is final."""
    failure = rejection("h:1", code, b"")
    assert type(failure) is kind
    assert str(failure).startswith(f"h:1 answered HTTP {code}")
    assert words in str(failure)


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [(b"7", 7.0), (b"0", 0.0), (b"99999999", 600.0), (b"Wed, 21 Oct 2026 07:28:00 GMT", 0.0), (b"-1", 0.0)],
)
def test_a_busy_server_says_when_to_come_back(value: bytes, wait_s: float) -> None:
    """Seconds are taken, a date is not, and nobody waits for days."""
    failure = rejection("h:1", 429, b"", [(b"Date", b"1"), (b"Retry-After", value)])
    assert isinstance(failure, ServerBusy)
    assert failure.retry_after_s == wait_s


def test_the_body_of_a_rejection_is_shown_in_short_and_safely() -> None:
    """One line of it, without what steers a terminal, and no more than a screen line or two."""
    body = b"<h1>\x1b[2JNo\xff</h1>\r\n\r\n  such   model" + b"x" * 1000
    text = str(rejection("h:1", 404, body))
    assert "(<h1>\\x1b[2JNo\ufffd</h1> such modelxxx" in text
    assert len(text) < 350
    assert "HTTP 404: no" in str(rejection("h:1", 404, None))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (10, "(it has expired). Check the clock"),
        (18, "(it is self-signed). --ca-file names a CA to trust."),
        (20, "(its authority is unknown). --ca-file"),
        (62, "(it is for another host). Check the address."),
        (99, "(something else). --ca-file"),
    ],
)
def test_certificates(code: int, words: str) -> None:
    """The reason decides the next step; nobody is told to switch verification off."""
    error = ssl.SSLCertVerificationError("x")
    error.verify_code = code
    error.verify_message = "something else."
    failure = certificate_failure("h:1", error)
    assert str(failure).startswith("h:1 showed a certificate that cannot be verified ")
    assert words in str(failure)
    assert not isinstance(failure, TransientConnectFailed)


def test_tls_with_something_else() -> None:
    """A port that speaks no TLS is probably one for plain ws; a peer that hangs up may do better next time."""
    error = ssl.SSLError(1, "x")
    error.reason = "WRONG_VERSION_NUMBER"
    assert str(tls_failure("h:1", error)) == (
        "h:1 does not speak TLS as it should (wrong version number). Without TLS it needs a ws:// address."
    )
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    assert isinstance(tls_failure("h:1", error), TransientConnectFailed)


def test_every_sentence_has_a_next_step() -> None:
    """The last sentence of each says what to do."""
    for failure in (transient("It failed."), not_a_websocket("h:1")):
        assert "Check the address" in str(failure)
