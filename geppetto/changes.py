"""Changes of the settings under way, for those who wait for what the server says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from geppetto.errors import ChangeRefused
from geppetto.realtime.happenings import SettingsHold, SettingsRefused

if TYPE_CHECKING:
    from geppetto.errors import GeppettoError
    from geppetto.realtime.happenings import Happening
    from geppetto.realtime.updates import Change


class Waiting(msgspec.Struct, eq=False):
    """A change that has no answer yet, or the answer."""

    _over: trio.Event = msgspec.field(default_factory=trio.Event)
    _error: GeppettoError | None = None

    def end(self, error: GeppettoError | None = None) -> None:
        """The server took it, or *error* says why it did not."""
        self._error = error
        self._over.set()

    async def verdict(self) -> None:
        """
        Wait for the answer.

        Cancellation: leaves at once; the change goes on being asked for.

        Raises:
            ChangeRefused: the server refused it.
            GeppettoError: the session is over.
        """
        await self._over.wait()
        if self._error is not None:
            raise self._error


class Changes:
    """Those of one chat."""

    def __init__(self) -> None:
        """Start with none."""
        self._waiting: dict[Change, Waiting] = {}

    def add(self, change: Change) -> Waiting:
        """Take *change* as one without an answer."""
        waiting = self._waiting[change] = Waiting()
        return waiting

    def note(self, happening: Happening) -> None:
        """Take what the server says."""
        if isinstance(happening, SettingsHold | SettingsRefused):
            waiting = self._waiting.pop(happening.change, None)
            if waiting is None:
                return
            if isinstance(happening, SettingsHold):
                waiting.end()
            else:
                names = ", ".join(happening.change.values)
                waiting.end(ChangeRefused(f"The server refused {names}: {happening.error}. The old settings go on."))

    def fail_all(self, error: GeppettoError) -> None:
        """Tell everyone who waits that the session is over."""
        for waiting in self._waiting.values():
            waiting.end(error)
        self._waiting.clear()
