"""How a server takes spoken questions."""

from __future__ import annotations

import msgspec


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """What a server does with audio; as it is, what the Realtime API says: it answers when it is asked to."""

    answers: bool = False
    """It answers a spoken question by itself, and `response.create` behind it would take that answer's place."""
    silence_ms: int = 0
    """What it has to hear behind a question that only its own turn detection ends."""


ON_REQUEST = Listening()
