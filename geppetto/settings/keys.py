"""
Which key a run sends: to the host that it is for, and to no other, whatever a file of a directory says.

Two questions decide. Which server does the run talk to? And which would it talk to if the file of the directory,
which may have come with somebody else's repository, were not there?
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from geppetto.errors import ConfigError
from geppetto.keys import server_of
from geppetto.providers import OPENAI_KEY_VARIABLE, OPENAI_URL, PROVIDERS
from geppetto.settings.layers import choose
from geppetto.settings.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geppetto.keystore.store import KeyStore
    from geppetto.settings.layers import Chosen, Layer


class FoundKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and where it was."""

    key: str
    source: Source

    def __repr__(self) -> str:
        return f"FoundKey(source={self.source!r})"  # nobody sees the key


class KeyRing(msgspec.Struct, frozen=True, kw_only=True):
    """Where keys are looked for."""

    environ: Mapping[str, str]
    key_env: str | None
    """The variable that the user named for this run."""
    stored: KeyStore | None

    def __repr__(self) -> str:
        return f"KeyRing(key_env={self.key_env!r}, stored={self.stored!r})"  # the environment has keys

    def find(self, chosen: Chosen, layers: Sequence[Layer], meant: Chosen | None) -> FoundKey | None:
        """
        Return the key for the server of *chosen*, which is what *layers* say; may block.

        Args:
            meant: what is said without the file of the directory; None if that names no server.

        Raises:
            ConfigError: there is none and the server wants one, the variable that was named is not set, or the stored
                keys can't be trusted.
        """
        if self.key_env is not None:
            return self._named(self.key_env, chosen, meant)
        trusted = _without_project(layers)
        found = self._of_table(chosen, layers) or self._of_provider(chosen, trusted)
        if found is not None:
            return found
        stored = self.stored.find(server_of(chosen.url)) if self.stored is not None else None
        if stored is not None and self.stored is not None:
            kept = Source("keyring") if stored.place == "keyring" else Source("store", str(self.stored.path))
            return FoundKey(key=stored.key, source=kept)
        self._demand(chosen)
        return None

    def _named(self, variable: str, chosen: Chosen, meant: Chosen | None) -> FoundKey:
        host = urlsplit(chosen.url).netloc
        key = self._read(variable)
        if key is None:
            msg = f"The variable {variable}, which --key-env names, is not set. Set it to the key of {host}."
            raise ConfigError(msg)
        if meant is None or server_of(meant.url) != server_of(chosen.url):
            msg = (
                f"--key-env names a key, but it is the settings of this directory that lead to {host}, and they get "
                "no keys. If the key is for this server, name it with --url."
            )
            raise ConfigError(msg)
        return FoundKey(key=key, source=Source("variable", variable))

    def _of_table(self, chosen: Chosen, layers: Sequence[Layer]) -> FoundKey | None:
        """Return the key that the user's file names for the server that it names itself."""
        own = [layer for layer in layers if not layer.project and not layer.of_run]
        at = next((at for at, layer in enumerate(own) if layer.names_server), len(own))
        variable = next((one.values["key_env"] for one in own[: at + 1] if "key_env" in one.values), None)
        theirs = _try(own)
        if variable is None or theirs is None or server_of(theirs.url) != server_of(chosen.url):
            return None
        key = self._read(str(variable))
        if key is None:
            msg = f"The variable {variable}, which key_env of your settings names, is not set. Set it to the key."
            raise ConfigError(msg)
        return FoundKey(key=key, source=Source("variable", str(variable)))

    def _of_provider(self, chosen: Chosen, meant: Chosen | None) -> FoundKey | None:
        """Return the key of the variable that the provider is known for."""
        if urlsplit(chosen.url).hostname == urlsplit(OPENAI_URL).hostname:  # whatever the provider
            variable: str | None = OPENAI_KEY_VARIABLE
        else:
            variable = _variable(chosen, meant)
        key = None if variable is None else self._read(variable)
        return None if key is None else FoundKey(key=key, source=Source("variable", variable or ""))

    def _read(self, variable: str) -> str | None:
        return self.environ.get(variable, "").strip() or None

    def _demand(self, chosen: Chosen) -> None:
        """Complain about a missing key, where a server certainly wants one."""
        if urlsplit(chosen.url).hostname == urlsplit(OPENAI_URL).hostname:
            msg = (
                f"{OPENAI_KEY_VARIABLE} is not set. Set it, store one with `geppetto keys set`, or try "
                "`geppetto --offline`, which needs no key."
            )
            raise ConfigError(msg)
        known = PROVIDERS.get(chosen.provider or "")
        if known is None or known.own or known.key_variable is None or not known.serves(chosen.url):
            return
        server = server_of(chosen.url)
        if self._read(known.key_variable) is not None:
            msg = (
                f"{known.key_variable} is not sent to {server}, because only the settings of a directory, or none of "
                f"yours, say that it is for that host. Store its key with `geppetto keys set {server}`."
            )
            raise ConfigError(msg)
        msg = f"{known.key_variable} is not set. Set it, or store a key with `geppetto keys set {server}`."
        raise ConfigError(msg)


def _variable(chosen: Chosen, meant: Chosen | None) -> str | None:
    """Return the variable of the provider, if its key is for the server of *chosen*."""
    known = PROVIDERS.get(chosen.provider or "")
    if known is None:
        return None
    if not known.placeholders and known.serves(chosen.url):
        return known.key_variable
    ours = meant is not None and meant.provider == known.name and server_of(meant.url) == server_of(chosen.url)
    return known.key_variable if ours and (known.own or known.serves(chosen.url)) else None


def _without_project(layers: Sequence[Layer]) -> Chosen | None:
    return _try([layer for layer in layers if not layer.project])


def _try(layers: Sequence[Layer]) -> Chosen | None:
    """Return what *layers* say; None if that names no server."""
    try:
        return choose(layers)
    except ConfigError:
        return None
