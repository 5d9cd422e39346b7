"""The stored keys: each is in the file, or in the keyring where its user wanted that. Every call blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from geppetto.errors import ConfigError, GeppettoError
from geppetto.keys import check_key, config_directory, is_there
from geppetto.keystore import keyring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geppetto.keystore.file import Content, KeyFile

FILE_NAME: Final = "keys.json"
Place = Literal["file", "keyring"]


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and where it is kept."""

    key: str
    place: Place

    def __repr__(self) -> str:
        return f"StoredKey(place={self.place!r})"  # nobody sees the key


class KeyStore(msgspec.Struct, frozen=True):
    """The keys of a user. Nothing of it need exist; the keyring is asked only for what the file says is there."""

    path: Path
    """Of the file."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> KeyStore:
        """Return the store that *environ* points to."""
        return cls(config_directory(environ) / FILE_NAME)

    def read(self) -> Content:
        """
        Return the keys of the file, and the names of those in the keyring, which is not asked.

        Raises:
            ConfigError: the file is damaged, or not the user's alone.
        """
        return self._file.read()

    def find(self, server: str) -> StoredKey | None:
        """
        Return the key for exactly *server* (see `server_of`), or None.

        Raises:
            ConfigError: the file is damaged, or not the user's alone; the keyring failed, or lost the key.
        """
        if not is_there(self.path):
            return None
        content = self.read()
        if server in content.keys:  # both are there only after a Geppetto that knew of no keyring stored a newer one
            return StoredKey(key=content.keys[server], place="file")
        if server not in content.in_keyring:
            return None
        key = (keyring.look_up(server) or "").strip()
        try:
            return StoredKey(key=check_key(key), place="keyring")
        except ConfigError as error:
            msg = (
                f"The keyring of the system holds no key for {server} any more. Store it again: "
                f"`geppetto keys set {server}`."
            )
            raise ConfigError(msg) from error

    def place_of(self, server: str) -> Place:
        """
        Return where a new key for *server* goes if nobody says so: where the one of today is, otherwise the file.

        Raises:
            ConfigError: the file is damaged, or not the user's alone.
        """
        content = self.read()
        return "keyring" if server in content.in_keyring and server not in content.keys else "file"

    def check(self, server: str, place: Place) -> None:
        """
        Find out whether *place* can take a key for *server*, before anybody is asked for one.

        Raises:
            ConfigError: the file is damaged, or not the user's alone; there is no keyring, or it fails.
        """
        self.read()
        if place == "keyring":
            keyring.look_up(server)

    def set(self, server: str, key: str, place: Place = "file") -> ConfigError | None:
        """
        Store *key* for *server* in *place*, and nowhere else, in place of an older one.

        Returns why an older one is still in the keyring, if it is; it is not used any more.

        Raises:
            ConfigError: *key* is none, the file is damaged or not the user's alone, or *place* is a keyring that
                failed; all is left as it is.
            OutputFailed: the file cannot be written; what was there is unchanged.
        """
        check_key(key)
        file = self._file
        if place == "keyring":
            self._into_keyring(file, server, key)
            return None
        older = server in file.read().in_keyring
        file.change(lambda content: content.with_key(server, key).not_naming(server))
        try:
            if older:
                keyring.forget(server)
        except ConfigError as error:
            return error
        return None

    def delete(self, server: str) -> bool:
        """
        Forget the key for *server* wherever it is, and return whether there was one.

        Raises:
            ConfigError: the file is damaged or not the user's alone, or the keyring failed; all is left as it is.
            OutputFailed: the file cannot be written; what was there is unchanged.
        """
        file = self._file
        content = file.read()
        if server in content.in_keyring:
            keyring.forget(server)
        elif server not in content.keys:
            return False
        file.change(lambda content: content.without_key(server).not_naming(server))
        return True

    @property
    def _file(self) -> KeyFile:
        from geppetto.keystore.file import KeyFile  # many have no stored keys

        return KeyFile(self.path)

    def _into_keyring(self, file: KeyFile, server: str, key: str) -> None:
        file.read()  # nothing is kept beside a file that cannot name it
        before = keyring.look_up(server)
        keyring.keep(server, key)
        try:
            file.change(lambda content: content.without_key(server).naming(server))
        except GeppettoError:
            if before is None:
                keyring.forget(server)
            else:
                keyring.keep(server, before)
            raise
