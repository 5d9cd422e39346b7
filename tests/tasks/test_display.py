"""What is shown, and how much at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from geppetto.errors import OutputFailed
from geppetto.notices import ToDisplay, Words
from geppetto.tasks.display import display

if TYPE_CHECKING:
    from collections.abc import Sequence


class Slow:
    """A screen that shows nothing before it may."""

    def __init__(self) -> None:
        """Hold everything back."""
        self.may_show = threading.Event()
        self.shown: list[list[str]] = []
        self.threads: set[int] = set()

    def show(self, things: Sequence[ToDisplay]) -> None:
        """Take *things*."""
        self.may_show.wait(5)
        self.threads.add(threading.get_ident())
        self.shown.append([thing.text for thing in things if isinstance(thing, Words)])


def words(text: str) -> ToDisplay:
    """Return words of the first answer."""
    return Words(1, text)


async def test_what_came_during_a_write_is_written_at_once() -> None:
    """A slow terminal gets more at a time, in order, from a thread; nothing is left when the channel ends."""
    screen = Slow()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            send, receive = trio.open_memory_channel[ToDisplay](10)
            nursery.start_soon(display, receive, screen)
            await send.send(words("a"))
            await wait_all_tasks_blocked()
            for text in "bcd":
                await send.send(words(text))
            send.close()
            screen.may_show.set()
    assert screen.shown == [["a"], ["b", "c", "d"]]
    assert threading.get_ident() not in screen.threads


async def test_a_screen_that_fails_closes_the_channel() -> None:
    """The reason is raised, and who still talks to the screen notices."""

    class Broken:
        def show(self, things: Sequence[ToDisplay]) -> None:
            raise OutputFailed("The answer cannot be written.")

    send, receive = trio.open_memory_channel[ToDisplay](10)
    send.send_nowait(words("a"))
    with trio.fail_after(5), pytest.raises(OutputFailed, match="cannot be written"):
        await display(receive, Broken())
    with pytest.raises(trio.BrokenResourceError):
        send.send_nowait(words("b"))


async def test_a_stalled_terminal_is_left_behind() -> None:
    """Cancelling does not wait for the write that hangs."""
    screen = Slow()
    send, receive = trio.open_memory_channel[ToDisplay](10)
    send.send_nowait(words("a"))
    try:
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(display, receive, screen)
                await wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        assert screen.shown == []
    finally:
        screen.may_show.set()
