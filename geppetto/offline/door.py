"""
Who may come in: the request line and headers of the opening handshake, judged as the live service does.

Like there, a wrong key or a missing model is told after a successful upgrade: one `error` event, then a close frame
whose reason is `<error type>.<error code>`.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH: Final = "/v1/realtime"


class NotFound(Exception):
    """There is nothing at this path: HTTP 404."""


class TurnedAway(Exception):
    """The client is let in only to be told why it may not stay: an `error` event and a close frame."""

    def __init__(self, close_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.code = code
        self.message = message

    @property
    def close_reason(self) -> str:
        """Return the reason of the close frame."""
        return f"invalid_request_error.{self.code}"


def asked_model(
    target: str,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    key: str | None,
    dialect: Literal["ga", "beta"],
) -> str:
    """
    Return the model that a client asks for.

    Args:
        target: Path and query of the request line.
        headers: Names in any case.
        key: What the client must show, as a bearer token or as `api-key`; None for nothing.

    Raises:
        NotFound: the path is not the one of the Realtime API.
        TurnedAway: the key is wrong, the model is missing, or a GA server is asked for the beta.
    """
    try:
        url = urlsplit(target)
    except ValueError:
        raise NotFound from None
    if url.path != PATH:
        raise NotFound
    shown = {name.lower(): value.strip() for name, value in headers}
    if key is not None and not _shows(shown, key.encode()):
        raise TurnedAway(3000, "invalid_api_key", "Incorrect API key provided.")
    if dialect == "ga" and b"realtime=v1" in shown.get(b"openai-beta", b""):
        raise TurnedAway(
            4000,
            "beta_api_shape_disabled",
            "The Realtime Beta API is no longer supported. Leave out the header 'OpenAI-Beta: realtime=v1'.",
        )
    models = parse_qs(url.query).get("model")
    if not models:
        raise TurnedAway(4000, "missing_model", "You must provide a model parameter.")
    return models[-1]


def _shows(headers: dict[bytes, bytes], key: bytes) -> bool:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), key):
        return True
    return hmac.compare_digest(headers.get(b"api-key", b""), key)
