"""One setting, as users give it: by a flag or by a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import attrs

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@attrs.frozen(kw_only=True)
class Setting:
    """One row of the table: a field of `ClientConfig` that users can set."""

    name: str
    kind: type
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    """What the value is called in the help, where its kind does not tell."""

    @property
    def flag(self) -> str:
        """`--read-timeout`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """`GEPPETTO_READ_TIMEOUT`."""
        return "GEPPETTO_" + self.name.upper()

    def parse(self, text: str) -> object:
        """Return the value of an environment variable."""
        if self.kind is bool:
            lowered = text.strip().lower()
            if lowered not in _TRUE | _FALSE:
                msg = f"{self.variable} is {text!r}, but must be one of: 1, 0, true, false."
                raise ConfigError(msg)
            return lowered in _TRUE
        try:
            return cast("Callable[[str], object]", self.kind)(text)
        except ValueError as error:
            kind = "a whole number" if self.kind is int else "a number"
            msg = f"{self.variable} is {text!r}, but must be {kind}."
            raise ConfigError(msg) from error
