"""
Geppetto: a realtime voice client for the terminal, on trio structured concurrency.

The Python API is `open_chat(ClientConfig(...))`; it gives a `Chat`, which gives `Answer`s and raises
`GeppettoError`s.
Its names are imported when they are first used, so that `geppetto --version` costs no more than Python itself.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # `typing` costs more than everything else here, and a Ctrl+C in the middle of it a traceback
if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.chat import Chat, open_chat
    from geppetto.config import ClientConfig
    from geppetto.errors import (
        ConfigError,
        ConnectFailed,
        ConnectionLost,
        GeppettoError,
        OutputFailed,
        ServerRefused,
        Stopped,
    )

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Chat",
    "ClientConfig",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "GeppettoError",
    "OutputFailed",
    "ServerRefused",
    "Stopped",
    "__version__",
    "open_chat",
]

_HOMES = {
    "Answer": "geppetto.answer",
    "Chat": "geppetto.chat",
    "ClientConfig": "geppetto.config",
    "open_chat": "geppetto.chat",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module 'geppetto' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOMES.get(name, "geppetto.errors")), name)
