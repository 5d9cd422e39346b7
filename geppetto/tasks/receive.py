"""The task that hears the server: frame, event, conversation, and on to the ones who write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import trio

from geppetto.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from geppetto.realtime.happenings import Happening


_NEVER: Final = float("inf")


class Source(Protocol):
    """Where messages come from."""

    async def receive_some(self) -> Sequence[str | bytes]:
        """Return the next message, and some of those that have come behind it."""


class StallWatch:
    """
    A deadline for the next sign of progress, moved by whoever sees one.

    It is watched by a task of its own, because a deadline around each wait for a message would cost as much as the
    message itself.
    """

    def __init__(self, timeout_s: float) -> None:
        """Wait *timeout_s* seconds, once something is awaited; no wait is bounded until `expect`."""
        self._timeout_s = timeout_s
        self._deadline = _NEVER
        self._watched_until = _NEVER
        """When the watching task looks again."""
        self._sooner = trio.lowlevel.ParkingLot()
        self.waiting_for = ""
        """What is awaited, for the sentence that ends the session."""

    def expect(self, what: str, timeout_s: float | None = None) -> None:
        """Start the clock for *what*, from now."""
        self.waiting_for = what
        if timeout_s is not None:
            self._timeout_s = timeout_s
        self._deadline = trio.current_time() + self._timeout_s
        if self._deadline < self._watched_until:
            self._sooner.unpark()

    @property
    def running(self) -> bool:
        """Whether something is awaited."""
        return self._deadline != _NEVER

    def relax(self) -> None:
        """Stop the clock: nothing is owed."""
        self._deadline = _NEVER

    async def watch(self) -> None:
        """
        Wait until a deadline passes.

        Cancellation: leaves at once.

        Raises:
            ConnectionLost: it did.
        """
        while trio.current_time() < self._deadline:
            self._watched_until = self._deadline
            with trio.move_on_at(self._watched_until):
                await self._sooner.park()
        msg = f"{self.waiting_for} did not come for {self._timeout_s:g} s. Try again, or raise the time limit."
        raise ConnectionLost(msg)


async def receive(
    source: Source,
    hear: Callable[[Sequence[str | bytes], list[Happening]], None],
    hand_on: Callable[[Iterable[Happening]], Awaitable[None]],
    keep_up: Callable[[], Awaitable[None]],
) -> None:
    """
    Hear messages until the connection ends, and hand on what they mean.

    Args:
        source: gives the messages that have come.
        hear: takes messages, changes the conversation, and adds what happened to a list, also when it raises.
        hand_on: tells files and screen what messages mean.
        keep_up: waits for what cannot keep up with the messages.

    Cancellation: leaves at once, or when *hand_on* does.

    Raises:
        GeppettoError: the connection or the session ended, or files or screen did not keep up.
    """

    while True:
        happenings: list[Happening] = []  # none of the ones before is held on to while waiting for the next
        try:
            hear(await source.receive_some(), happenings)
        except Exception:  # the end of the session, or a bug: what came before it is on the disk all the same
            await hand_on(happenings)
            raise
        await hand_on(happenings)
        await keep_up()
