"""Where the value of a setting came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT_FILE: Final = "geppetto.toml"
USER_FILE: Final = "config.toml"
Kind = Literal["flag", "variable", "project", "user", "profile", "provider", "store", "keyring", "default"]


@attrs.frozen
class Source:
    """What gave a setting its value. `str()` is how people are told: `variable GEPPETTO_MODEL`."""

    kind: Kind
    """`project` and `user` are the two files."""
    name: str = ""
    """The flag, the variable, the provider, the path of the file."""
    find_line: Callable[[], int] | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def line(self) -> int | None:
        """The line of the file, from 1; it is looked up here, because hardly anybody asks."""
        return None if self.find_line is None else self.find_line()

    def __str__(self) -> str:
        """Return what people are told."""
        if self.kind in {"project", "user"}:
            return f"{self.name}:{self.line}"
        return f"{_WORDS.get(self.kind, self.kind)} {self.name}".rstrip()


_WORDS = {"store": "key store", "keyring": "keyring of the system"}
DEFAULT = Source("default")
