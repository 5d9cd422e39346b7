"""
A keyring for tests: a real backend of the package keyring, whose secrets are in a file.

A process is given it by `environment`. Its mood says how it behaves: people's keyrings do all of that.
"""

from __future__ import annotations

import ctypes
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Final

from keyring import errors
from keyring.backend import KeyringBackend

BACKEND: Final = f"{__name__}.FileKeyring"
ASKED: Final = "the keyring was asked"


def environment(file: Path, mood: str = "") -> dict[str, str]:
    """Return the variables that make a process use *file* as its keyring."""
    return {"PYTHON_KEYRING_BACKEND": BACKEND, "TEST_KEYRING": str(file), "TEST_KEYRING_MOOD": mood}


def secrets(file: Path) -> dict[str, str]:
    """Return what is in the keyring: `SERVICE USER` to secret."""
    return json.loads(file.read_text()) if file.exists() else {}


class FileKeyring(KeyringBackend):
    """Keeps secrets in the file that `TEST_KEYRING` names."""

    priority = 1

    def __init__(self) -> None:
        """Take what the environment says."""
        super().__init__()  # type: ignore[no-untyped-call]

    def get_password(self, service: str, username: str) -> str | None:
        """Return the secret, or None."""
        self._behave("get")
        return secrets(_file()).get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep the secret."""
        self._behave("set", password)
        _file().write_text(json.dumps({**secrets(_file()), f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        """Delete the secret."""
        self._behave("delete")
        kept = secrets(_file())
        if kept.pop(f"{service} {username}", None) is None:
            raise errors.PasswordDeleteError("there is none")
        _file().write_text(json.dumps(kept))

    def _behave(self, call: str, password: str = "") -> None:
        match os.environ.get("TEST_KEYRING_MOOD", "").split("-"):
            case ["locked"]:
                raise errors.KeyringLocked("the user went away")
            case ["init"]:
                raise errors.InitError("no bus")
            case ["babbles", only] if only == call:
                raise RuntimeError(f"cannot {call} {password}")
            case ["hangs"]:
                _hang()
            case ["asks"]:
                getpass.getpass("Password of the keyring: ")


def _file() -> Path:
    return Path(os.environ["TEST_KEYRING"])


def _hang() -> None:
    """Wait in C for what never comes, as libraries of desktops do; no signal interrupts it."""
    print(ASKED, file=sys.stderr, flush=True)  # noqa: T201  # so that a test knows when
    lock = ctypes.create_string_buffer(256)  # a pthread_mutex_t, as PTHREAD_MUTEX_INITIALIZER has it
    library = ctypes.CDLL(None)
    library.pthread_mutex_lock(lock)
    library.pthread_mutex_lock(lock)
