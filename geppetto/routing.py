"""Who is told of what happens: files and screen, each through its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import trio

from geppetto.errors import OutputFailed
from geppetto.notices import Heard, Notice, Ready, Sound, Words
from geppetto.realtime import happenings as happened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from geppetto.notices import ToDisplay
    from geppetto.realtime.happenings import Happening
    from geppetto.records.recorder import ToFiles

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
_TO_FILES = (happened.ReplyAudio, happened.ReplyText, happened.ReplyDone)


class Sending(Protocol[T_contra]):
    """The sending end of a channel."""

    def send_nowait(self, value: T_contra, /) -> None:
        """Send *value*; raise `trio.WouldBlock` where there is no room."""

    async def send(self, value: T_contra, /) -> None:
        """Send *value* when there is room."""


class Roomy(Protocol):
    """The sending end of the channel to the files."""

    @property
    def room(self) -> int:
        """How much can be sent without waiting."""

    def send_together(self, happenings: Sequence[ToFiles], /) -> None:
        """Send *happenings*, for which there is room."""


async def hand_on(channel: Sending[T], value: T, patience_s: float, who: str, *, shield: bool = False) -> None:
    """
    Hand *value* on; wait for room, but not for ever: a receiver that is stuck here sends no pongs.

    Where there is room it does not wait, not even for the others to have their turn: for each of the hundreds of
    deltas a second that would cost more than all that is done with them.

    Cancellation: leaves at once; with *shield* only when *value* is handed on, or its receiver gone.

    Raises:
        OutputFailed: *who* took nothing for *patience_s* seconds.
    """
    try:
        try:
            channel.send_nowait(value)
        except trio.WouldBlock:
            with trio.fail_after(patience_s, shield=shield):
                await channel.send(value)
    except trio.BrokenResourceError:
        await trio.sleep_forever()  # the receiver failed, and has ended the session with it
    except trio.TooSlowError as error:
        msg = f"{who} took nothing for {patience_s:g} s. Check the disk and the reader of the output."
        raise OutputFailed(msg) from error


def offer(
    happenings: Sequence[Happening],
    files: Roomy,
    display: trio.MemorySendChannel[ToDisplay],
    *,
    words: bool = True,
    sound: bool = False,
) -> bool:
    """
    Hand all *happenings* on, as `route`, if nobody has to wait for anything; return whether that was so.

    Otherwise nothing is handed on, and nothing raised.
    """
    for_files, for_people = _sorted(happenings, words=words, sound=sound)
    things: list[ToDisplay] = []
    for happening in for_people:
        if isinstance(happening, happened.SessionOver):
            return False
        thing = _shown(happening, words=words, sound=sound)
        if thing is not None:
            things.append(thing)
    if len(for_files) > files.room:
        return False
    if things:
        statistics = display.statistics()
        if not statistics.open_receive_channels or (
            len(things) > statistics.max_buffer_size - statistics.current_buffer_used
        ):
            return False
    if for_files:
        files.send_together(for_files)
    for thing in things:
        display.send_nowait(thing)
    return True


async def route(
    happenings: Iterable[Happening],
    files: Sending[ToFiles],
    display: Sending[ToDisplay],
    patience_s: float,
    waits: Callable[[], None],
    *,
    words: bool = True,
    sound: bool = False,
) -> None:
    """
    Hand *happenings* to whom they concern; words and audio to the display, too, if that wants them.

    Calls *waits* before it waits for room.

    Cancellation: the files are told everything first. The conversation has changed with what was heard already, so
        that the end of a reply, lost here, would leave its files unfinished. The screen may miss something.

    Raises:
        GeppettoError: they are the end of the session.
        OutputFailed: files or screen did not keep up for *patience_s* seconds.
    """
    for_files, for_people = _sorted(happenings, words=words, sound=sound)
    for one in for_files:
        if not _taken(files, one):
            waits()
            await hand_on(files, one, patience_s, "The audio files", shield=True)
    for happening in for_people:
        thing = _shown(happening, words=words, sound=sound)
        if thing is not None and not _taken(display, thing):
            waits()
            await hand_on(display, thing, patience_s, "The screen")


def _sorted(happenings: Iterable[Happening], *, words: bool, sound: bool) -> tuple[list[ToFiles], list[Happening]]:
    """Return what the files are told, and what may be shown."""
    for_files: list[ToFiles] = []
    for_people: list[Happening] = []
    for happening in happenings:
        if isinstance(happening, _TO_FILES):
            for_files.append(happening)
            if not (sound if isinstance(happening, happened.ReplyAudio) else words):
                continue
        for_people.append(happening)
    return for_files, for_people


def _taken(channel: Sending[T], value: T) -> bool:
    """Hand *value* on where that can be done at once; return whether it could."""
    try:
        channel.send_nowait(value)
    except (trio.WouldBlock, trio.BrokenResourceError):
        return False
    return True


def _shown(happening: Happening, *, words: bool, sound: bool) -> ToDisplay | None:
    """Return what the display is told of *happening*; raise what ends the session."""
    match happening:
        case happened.ReplyAudio():
            return Sound(happening) if sound and happening.reply.turn is not None else None
        case happened.ReplyText():
            turn = happening.reply.turn
            return Words(turn.index, happening.delta) if words and turn is not None else None
        case happened.QuestionHeard():
            return Heard(happening.turn.index, happening.text)
        case happened.QuestionUnheard():
            return Notice(f"what was said in the question is not known: {happening.error}")
        case happened.SessionReady():
            return Ready()
        case happened.RateLimited():
            return Notice(f"the server is at its rate limit: {happening.error}; asking again")
        case happened.HistoryCut():
            return Notice(f"the conversation is long: its {happening.dropped} oldest parts were not told again")
        case happened.Complaint():
            return Notice(f"the server reported an error: {happening.error}")
        case happened.SessionOver():
            error = happening.ending.error
            assert error is not None
            raise error
        case happened.QuestionAsked() | happened.ReplyDone() | happened.SettingsHold() | happened.SettingsRefused():
            return None
