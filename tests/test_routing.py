"""Who is told of what, and what a full channel does, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from geppetto.errors import Ending, OutputFailed, ServerRefused
from geppetto.notices import Notice, Ready, ToDisplay, Words
from geppetto.realtime.events import ErrorDetails
from geppetto.realtime.happenings import (
    Complaint,
    HistoryCut,
    QuestionAsked,
    RateLimited,
    ReplyAudio,
    ReplyDone,
    ReplyText,
    SessionOver,
    SessionReady,
)
from geppetto.realtime.reply import Reply, Turn
from geppetto.records.recorder import ToFiles
from geppetto.routing import hand_on, offer, route
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio.testing import MockClock

    from geppetto.realtime.happenings import Happening

TURN = Turn(index=3, question="a?")
OURS = Reply(turn=TURN)
FOREIGN = Reply()
ERROR = ErrorDetails(code="oops")
AUDIO = ReplyAudio(reply=OURS, item_id="i", content_index=0, pcm=b"\0\0")
TEXT = ReplyText(reply=OURS, delta="Hi")
FOREIGN_TEXT = ReplyText(reply=FOREIGN, delta="Hi")
DONE = ReplyDone(reply=OURS)


def nothing() -> None:
    """Nobody has to be told that there is a wait."""


@attrs.define
class Files:
    """Has room for so much at a time."""

    room: int
    told: list[ToFiles] = attrs.field(factory=list)

    def send_together(self, happenings: Sequence[ToFiles]) -> None:
        """Take *happenings*."""
        self.told += happenings


@pytest.mark.parametrize(
    ("happening", "files", "shown"),
    [
        (AUDIO, [AUDIO], []),
        (DONE, [DONE], []),
        (TEXT, [TEXT], [Words(3, "Hi")]),
        (FOREIGN_TEXT, [FOREIGN_TEXT], []),
        (SessionReady(session_id="s", expires_at=None), [], [Ready()]),
        (
            RateLimited(turn=TURN, error=ERROR, wait_s=1.0),
            [],
            [Notice("the server is at its rate limit: oops; asking again")],
        ),
        (
            HistoryCut(dropped=2),
            [],
            [Notice("the conversation is long: its 2 oldest parts were not told again")],
        ),
        (Complaint(error=ERROR), [], [Notice("the server reported an error: oops")]),
        (QuestionAsked(turn=TURN), [], []),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_everyone_is_told_what_concerns_them(
    happening: Happening, files: list[object], shown: list[object]
) -> None:
    """Files get audio, words and ends; the screen gets the words that were asked for, and what a person must know."""
    files_send, files_receive = trio.open_memory_channel[ToFiles](9)
    display_send, display_receive = trio.open_memory_channel[ToDisplay](9)
    await route([happening], files_send, display_send, 1.0, nothing)
    files_send.close()
    display_send.close()
    assert [thing async for thing in files_receive] == files
    assert [thing async for thing in display_receive] == shown
    to_files = Files(room=1)
    display_send, display_receive = trio.open_memory_channel[ToDisplay](1)
    assert offer([happening], to_files, display_send)
    display_send.close()
    assert to_files.told == files
    assert [thing async for thing in display_receive] == shown


async def test_all_or_nothing_is_handed_on_without_waiting() -> None:
    """Where one has no room or is gone, or the session is over, nobody is told anything yet."""
    over = SessionOver(ending=Ending(ExitStatus.REFUSED, "No."))
    heard: list[Happening] = [AUDIO, TEXT]
    display_send, display_receive = trio.open_memory_channel[ToDisplay](1)
    files = Files(room=2)
    assert not offer(heard, Files(room=1), display_send)
    assert not offer([*heard, TEXT], files, display_send)
    assert not offer([TEXT, over], files, display_send)
    assert offer(heard, files, display_send)
    assert not offer([TEXT], files, display_send)
    assert display_receive.receive_nowait() == Words(3, "Hi")
    display_receive.close()
    assert not offer([TEXT], files, display_send)
    assert offer([FOREIGN_TEXT], files, display_send)
    assert files.told == [AUDIO, TEXT, FOREIGN_TEXT]


async def test_the_end_of_the_session_is_raised() -> None:
    """It is an error like any other end of a connection."""
    files_send, _files = trio.open_memory_channel[ToFiles](0)
    display_send, _display = trio.open_memory_channel[ToDisplay](0)
    over = SessionOver(ending=Ending(ExitStatus.REFUSED, "No."))
    with pytest.raises(ServerRefused, match=r"^No\.$"):
        await route([over], files_send, display_send, 1.0, nothing)


async def test_the_files_miss_nothing(autojump_clock: MockClock) -> None:
    """Whoever is cancelled, the files are told all that a message means; a stuck screen is not waited for."""
    files_send, files_receive = trio.open_memory_channel[ToFiles](0)
    display_send, _display = trio.open_memory_channel[ToDisplay](0)
    told: list[ToFiles] = []

    async def write() -> None:
        with trio.CancelScope(shield=True):
            async for thing in files_receive:
                await trio.sleep(1)
                told.append(thing)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        with files_send, trio.CancelScope() as scope:
            scope.cancel()
            await route([AUDIO, TEXT, DONE], files_send, display_send, 100.0, nothing)
    assert scope.cancelled_caught
    assert told == [AUDIO, TEXT, DONE]
    assert trio.current_time() < 10


async def test_a_full_channel_is_waited_for(autojump_clock: MockClock) -> None:
    """A short stall of the disk loses nothing."""
    send, receive = trio.open_memory_channel[int](1)
    send.send_nowait(1)

    async def drain() -> None:
        await trio.sleep(9)
        receive.receive_nowait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain)
        await hand_on(send, 2, 10.0, "The screen")
    assert receive.receive_nowait() == 2


async def test_a_full_channel_is_not_waited_for_without_end(autojump_clock: MockClock) -> None:
    """A stalled disk or terminal ends the session with a sentence that names it: the pongs must go on."""
    send, _receive = trio.open_memory_channel[int](0)
    start = trio.current_time()
    with pytest.raises(OutputFailed, match=r"^The screen took nothing for 10 s\. Check the disk"):
        await hand_on(send, 1, 10.0, "The screen")
    assert trio.current_time() - start == pytest.approx(10)


async def test_who_has_failed_need_not_be_told(autojump_clock: MockClock) -> None:
    """A receiver that is gone has a reason of its own, which ends the session; this one waits for that end."""
    send, receive = trio.open_memory_channel[int](0)
    receive.close()
    for shield in (False, True):
        with trio.move_on_after(1000) as scope:
            await hand_on(send, 1, 10.0, "The screen", shield=shield)
        assert scope.cancelled_caught
