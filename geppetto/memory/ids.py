"""What conversations are called: the ID that each has from the start, and the name that somebody gave it."""

from __future__ import annotations

import secrets
import unicodedata
from typing import Final

from geppetto.errors import ConfigError
from geppetto.text import escape_line

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Base 32 as Crockford has it: no i, l, o, u, which are read as others. Source: crockford.com/base32.html."""
ID_CHARS: Final = 8
"""40 bits: of 10,000 conversations, two get the same one in 1 of 20,000 cases, and then it is drawn again."""
MAX_NAME_CHARS: Final = 100
_MISREAD: Final = str.maketrans("ilo", "110")


def new_id() -> str:
    """Return an ID that has in all likelihood not been given."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(ID_CHARS))


def id_prefix(typed: str) -> str | None:
    """Return the beginning of an ID that somebody typed as *typed*, or None when it can be none."""
    prefix = typed.strip().lower().translate(_MISREAD)
    if not 1 <= len(prefix) <= ID_CHARS or not set(prefix) <= set(_ALPHABET):
        return None
    return prefix


def check_name(name: str) -> str:
    """
    Return *name* without the space around it.

    Raises:
        ConfigError: it is no name.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or escape_line(name) != name:
        msg = f"A name is one line of 1 to {MAX_NAME_CHARS} characters, without any that steer a terminal."
        raise ConfigError(msg)
    return name


def name_key(name: str) -> str:
    """Return what two names have in common that people take for the same."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()
