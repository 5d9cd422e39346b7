"""Who is told of what happens: files and screen, each through its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import trio

from geppetto.errors import OutputFailed
from geppetto.notices import Notice, Ready, Words
from geppetto.realtime import happenings as happened

if TYPE_CHECKING:
    from geppetto.notices import ToDisplay
    from geppetto.realtime.happenings import Happening

T = TypeVar("T")
ToFiles = happened.ReplyAudio | happened.ReplyText | happened.ReplyDone
"""What the one who writes files is told: the end of a reply comes behind its last byte and word."""


async def hand_on(channel: trio.MemorySendChannel[T], value: T, patience_s: float, who: str) -> None:
    """
    Wait for room, but not for ever: a receiver that is stuck here sends no pongs.

    Raises:
        OutputFailed: *who* took nothing for *patience_s* seconds.
    """
    try:
        with trio.fail_after(patience_s):
            await channel.send(value)
    except trio.BrokenResourceError:
        await trio.sleep_forever()  # the receiver failed, and has ended the session with it
    except trio.TooSlowError as error:
        msg = f"{who} took nothing for {patience_s:g} s. Check the disk and the reader of the output."
        raise OutputFailed(msg) from error


async def route(
    happening: Happening,
    files: trio.MemorySendChannel[ToFiles],
    display: trio.MemorySendChannel[ToDisplay],
    patience_s: float,
) -> None:
    """
    Hand *happening* to whom it concerns.

    Raises:
        GeppettoError: it is the end of the session.
        OutputFailed: files or screen did not keep up for *patience_s* seconds.
    """

    async def show(thing: ToDisplay) -> None:
        await hand_on(display, thing, patience_s, "The screen")

    match happening:
        case happened.ReplyAudio() | happened.ReplyDone():
            await hand_on(files, happening, patience_s, "The audio files")
        case happened.ReplyText():
            if happening.reply.turn is not None:
                await show(Words(happening.reply.turn.index, happening.delta))
            await hand_on(files, happening, patience_s, "The audio files")
        case happened.SessionReady():
            await show(Ready())
        case happened.RateLimited():
            await show(Notice(f"the server is at its rate limit: {happening.error}; asking again"))
        case happened.HistoryCut():
            await show(Notice(f"the conversation is long: its {happening.dropped} oldest parts were not told again"))
        case happened.Complaint():
            await show(Notice(f"the server reported an error: {happening.error}"))
        case happened.SessionOver():
            error = happening.ending.error
            assert error is not None
            raise error
        case happened.QuestionAsked():
            pass
