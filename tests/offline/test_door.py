"""Who may come in."""

from __future__ import annotations

from typing import Literal

import pytest

from geppetto.offline.door import NotFound, TurnedAway, asked_model


def ask(
    target: str, *headers: tuple[bytes, bytes], key: str | None = "secret", dialect: Literal["ga", "beta"] = "ga"
) -> str:
    return asked_model(target, headers, key=key, dialect=dialect)


@pytest.mark.parametrize(
    "header", [(b"authorization", b"Bearer secret"), (b"Authorization", b"bearer  secret"), (b"API-Key", b"secret")]
)
def test_key_is_shown_as_bearer_or_api_key(header: tuple[bytes, bytes]) -> None:
    """Both ways of showing the key are taken, whatever the case of the header."""
    assert ask("/v1/realtime?model=a%2Fb&x=1", header) == "a/b"


@pytest.mark.parametrize(
    "header",
    [(b"authorization", b"secret"), (b"authorization", b"Basic secret"), (b"api-key", b""), (b"x", b"secret")],
)
def test_anything_else_is_not_the_key(header: tuple[bytes, bytes]) -> None:
    """The key in another place, or another scheme, is refused, and never repeated."""
    with pytest.raises(TurnedAway) as caught:
        ask("/v1/realtime?model=m", header)
    assert caught.value.close_reason == "invalid_request_error.invalid_api_key"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("target", ["/", "/v1/realtime/", "/v1/realtimes?model=m", "//[", "http://[/v1/realtime"])
def test_other_paths(target: str) -> None:
    """Only one path is served, and a path that is none raises nothing else."""
    with pytest.raises(NotFound):
        ask(target, key=None)


def test_beta_header() -> None:
    """A GA server refuses the beta header; a beta server does not mind it."""
    header = (b"OpenAI-Beta", b"realtime=v1")
    with pytest.raises(TurnedAway, match="OpenAI-Beta") as caught:
        ask("/v1/realtime?model=m", header, key=None)
    assert caught.value.close_code == 4000
    assert ask("/v1/realtime?model=m", header, key=None, dialect="beta") == "m"


def test_model_is_required() -> None:
    """An empty model is no model."""
    with pytest.raises(TurnedAway, match="model"):
        ask("/v1/realtime?model=", key=None)
