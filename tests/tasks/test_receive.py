"""What is heard, and how long is waited for it, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.errors import ConnectionLost, OutputFailed
from geppetto.realtime.happenings import SessionReady
from geppetto.tasks.receive import StallWatch, receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trio.testing import MockClock

    from geppetto.realtime.happenings import Happening


class Server:
    """Gives messages as they are put in, some at a time, then closes."""

    def __init__(self, *messages: Sequence[str | bytes]) -> None:
        """Have *messages* ready."""
        self._messages = list(messages)

    async def listen(self, take: Callable[[Sequence[str | bytes]], bool]) -> None:
        """Hand on the next messages."""
        await trio.lowlevel.checkpoint()
        while self._messages:
            if not take(self._messages.pop(0)):
                return
        raise ConnectionLost("The connection was lost.")


def ready(session_id: str) -> SessionReady:
    """Return a happening with a name."""
    return SessionReady(session_id=session_id, expires_at=None)


async def test_what_is_heard_is_handed_on_in_order(autojump_clock: MockClock) -> None:
    """
    Every happening of messages that came together is handed on before the next are heard; the close is told.

    What there is room for is handed on at once, and what there is none for is waited for.
    """
    log: list[str] = []

    def hear(messages: Sequence[str | bytes], happenings: list[Happening]) -> None:
        log.append(f"hear {messages!r}")
        happenings += [ready(repr(message)) for message in messages]

    async def hand_on(happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            assert isinstance(happening, SessionReady)
            await trio.sleep(1)
            log.append(f"hand on {happening.session_id}")

    def offer(happenings: Sequence[Happening]) -> bool:
        if happenings == [ready("b'c'")]:
            log.append("offer b'c'")
            return True
        return False

    def behind() -> bool:
        return log[-1] == "offer b'c'"

    async def keep_up() -> None:
        await trio.sleep(1)
        log.append("keep up")

    with pytest.raises(ConnectionLost, match="was lost"):
        await receive(Server(["a", "b"], [b"c"], [b"c"]), hear, offer, hand_on, behind, keep_up)
    first = ["hear ['a', 'b']", "hand on 'a'", "hand on 'b'", "keep up"]
    assert log == first + 2 * ["hear [b'c']", "offer b'c'", "keep up"]


async def test_what_came_before_the_end_is_handed_on() -> None:
    """A message after which there is no going on takes nothing from those before it."""
    handed_on: list[Happening] = []

    def hear(messages: Sequence[str | bytes], happenings: list[Happening]) -> None:
        happenings.append(ready("first"))
        raise OutputFailed("The disk is full.")

    async def hand_on(happenings: Iterable[Happening]) -> None:
        handed_on.extend(happenings)

    with pytest.raises(OutputFailed, match="full"):
        await receive(Server(["a", "b"]), hear, lambda _: True, hand_on, lambda: False, trio.lowlevel.checkpoint)
    assert handed_on == [ready("first")]


async def test_what_is_owed_is_waited_for_so_long(autojump_clock: MockClock) -> None:
    """When it does not come, the sentence says what was awaited, and for how long."""
    stall = StallWatch(60.0)
    stall.expect("The answer")
    start = trio.current_time()
    with pytest.raises(ConnectionLost, match=r"^The answer did not come for 60 s\. Try again"):
        await stall.watch()
    assert trio.current_time() - start == pytest.approx(60)


async def test_a_wait_has_its_own_length(autojump_clock: MockClock) -> None:
    """The opening of the session is waited for another time than an answer."""
    stall = StallWatch(60.0)
    stall.expect("The opening", 15.0)
    with pytest.raises(ConnectionLost, match="The opening did not come for 15 s"):
        await stall.watch()


async def test_a_wait_is_known_until_nothing_is_owed() -> None:
    """Whoever could start one sees whether one runs."""
    stall = StallWatch(60.0)
    seen = [stall.running]
    stall.expect("The answer")
    seen.append(stall.running)
    stall.relax()
    seen.append(stall.running)
    assert seen == [False, True, False]


async def test_progress_moves_the_deadline(autojump_clock: MockClock) -> None:
    """Somebody who sees progress gives it more time, again and again."""
    stall = StallWatch(60.0)
    stall.expect("The answer")
    start = trio.current_time()

    async def progress() -> None:
        for _ in range(3):
            await trio.sleep(50)
            stall.expect("The answer")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(progress)
        with pytest.raises(ConnectionLost):
            await stall.watch()
    assert trio.current_time() - start == pytest.approx(210)


@pytest.mark.parametrize("before_s", [None, 60.0])
async def test_what_must_come_sooner_is_watched_sooner(autojump_clock: MockClock, before_s: float | None) -> None:
    """A wait that begins, or becomes shorter, while nothing or something else is awaited ends in time."""
    stall = StallWatch(60.0)
    if before_s is not None:
        stall.expect("The answer", before_s)
    start = trio.current_time()

    async def change() -> None:
        await trio.sleep(10)
        stall.expect("The opening", 5.0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change)
        with pytest.raises(ConnectionLost, match="The opening did not come for 5 s"):
            await stall.watch()
    assert trio.current_time() - start == pytest.approx(15)


async def test_nothing_owed_is_waited_for_without_end(autojump_clock: MockClock) -> None:
    """A person who does not ask has all the time in the world, from the start and after an answer."""
    stall = StallWatch(60.0)
    with trio.move_on_after(10_000) as patience:
        await stall.watch()
    assert patience.cancelled_caught

    async def answer() -> None:
        stall.expect("The answer")
        await trio.sleep(1)
        stall.relax()

    with trio.move_on_after(10_000) as patience:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            await stall.watch()
    assert patience.cancelled_caught
