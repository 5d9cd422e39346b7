"""
Who waits for data on a socket: one task for all of them.

A task that waits for its own socket costs trio a switch to it, and the kernel a call to be asked again, for each
message: with hundreds of sessions a fifth of all that a message costs. So one of those who wait does it for all of
them, with an epoll of its own, and calls each in its place.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from geppetto.per_loop import of_this_loop

if TYPE_CHECKING:
    from collections.abc import Callable

_HAS_EPOLL: Final = hasattr(select, "epoll")
"""Elsewhere each waits for its own."""
_CALLS: Final = 64
"""At once; then everybody else has a turn."""


async def call_when_readable(fd: int, call: Callable[[], bool]) -> None:
    """
    Call *call* whenever there is something to read from *fd*, until it returns False; only one may wait for *fd*.

    Any of those who wait may be the one who calls it, so it must not look at its task or context.

    Cancellation: *call* is not called any more.

    Raises:
        ClosedResourceError: *fd* is closed; see `notify_closing`.
        Exception: whatever *call* raised.
    """
    if not _HAS_EPOLL:
        while True:
            await trio.lowlevel.wait_readable(fd)
            if not call():
                return
    await trio.lowlevel.checkpoint_if_cancelled()
    await of_this_loop(_watches, _Watch).wait(fd, call)


def notify_closing(fd: int) -> None:
    """Have whoever waits for *fd* leave: it is about to be closed. As `trio.lowlevel.notify_closing`."""
    with suppress(LookupError):
        _watches.get().end(fd, trio.ClosedResourceError("this socket was closed"))


def is_behind() -> bool:
    """Whether, when it was last looked, more could be read than was."""
    try:
        return _watches.get().behind
    except LookupError:
        return False


class _Caller(msgspec.Struct, eq=False):
    """Somebody who waits."""

    call: Callable[[], bool]
    task: trio.lowlevel.Task
    leads: bool
    """Whether it waits for all."""
    failure: Exception | None = None


class _Watch:
    """Those who wait: the first of them for all, and when it leaves, another one does."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callers: dict[int, _Caller] = {}
        self.behind = False
        """Whether there was more to read for than can be called at once."""

    async def wait(self, fd: int, call: Callable[[], bool]) -> None:
        """See `call_when_readable`."""
        caller = _Caller(call, trio.lowlevel.current_task(), leads=not self._callers)
        if self._epoll.closed:
            self._epoll = select.epoll()
        self._callers[fd] = caller
        self._epoll.register(fd, select.EPOLLIN)

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._forget(fd)
            return trio.lowlevel.Abort.SUCCEEDED

        try:
            if not caller.leads:
                await trio.lowlevel.wait_task_rescheduled(abort)
            while self._callers.get(fd) is caller:
                await self._call_all()
        finally:
            if self._callers.get(fd) is caller:
                self._forget(fd)
            if caller.leads:
                self._hand_over()
        if caller.failure is not None:
            raise caller.failure

    def end(self, fd: int, failure: Exception | None) -> None:
        """Let whoever waits for *fd*, if anybody does, go on, with *failure*."""
        caller = self._callers.get(fd)
        if caller is None:
            return
        caller.failure = failure
        self._forget(fd)
        if caller.leads:
            trio.lowlevel.notify_closing(self._epoll)  # it waits there, or will look before it does
        else:
            trio.lowlevel.reschedule(caller.task)

    async def _call_all(self) -> None:
        """Wait until somebody can read, and call those who can."""
        try:
            await trio.lowlevel.wait_readable(self._epoll)
        except trio.ClosedResourceError:  # `end` says so
            return
        readable = self._epoll.poll(0, _CALLS)
        self.behind = len(readable) == _CALLS
        for fd, _events in readable:
            caller = self._callers.get(fd)
            if caller is None:
                continue  # one of those called before it has cancelled it
            failure = None
            try:
                if caller.call():
                    continue
            except Exception as error:
                failure = error
            self.end(fd, failure)  # unless it has cancelled itself

    def _hand_over(self) -> None:
        """Have another one wait for all."""
        for caller in self._callers.values():
            caller.leads = True
            trio.lowlevel.reschedule(caller.task)
            return
        self._epoll.close()

    def _forget(self, fd: int) -> None:
        del self._callers[fd]
        with suppress(OSError):  # a closed socket is forgotten already
            self._epoll.unregister(fd)


_watches: trio.lowlevel.RunVar[_Watch] = trio.lowlevel.RunVar("sockets")
