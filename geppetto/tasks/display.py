"""The task that shows the session to a person or a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.notices import ToDisplay


class Screen(Protocol):
    """Writes to wherever the user looks; blocks, so it is called in a thread."""

    def show(self, things: Sequence[ToDisplay]) -> None:
        """
        Show *things* in order.

        Raises:
            GeppettoError: nobody reads the output any more, or it cannot be written.
        """


async def display(channel: trio.MemoryReceiveChannel[ToDisplay], screen: Screen) -> None:
    """
    Show everything that comes through *channel*, as much at once as has come.

    Closes: *channel*.

    Cancellation: run it shielded, with a deadline once the session is over; at the deadline it leaves a
        stalled terminal behind.

    Raises:
        GeppettoError: nobody reads the output any more, or it cannot be written.
    """
    with channel:
        async for thing in channel:
            things = [thing]
            while True:
                try:
                    things.append(channel.receive_nowait())
                except (trio.WouldBlock, trio.EndOfChannel):
                    break
            await trio.to_thread.run_sync(screen.show, things, abandon_on_cancel=True)
