"""
The keyring of the system, through the package keyring: Secret Service, KWallet, Keychain and whatever it knows.

The package is imported with the first call. Every call blocks, and for as long as it pleases: a keyring may ask for a
password, and nobody may be there. A signal that raises in the main thread ends the wait there.

Source: keyring 25.7, README and `keyring.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from geppetto.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

_T = TypeVar("_T")
SERVICE: Final = "geppetto"
"""Under which keyrings list the keys; the user is the server, as `server_of` has it."""
INSTALL: Final = (
    'The keyring of the system needs the extra package keyring. Run `python3 -m pip install "geppetto[keyring]"`.'
)


def look_up(server: str) -> str | None:
    """
    Return what is kept for *server*, which others may have changed, or None.

    Raises:
        MissingExtra: the package is not installed.
        ConfigError: there is no keyring, it is locked or fails.
    """
    step = _in_a_file(server)
    backend = _backend(step)
    return _asked(lambda: backend.get_password(SERVICE, server), step)


def keep(server: str, key: str) -> None:
    """
    Keep *key* for *server*, in place of an older one, and read it back: some keyrings take what they forget.

    Raises:
        MissingExtra: the package is not installed.
        ConfigError: there is no keyring, it is locked or fails, or it did not keep the key.
    """
    step = _in_a_file(server)
    backend = _backend(step)
    _asked(lambda: backend.set_password(SERVICE, server, key), step)
    if _asked(lambda: backend.get_password(SERVICE, server), step) != key:
        raise ConfigError(f"The keyring of the system ({backend.name}) does not keep what it is given. {step}")


def forget(server: str) -> None:
    """
    Delete the key for *server*, if there is one.

    Raises:
        MissingExtra: the package is not installed.
        ConfigError: there is no keyring, it is locked or fails.
    """
    step = f"The key for {server} stays in it, under {SERVICE}, until you delete it there."
    backend = _backend(step)
    if _asked(lambda: backend.get_password(SERVICE, server), step) is not None:
        _asked(lambda: backend.delete_password(SERVICE, server), step)


def _in_a_file(server: str) -> str:
    return f"`geppetto keys set {server} --file` keeps the key in a file instead."


def _backend(step: str) -> KeyringBackend:
    try:
        import keyring
    except ImportError as error:
        raise MissingExtra(INSTALL) from error
    return _asked(keyring.get_keyring, step)


def _asked(call: Callable[[], _T], step: str) -> _T:
    """
    Return what *call* returns.

    Raises:
        ConfigError: it failed; *step* is the next one. What the library says is not shown: it may hold the key.
    """
    from concurrent.futures import Future  # not at every start
    from threading import Thread

    from keyring import errors

    answer: Future[_T] = Future()

    def ask() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # raised by whoever waits
            answer.set_exception(error)

    # In a thread, because libdbus, GLib and the Keychain wait in C, where no Ctrl+C is heard; this wait hears it.
    Thread(target=ask, name="keyring", daemon=True).start()
    try:
        return answer.result()
    except errors.NoKeyringError as error:
        raise ConfigError(f"There is no keyring on this system that can be used. Start one. {step}") from error
    except errors.KeyringLocked as error:
        raise ConfigError(f"The keyring of the system is locked. Unlock it and try again. {step}") from error
    except Exception as error:  # each keyring has errors of its own
        raise ConfigError(f"The keyring of the system failed ({type(error).__name__}). Check it. {step}") from error
