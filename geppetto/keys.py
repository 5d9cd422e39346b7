"""Keys, and the names of the servers that they are for. No sentence of an error ever holds a key."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_KEY_CHARS: Final = 8192
"""As much as servers take in one header line."""
_MASKED_FROM_CHARS: Final = 21
_TLS_PORT: Final = 443
_HOST: Final = r"\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?"
_KEY_LIKE: Final = r"sk-.*|[0-9a-fA-F]{32,}|(?=.*[A-Z])(?=.*[0-9])[^.:]{20,}"
"""What nobody calls a host, but providers call a key."""


def check_key(key: str) -> str:
    """
    Return *key*.

    Raises:
        ConfigError: no header could carry it; the sentence does not show it.
    """
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        msg = "The key is empty or holds spaces, line breaks or characters beyond ASCII. Copy it again."
        raise ConfigError(msg)
    if len(key) > _MAX_KEY_CHARS:
        msg = f"The key has more than {_MAX_KEY_CHARS} characters, which no server takes. Copy it again."
        raise ConfigError(msg)
    return key


def masked(key: str) -> str:
    """Return *key* for a list: `sk-…abcd`, and `****` for one of up to 20 characters, of which that would be much."""
    return f"{key[:3]}…{key[-4:]}" if len(key) >= _MASKED_FROM_CHARS else "****"


def server_of(url: str) -> str:
    """Return the `host` or `host:port` of *url* under which its key is stored; 443 is not named."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _TLS_PORT} else f"{host}:{parts.port}"


def travels_openly(url: str) -> bool:
    """Return whether what is sent to *url* leaves this machine unencrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "wss" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may be resolved to anything
        return True


def parse_server(text: str) -> str:
    """
    Return `host` or `host:port` as `server_of` has it.

    Args:
        text: `host`, `host:port`, or a `ws://` or `wss://` URL.

    Raises:
        ConfigError: it is none of them. It is not shown: it may be a key that was given as the argument.
    """
    url = text if text.lower().startswith(("ws://", "wss://")) else f"wss://{text}"
    try:
        parts = urlsplit(url)
        server = server_of(url)
        host = server if parts.port in {None, _TLS_PORT} else server.rpartition(":")[0]
        # urlsplit() drops line breaks in silence
        plain = text.isprintable() and (url is text or not (parts.path or parts.query or parts.fragment))
        good = plain and parts.username is None and re.fullmatch(_HOST, host) and not re.fullmatch(_KEY_LIKE, text)
    except ValueError:
        good = None
    if not good:
        msg = (
            "The argument is not a host. It should look like api.openai.com or 127.0.0.1:8765. A key is never an "
            "argument: it is asked for, or read from stdin."
        )
        raise ConfigError(msg)
    return server


def config_directory(environ: Mapping[str, str]) -> Path:
    """
    Return where the user's settings and keys are: one place, so that one variable moves both.

    `$GEPPETTO_CONFIG_DIR`, else `$XDG_CONFIG_HOME/geppetto`, else `~/.config/geppetto`.
    """
    own = environ.get("GEPPETTO_CONFIG_DIR")
    if own:
        return Path(own).expanduser()
    xdg = environ.get("XDG_CONFIG_HOME", "")
    # A relative path is to be ignored. Source: XDG Base Directory Specification 0.8.
    home = Path(xdg) if Path(xdg).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".config"
    return home / "geppetto"


def is_there(path: Path) -> bool:
    """Whether there is a file of the user's at *path*, or something else that reading it complains about; blocks."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # whoever reads it says what is wrong
    return True
