"""The task that hears the server: frame, event, conversation, and on to the ones who write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import trio

from geppetto.errors import ConnectionLost, OutputFailed
from geppetto.notices import Notice, Ready, Words
from geppetto.realtime.happenings import (
    Complaint,
    QuestionAsked,
    ReplyAudio,
    ReplyDone,
    ReplyText,
    SessionOver,
    SessionReady,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from geppetto.notices import ToDisplay
    from geppetto.realtime.happenings import (
        Happening,
    )

T = TypeVar("T")


class Source(Protocol):
    """Where messages come from."""

    async def receive(self) -> str | bytes:
        """Return the next message."""


class StallWatch:
    """A deadline for the next sign of progress, moved by whoever sees one."""

    def __init__(self, timeout_s: float) -> None:
        """Give every wait *timeout_s* seconds; no wait is bounded until `expect`."""
        self._timeout_s = timeout_s
        self._deadline = float("inf")
        self._scope: trio.CancelScope | None = None
        self.waiting_for = ""
        """What is awaited, for the sentence that ends the session."""

    def expect(self, what: str, timeout_s: float | None = None) -> None:
        """Start the clock for *what*, from now."""
        self.waiting_for = what
        self._timeout_s = timeout_s if timeout_s is not None else self._timeout_s
        self._move(trio.current_time() + self._timeout_s)

    def relax(self) -> None:
        """Stop the clock: nothing is owed."""
        self._move(float("inf"))

    def _move(self, deadline: float) -> None:
        self._deadline = deadline
        if self._scope is not None:
            self._scope.deadline = deadline

    async def receive(self, source: Source) -> str | bytes:
        """
        Return the next message of *source*.

        Raises:
            ConnectionLost: the deadline passed first.
        """
        with trio.CancelScope(deadline=self._deadline) as self._scope:
            return await source.receive()
        self._scope = None
        msg = f"{self.waiting_for} did not come for {self._timeout_s:g} s. Try again, or raise the time limit."
        raise ConnectionLost(msg)


async def receive(
    source: Source,
    hear: Callable[[str | bytes], Iterable[Happening]],
    stall: StallWatch,
    audio_send: trio.MemorySendChannel[ReplyAudio | ReplyDone],
    display_send: trio.MemorySendChannel[ToDisplay],
    patience_s: float,
) -> None:
    """
    Hear messages until the connection ends, and hand on what they mean.

    Args:
        source: gives one message at a time.
        hear: takes a message, changes the conversation, and returns what happened.
        stall: bounds the wait for the next message while one is owed.
        audio_send: to the one who writes files: audio, and the end of a reply behind its last byte.
        display_send: to the one who writes the screen.
        patience_s: how long a full channel may stay full.

    Closes: *audio_send* and *display_send*.

    Cancellation: leaves at once; what was heard has been handed on.

    Raises:
        GeppettoError: the connection or the session ended.
        OutputFailed: files or screen did not keep up for *patience_s* seconds.
    """
    with audio_send, display_send:
        while True:
            message = await stall.receive(source)
            for happening in hear(message):
                match happening:
                    case ReplyAudio() | ReplyDone():
                        await _hand_on(audio_send, happening, patience_s, "The audio files")
                    case ReplyText():
                        if happening.reply.turn is not None:
                            words = Words(happening.reply.turn.index, happening.delta)
                            await _hand_on(display_send, words, patience_s, "The screen")
                    case SessionReady():
                        await _hand_on(display_send, Ready(), patience_s, "The screen")
                    case Complaint():
                        notice = Notice(f"the server reported an error: {happening.error}")
                        await _hand_on(display_send, notice, patience_s, "The screen")
                    case SessionOver():
                        error = happening.ending.error
                        assert error is not None
                        raise error
                    case QuestionAsked():
                        pass


async def _hand_on(channel: trio.MemorySendChannel[T], value: T, patience_s: float, who: str) -> None:
    """Wait for room, but not for ever: a receiver that is stuck here sends no pongs."""
    try:
        with trio.fail_after(patience_s):
            await channel.send(value)
    except trio.BrokenResourceError:
        await trio.sleep_forever()  # the receiver failed, and has ended the session with it
    except trio.TooSlowError as error:
        msg = f"{who} took nothing for {patience_s:g} s. Check the disk and the reader of the output."
        raise OutputFailed(msg) from error
