"""Which errors and close codes end a session, and what the user is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.realtime.events import ErrorDetails
from geppetto.realtime.verdicts import account_is_closed, close_ending, fatal_ending, is_rate_limit, wait_s
from geppetto.status import ExitStatus


@pytest.mark.parametrize(
    ("code", "status", "step"),
    [
        ("invalid_api_key", ExitStatus.REFUSED, "Check the key."),
        ("missing_model", ExitStatus.REFUSED, "--model"),
        ("invalid_model", ExitStatus.REFUSED, "--model"),
        ("model_not_found", ExitStatus.REFUSED, "--model"),
        ("beta_api_shape_disabled", ExitStatus.REFUSED, "--dialect"),
        ("insufficient_quota", ExitStatus.REFUSED, "billing"),
        ("billing_hard_limit_reached", ExitStatus.REFUSED, "limit"),
        ("account_deactivated", ExitStatus.REFUSED, "provider"),
        ("session_expired", ExitStatus.CONNECTION_LOST, "new session"),
    ],
)
def test_fatal_codes_have_a_next_step(code: str, status: ExitStatus, step: str) -> None:
    """Each ends the session with the server's words, then what to do."""
    error = ErrorDetails(code=code, message="Because.")
    assert account_is_closed(error)
    ending = fatal_ending(error)
    assert ending.status is status
    assert f"Because ({code})." in ending.why
    assert step in ending.why.partition(f"({code}). ")[2]


@pytest.mark.parametrize("code", ["", "server_error", "rate_limit_exceeded", "invalid_value"])
def test_other_codes_are_survived(code: str) -> None:
    """An error is not fatal by itself."""
    assert not account_is_closed(ErrorDetails(code=code))


@pytest.mark.parametrize(
    ("code", "reason", "status", "words"),
    [
        (None, "", ExitStatus.CONNECTION_LOST, "1006, no close frame"),
        (1006, "", ExitStatus.CONNECTION_LOST, "1006, no close frame"),
        (1000, "", ExitStatus.CONNECTION_LOST, "(1000)"),
        (1001, "going away", ExitStatus.CONNECTION_LOST, "(1001, going away)"),
        (1011, "", ExitStatus.CONNECTION_LOST, "(1011)"),
        (1008, "no", ExitStatus.REFUSED, "Check the key, the model and the address."),
        (3000, "invalid_request_error.invalid_api_key", ExitStatus.REFUSED, "Check the key."),
        (4000, "invalid_request_error.invalid_model", ExitStatus.REFUSED, "--model"),
        (4004, "", ExitStatus.REFUSED, "(4004)"),
        (5000, "", ExitStatus.CONNECTION_LOST, "(5000)"),
    ],
)
def test_close_codes(code: int | None, reason: str, status: ExitStatus, words: str) -> None:
    """Some closes are refusals, which another try would only repeat; the rest are losses."""
    ending = close_ending(code, reason)
    assert ending.status is status
    assert words in ending.why
    assert ending.why.endswith(".")


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 1.5s.", 1.5),
        ("Please try again in 250ms. Visit …", 0.25),
        ("Please try again in 1m2.5s.", 62.5),
        ("please TRY AGAIN IN 2m", 120.0),
        ("Try again in 20 seconds", 20.0),
        ("Please try again in 90m", 600.0),
        ("Please try again in " + "9" * 5000 + "m", 600.0),
        ("Please try again in " + "9" * 400 + "s", 600.0),
        ("Please try again later", None),
        ("Please try again in a while", None),
        ("", None),
    ],
)
def test_the_wait_is_what_the_server_says(message: str, seconds: float | None) -> None:
    """Minutes, seconds and milliseconds are read, within a bound; otherwise it is for us to say."""
    assert wait_s(ErrorDetails(message=message)) == seconds


@given(st.text() | st.from_regex(r"try again in [0-9ms. ]*"))
def test_any_message_has_a_wait_or_none(message: str) -> None:
    """Whatever the message, the wait is bounded."""
    wait = wait_s(ErrorDetails(message=message))
    assert wait is None or 0 <= wait <= 600


def test_rate_limits_pass_and_quotas_do_not() -> None:
    """Code or type tells them."""
    assert is_rate_limit(ErrorDetails(code="rate_limit_exceeded"))
    assert is_rate_limit(ErrorDetails(code="inference_rate_limit_exceeded"))
    assert is_rate_limit(ErrorDetails(type="rate_limit_error"))
    assert not is_rate_limit(ErrorDetails(code="insufficient_quota"))
