"""The first reason ends the session, and everything that waits for one."""

from __future__ import annotations

import trio

from geppetto.errors import Ending
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper

QUIT = Ending(ExitStatus.OK, "")
LOST = Ending(ExitStatus.CONNECTION_LOST, "Lost.")
FULL = Ending(ExitStatus.OUTPUT_FAILED, "Full.")


def test_the_first_ending_wins() -> None:
    """What fails because the session is ending is not why it ends."""
    stopper = Stopper()
    assert stopper.ending is None
    stopper.stop(LOST)
    stopper.stop(QUIT)
    stopper.stop(FULL)
    assert stopper.ending == LOST


def test_a_good_ending_is_none_when_a_file_failed() -> None:
    """Whoever leaves with `.quit` must know that the last answer is not on the disk; nothing else is news."""
    stopper = Stopper()
    stopper.stop(QUIT)
    stopper.stop(LOST)
    assert stopper.ending == QUIT
    stopper.stop(FULL)
    assert stopper.ending == FULL


async def test_an_ending_cancels_whoever_waits() -> None:
    """Scopes inside `cancels` are cancelled, those that left before are not."""
    stopper = Stopper()
    with trio.CancelScope() as left, stopper.cancels(left):
        await trio.lowlevel.checkpoint()
    with trio.fail_after(1), trio.CancelScope() as scope, stopper.cancels(scope):
        stopper.stop(LOST)
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert not left.cancel_called


async def test_who_comes_too_late_is_cancelled_at_once() -> None:
    """A scope that is entered after the end does not wait for another one."""
    stopper = Stopper()
    stopper.stop(QUIT)
    with trio.fail_after(1), trio.CancelScope() as scope, stopper.cancels(scope):
        await trio.sleep_forever()
    assert scope.cancelled_caught


def test_hooks_are_called_once() -> None:
    """At the end, or at once if it was before, and not again for a second reason."""
    stopper = Stopper()
    called: list[str] = []
    stopper.on_stop(lambda: called.append("early"))
    assert called == []
    stopper.stop(QUIT)
    stopper.on_stop(lambda: called.append("late"))
    stopper.stop(FULL)
    assert called == ["early", "late"]
