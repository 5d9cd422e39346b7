"""The task that turns arriving audio, words and finished replies into files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from geppetto.hops import in_thread
from geppetto.realtime.happenings import ReplyAudio, ReplyText

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from geppetto.realtime.reply import Reply
    from geppetto.records.recorder import Recorder
    from geppetto.records.reply_files import SavedReply
    from geppetto.routing import ToFiles


WORDS_WAIT_S = 0.25
"""How long words wait for audio to be written with: by itself each would cost a hop to a thread."""


class OpenReplies(Protocol):
    """Gives the replies that have begun and are not over."""

    def __call__(self) -> Iterable[Reply]:
        """Return them, oldest first."""


async def assemble(
    channel: trio.MemoryReceiveChannel[ToFiles],
    recorder: Recorder,
    deliver: Callable[[SavedReply], Awaitable[None]],
    open_replies: OpenReplies,
) -> None:
    """
    Write audio as it arrives, a batch for each hop to a thread, and deliver each reply when its files are closed.

    Words go along with the audio, or by themselves when none comes for `WORDS_WAIT_S`. What was written is flushed to
    the disk in time also when nothing more comes.

    When the channel ends, the replies that are still open are saved as partial.

    Args:
        channel: audio and words, and the end of each reply behind its last byte and word.
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
        await in_thread(recorder.directory, recorder.write)
        for saved in recorder.take_saved():
            await deliver(saved)

    try:
        with channel:
            words_due = float("inf")
            while True:
                with trio.move_on_at(min(words_due, trio.current_time() + recorder.sync_due_s())):
                    try:
                        audible = _queue_all(recorder, await channel.receive(), channel)
                    except trio.EndOfChannel:
                        break
                    if not audible:
                        words_due = min(words_due, trio.current_time() + WORDS_WAIT_S)
                        continue
                await write()
                words_due = float("inf")
        for reply in open_replies():
            recorder.end(reply)
        await write()
    finally:
        recorder.close()


def _queue_all(recorder: Recorder, happening: ToFiles, channel: trio.MemoryReceiveChannel[ToFiles]) -> bool:
    """Queue *happening* and all that has come behind it; return whether there was more than words."""
    more_than_words = False
    while True:
        if isinstance(happening, ReplyText):
            recorder.text(happening.reply, happening.delta)
        elif isinstance(happening, ReplyAudio):
            recorder.audio(happening.reply, happening.item_id, happening.content_index, happening.pcm)
            more_than_words = True
        else:
            recorder.end(happening.reply)
            more_than_words = True
        try:
            happening = channel.receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            return more_than_words
