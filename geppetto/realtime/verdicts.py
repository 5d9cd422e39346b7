"""
Which errors end a session, and with what sentence.

Source: OpenAI Realtime API error codes and close codes as seen on api.openai.com, 2026-09, and at compatible servers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geppetto.errors import Ending
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.realtime.events import ErrorDetails

_NEXT_STEP: Mapping[str, str] = {
    "invalid_api_key": "Check the key.",
    "missing_model": "Name one with `--model`.",
    "invalid_model": "Name another one with `--model`.",
    "model_not_found": "Name another one with `--model`.",
    "beta_api_shape_disabled": "This server speaks GA: leave out `--dialect beta`.",
    "insufficient_quota": "Check the plan and the billing of the account.",
    "billing_hard_limit_reached": "Raise the limit of the account, or wait for the next period.",
    "account_deactivated": "Ask the provider about the account.",
    "model_load_error": "Look into the server's log, or name another model with `--model`.",
    "session_expired": "Start again for a new session.",
    "session_limit_reached": "Try again when another session there has ended.",
}
_LOST = frozenset({"session_expired", "session_limit_reached"})

_REFUSING_CLOSE_CODES = frozenset({1008, 3000})
_BREACHES = frozenset({1002, 1007})
"""Which side closed over it is not known: the library reports its own Close as it does the server's."""


def _name(error: ErrorDetails) -> str:
    """Return the name of *error*: Hugging Face's server has it for its type, and no code."""
    return error.code or error.type


def account_is_closed(error: ErrorDetails) -> bool:
    """Whether *error* would come again, however often we asked: key, model, quota; or the session is over."""
    return _name(error) in _NEXT_STEP


_ENDS_OF_RESPONSE = frozenset(
    {"inference_failed", "prediction_failed", "tts_error", "transcription_failed", "speaker_not_authorized"}
)
_NO_ACTIVE_RESPONSE = re.compile(r"\bno\b.{0,20}\bactive response\b", re.IGNORECASE)


def is_nothing_to_cancel(error: ErrorDetails) -> bool:
    """Whether *error* says that no response ran that could be cancelled; xAI has a code of its own for it."""
    return _name(error) == "response_cancel_not_active" or _NO_ACTIVE_RESPONSE.search(error.message) is not None


def is_active_response(error: ErrorDetails) -> bool:
    """Whether *error* says that a response cannot begin because another one runs; Fish Audio has its own code."""
    return _name(error) in {"conversation_already_has_active_response", "response_already_active"}


def is_end_of_response(error: ErrorDetails) -> bool:
    """Whether *error* is all that comes of a failed response: LocalAI sends no `response.done` then."""
    return error.code in _ENDS_OF_RESPONSE


def is_harmless(error: ErrorDetails) -> bool:
    """Whether *error* says only that a field was not heeded which speaches wants to be there all the same."""
    return error.message.startswith("Specifying `session.turn_detection.prefix_padding_ms` is not supported")


_RATE_LIMITED = frozenset({"rate_limit_exceeded", "inference_rate_limit_exceeded", "rate_limit_error"})
_WAIT = re.compile(r"try again in (?:(\d+)m(?!s))?\s*(?:(\d+(?:\.\d+)?)\s*(ms|s))?", re.IGNORECASE)
_LONGEST_WAIT_S = 600.0


def is_rate_limit(error: ErrorDetails) -> bool:
    """Whether *error* passes by waiting. `insufficient_quota` does not."""
    return error.code in _RATE_LIMITED or error.type in _RATE_LIMITED


def wait_s(error: ErrorDetails) -> float | None:
    """
    Return how long the server says to wait, from `Please try again in 1m2.5s` in its message; None if it does not.

    Source: messages of rate-limit errors at api.openai.com, 2026.
    """
    found = _WAIT.search(error.message)
    if found is None or not (found[1] or found[2]):
        return None
    seconds = 60.0 * float(found[1] or 0)
    if found[2]:
        seconds += float(found[2]) / (1000.0 if found[3].lower() == "ms" else 1.0)
    return min(seconds, _LONGEST_WAIT_S)


def settings_refused(error: ErrorDetails, update_event_id: str) -> bool:
    """
    Whether *error* answers our `session.update`.

    Servers that echo no ids are known by the parameter, by the code, or by the event's name in the message: LocalAI
    has a code for it, speaches and older builds of Hugging Face's server have only words.
    """
    if error.event_id:
        return error.event_id == update_event_id
    if error.code == "unknown_parameter":
        return not error.param.startswith(("item", "response", "type"))
    return (
        error.param.startswith("session.")
        or _name(error) in {"session_update_error", "invalid_session_type"}
        or "session.update" in error.message
    )


def session_ending(error: ErrorDetails, update_event_id: str) -> Ending | None:
    """
    Return the ending that *error* makes; None when the session survives it.

    Args:
        error: what an `error` event holds.
        update_event_id: of the `session.update` that has no answer yet; empty when it has one.
    """
    if account_is_closed(error):
        return fatal_ending(error)
    if update_event_id and settings_refused(error, update_event_id):
        return fatal_ending(error, settings=True)
    return None


def fatal_ending(error: ErrorDetails, *, settings: bool = False) -> Ending:
    """Return the ending that *error* makes."""
    if settings:
        where = f" at {error.param}" if error.param and error.param not in error.message else ""
        return Ending(
            ExitStatus.REFUSED,
            f"The server refused the session settings{where}: {error}. Change that setting.",
        )
    name = _name(error)
    status = ExitStatus.CONNECTION_LOST if name in _LOST else ExitStatus.REFUSED
    said = "ended the session" if name in _LOST else "refused"
    return Ending(status, f"The server {said}: {error}. {_NEXT_STEP[name]}")


def is_final_close(code: int | None, reason: str = "") -> bool:
    """
    Whether a new connection after this close would be unwanted (1000) or end the same way (1009).

    A server that ends an expired session with 1000 has said `session_expired` before, and that is heard first; or it
    says so in the *reason*.
    """
    return code == 1009 or (code == 1000 and _EXPIRED.search(reason) is None)


_EXPIRED = re.compile(r"session_expired|maximum duration", re.IGNORECASE)


def close_ending(code: int | None, reason: str) -> Ending:
    """
    Return the ending that the server's Close makes.

    Args:
        code: RFC 6455 close code; None or 1006 when there was no Close frame.
        reason: the close reason, made safe for a terminal by the caller.
    """
    if code is None or code == 1006:
        return Ending(ExitStatus.CONNECTION_LOST, "The connection was lost (1006, no close frame). Start again.")
    said = f"{code}, {reason}" if reason else f"{code}"
    if code in _REFUSING_CLOSE_CODES or 4000 <= code <= 4999:
        name = reason.rpartition(".")[2]
        step = _NEXT_STEP.get(name, "Check the key, the model and the address.")
        return Ending(ExitStatus.REFUSED, f"The server refused the session ({said}). {step}")
    if code in _BREACHES:
        return Ending(ExitStatus.CONNECTION_LOST, f"The WebSocket protocol was not kept ({said}). Start again.")
    return Ending(ExitStatus.CONNECTION_LOST, f"The server closed the connection ({said}). Start again.")
