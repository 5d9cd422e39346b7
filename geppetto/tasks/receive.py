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

    async def listen(self, take: Callable[[Sequence[str | bytes]], bool]) -> None:
        """Hand messages to *take*, one or some that have come together at a time, until it returns False."""


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
        self._patience = trio.CancelScope()
        """Of the watching task: at its deadline, which may be earlier than the real one, it looks again."""
        self.waiting_for = ""
        """What is awaited, for the sentence that ends the session."""

    def expect(self, what: str, timeout_s: float | None = None) -> None:
        """Start the clock for *what*, from now."""
        self.waiting_for = what
        if timeout_s is not None:
            self._timeout_s = timeout_s
        self._deadline = trio.current_time() + self._timeout_s
        if self._deadline < self._patience.deadline:
            self._patience.deadline = self._deadline  # wakes nobody up

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
            with trio.CancelScope(deadline=self._deadline) as self._patience:
                await trio.sleep_forever()
        msg = f"{self.waiting_for} did not come for {self._timeout_s:g} s. Try again, or raise the time limit."
        raise ConnectionLost(msg)


async def receive(
    source: Source,
    hear: Callable[[Sequence[str | bytes], list[Happening]], None],
    offer: Callable[[Sequence[Happening]], bool],
    hand_on: Callable[[Iterable[Happening]], Awaitable[None]],
    behind: Callable[[], bool],
    keep_up: Callable[[], Awaitable[None]],
) -> None:
    """
    Hear messages until the connection ends, and hand on what they mean.

    Args:
        source: gives the messages that have come.
        hear: takes messages, changes the conversation, and adds what happened to a list, also when it raises.
        offer: tells files and screen what messages mean, if that takes no waiting; returns whether it did.
        hand_on: tells them, and waits for room.
        behind: whether somebody cannot keep up with the messages.
        keep_up: waits for whoever that is.

    Cancellation: leaves at once, or when *hand_on* does.

    Raises:
        GeppettoError: the connection or the session ended, or files or screen did not keep up.
    """
    untold: list[Happening] = []

    def take(messages: Sequence[str | bytes]) -> bool:
        hear(messages, untold)
        if not offer(untold):
            return False
        untold.clear()
        return not behind()

    while True:
        try:
            await source.listen(take)
        except Exception:  # the end of the session, or a bug: what came before it is on the disk all the same
            await hand_on(untold)
            raise
        await hand_on(untold)
        untold.clear()
        await keep_up()
