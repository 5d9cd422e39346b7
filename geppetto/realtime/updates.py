"""The settings of a session: those that hold, those that were asked for, and what the server says of them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, cast

import attrs
import msgspec

from geppetto.realtime.client_events import UpdateSession
from geppetto.realtime.verdicts import settings_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.realtime.client_events import SessionSettings
    from geppetto.realtime.events import ErrorDetails


class Change(msgspec.Struct, eq=False):
    """Settings that the server was asked for, by the name of their field."""

    values: Mapping[str, object]
    event_id: str = ""
    """Of the `session.update` that carries it now."""

    def applied_to(self, settings: SessionSettings) -> SessionSettings:
        """Return *settings*, changed."""
        return attrs.evolve(settings, **cast("dict[str, Any]", self.values))


class Updates(msgspec.Struct):
    """
    What was said by `session.update`, and has no answer yet.

    The server answers in order, each by `session.updated` or by an `error`, after which all of that update is void.
    Source: Realtime API reference, `session.update`, 2026-11.
    """

    settings: SessionSettings
    """Those that hold, or that the session is opened with."""
    _make_id: Callable[[], str]
    opening_id: str = ""
    """Of the update that opens the session, until it has an answer."""
    _asked: deque[Change] = msgspec.field(default_factory=deque)

    @property
    def wanted(self) -> SessionSettings:
        """The settings that hold when the server takes everything that it was asked for."""
        settings = self.settings
        for change in self._asked:
            settings = change.applied_to(settings)
        return settings

    def begin(self) -> list[UpdateSession]:
        """Return what opens a session; what had no answer in the last one is asked for again."""
        self.opening_id = self._make_id()
        said = [UpdateSession(event_id=self.opening_id, settings=self.settings)]
        asked, self._asked = self._asked, deque()
        return said + [self._ask(change) for change in asked]

    def change(self, settings: SessionSettings) -> tuple[Change, UpdateSession | None]:
        """Return what is different in *settings*, and what asks for it; None when nothing is."""
        before = attrs.asdict(self.wanted, recurse=False)
        after = attrs.asdict(settings, recurse=False)
        change = Change({name: value for name, value in after.items() if value != before[name]})
        return change, self._ask(change) if change.values else None

    def confirm(self) -> Change | None:
        """`session.updated` came: return the change that holds from now on."""
        if self.opening_id:
            self.opening_id = ""
            return None
        if not self._asked:
            return None
        change = self._asked.popleft()
        self.settings = change.applied_to(self.settings)
        return change

    def refused(self, error: ErrorDetails) -> Change | None:
        """Return the change that *error* refuses, which is forgotten; None when it is about something else."""
        for change in self._asked:
            if settings_refused(error, change.event_id):
                self._asked.remove(change)
                return change
        return None

    def _ask(self, change: Change) -> UpdateSession:
        before = self.wanted
        change.event_id = self._make_id()
        self._asked.append(change)
        return UpdateSession(event_id=change.event_id, settings=change.applied_to(before), before=before)
