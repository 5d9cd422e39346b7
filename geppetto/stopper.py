"""How a session is told to end: the first reason wins, and every scope that waits for one is cancelled."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import trio

    from geppetto.errors import Ending


class Stopper:
    """Takes endings and keeps the first. Only for the event loop's thread."""

    def __init__(self) -> None:
        """Start with no ending."""
        self._ending: Ending | None = None
        self._scopes: list[trio.CancelScope] = []
        self._hooks: list[Callable[[], None]] = []

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it goes on."""
        return self._ending

    def stop(self, ending: Ending) -> None:
        """End with *ending*, unless there is one already; only a file that failed replaces a good ending."""
        if self._ending is not None:
            if self._ending.status is ExitStatus.OK and ending.status is ExitStatus.OUTPUT_FAILED:
                self._ending = ending
            return
        self._ending = ending
        for hook in self._hooks:
            hook()
        for scope in self._scopes:
            scope.cancel(reason=ending.why or ending.status.name)

    def on_stop(self, hook: Callable[[], None]) -> None:
        """Call *hook* once, when the ending is known; at once if it is."""
        if self._ending is not None:
            hook()
        else:
            self._hooks.append(hook)

    @contextmanager
    def cancels(self, scope: trio.CancelScope) -> Iterator[None]:
        """Cancel *scope* when an ending comes, as long as this block runs."""
        self._scopes.append(scope)
        if self._ending is not None:
            scope.cancel(reason=self._ending.why or self._ending.status.name)
        try:
            yield
        finally:
            self._scopes.remove(scope)

    @contextmanager
    def follows(self, other: Stopper) -> Iterator[None]:
        """End as *other* ends, as long as this block runs: one session among several."""

        def follow() -> None:
            assert other.ending is not None
            self.stop(other.ending)

        other.on_stop(follow)
        try:
            yield
        finally:
            if follow in other._hooks:
                other._hooks.remove(follow)
