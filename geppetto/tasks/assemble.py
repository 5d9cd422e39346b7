"""The task that turns arriving audio, words and finished replies into files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from geppetto.intake import Intake
    from geppetto.realtime.reply import Reply
    from geppetto.records.reply_files import SavedReply


class OpenReplies(Protocol):
    """Gives the replies that have begun and are not over."""

    def __call__(self) -> Iterable[Reply]:
        """Return them, oldest first."""


async def assemble(
    intake: Intake, deliver: Callable[[SavedReply], Awaitable[None]], open_replies: OpenReplies
) -> None:
    """
    See to it that what comes through *intake* is written, and deliver each reply when its files are closed.

    When the channel ends, the replies that are still open are saved as partial.

    Args:
        intake: the channel: audio and words, and the end of each reply behind its last byte and word.
        deliver: is told of each saved reply.
        open_replies: what is cut off when the channel ends.

    Closes: *intake*, and every file.

    Cancellation: run it shielded, with a deadline once the session is over; at the deadline it leaves a
        hanging disk behind, and what was not written is lost.

    Raises:
        OutputFailed: a file cannot be written.
    """
    try:
        while saved := await intake.saved():
            for one in saved:
                await deliver(one)
        for one in await intake.cut_off(list(open_replies())):
            await deliver(one)
    finally:
        intake.abandon()
