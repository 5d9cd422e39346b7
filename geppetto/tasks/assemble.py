"""The task that turns arriving audio and finished replies into files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from geppetto.realtime.happenings import ReplyAudio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from geppetto.realtime.happenings import ReplyDone
    from geppetto.realtime.reply import Reply
    from geppetto.records.recorder import Recorder, SavedReply


class OpenReplies(Protocol):
    """Gives the replies that have begun and are not over."""

    def __call__(self) -> Iterable[Reply]:
        """Return them, oldest first."""


async def assemble(
    channel: trio.MemoryReceiveChannel[ReplyAudio | ReplyDone],
    recorder: Recorder,
    deliver: Callable[[SavedReply], Awaitable[None]],
    open_replies: OpenReplies,
) -> None:
    """
    Write audio as it arrives, a batch for each hop to a thread, and deliver each reply when its files are closed.

    When the channel ends, the replies that are still open are saved as partial.

    Args:
        channel: audio, and the end of each reply behind its last byte.
        recorder: does the writing, in threads.
        deliver: is told of each saved reply.
        open_replies: what is cut off when the channel ends.

    Closes: *channel*, and every file.

    Cancellation: run it shielded, with a deadline once the session is over; at the deadline it leaves a
        hanging disk behind, and what was not written is lost.

    Raises:
        OutputFailed: a file cannot be written.
    """

    async def write() -> None:
        await trio.to_thread.run_sync(recorder.write, abandon_on_cancel=True)
        for saved in recorder.take_saved():
            await deliver(saved)

    try:
        with channel:
            async for happening in channel:
                _queue(recorder, happening)
                while True:
                    try:
                        _queue(recorder, channel.receive_nowait())
                    except (trio.WouldBlock, trio.EndOfChannel):
                        break
                await write()
        for reply in open_replies():
            recorder.end(reply)
        await write()
    finally:
        recorder.close()


def _queue(recorder: Recorder, happening: ReplyAudio | ReplyDone) -> None:
    if isinstance(happening, ReplyAudio):
        recorder.audio(happening.reply, happening.item_id, happening.content_index, happening.pcm)
    else:
        recorder.end(happening.reply)
