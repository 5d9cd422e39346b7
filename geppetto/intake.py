"""
The channel to the files: from the task that hears the server to the thread that writes.

It has the ends of a memory channel, but nothing is handed from task to task in it. What is sent is in the queue of
the one who writes already, and the task at the receiving end wakes up for what it has to do: a reply whose files are
closed, a failure, the end. To wake it for each piece of audio would cost as much as to write the piece.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Self

import trio

from geppetto.hops import Job
from geppetto.realtime.happenings import ReplyAudio, ReplyDone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from geppetto.realtime.reply import Reply
    from geppetto.records.recorder import Recorder, ToFiles
    from geppetto.records.reply_files import SavedReply

WORDS_WAIT_S: Final = 0.25
"""How long words wait for audio to be written with: by itself each would cost a hop to a thread."""

_FLUSH_PATIENCE_S: Final = 0.25
"""How long a flush waits for one under way, which may well have done its work then."""


class Intake:
    """
    A channel for what *recorder* shall write, a batch for each hop to a thread.

    Words go along with the audio, or by themselves when none comes for `WORDS_WAIT_S`. What was written is flushed to
    the disk in time also when nothing more comes.
    """

    def __init__(self, recorder: Recorder, capacity: int) -> None:
        """Have room for *capacity* happenings that are not written yet."""
        self._recorder = recorder
        self._capacity = capacity
        self._job = Job((recorder.directory, "write"), partial(recorder.write, ends=False), self._written)
        self._end = Job((recorder.directory, "end"), recorder.write, self._ended, heavy=True)
        self._sync = Job((recorder.directory, "flush"), recorder.sync, self._synced, patience_s=_FLUSH_PATIENCE_S)
        self._jobs = self._job, self._end, self._sync
        """All: the others want the last one when they land."""
        self._closed = self._broken = False
        self._error: Exception | None = None
        """The first: what it lost is lost, whatever can be written later."""
        self._room = trio.lowlevel.ParkingLot()
        self._news = trio.lowlevel.ParkingLot()

    # --- the sending end

    @property
    def room(self) -> int:
        """How much can be sent without waiting; none at all when nobody writes any more."""
        if self._broken or self._error is not None:
            return 0
        return self._capacity - self._recorder.waiting

    def send_nowait(self, happening: ToFiles) -> None:
        """
        Send *happening*.

        Raises:
            WouldBlock: there is no room.
            BrokenResourceError: nobody writes any more.
            ClosedResourceError: this end is closed.
        """
        if self._broken or self._error is not None:
            raise trio.BrokenResourceError
        if self._closed:
            raise trio.ClosedResourceError
        if self.room <= 0:
            raise trio.WouldBlock
        self.send_together((happening,))

    def send_together(self, happenings: Sequence[ToFiles]) -> None:
        """Send *happenings*, for which there is `room`."""
        audio = words = False
        for happening in happenings:
            self._recorder.put(happening)
            if isinstance(happening, ReplyAudio):
                audio = True
            elif isinstance(happening, ReplyDone):
                self._end.want()
            else:
                words = True
        if audio:
            self._job.want()
        elif words and not self._job.wanted:
            self._job.want(WORDS_WAIT_S)

    async def send(self, happening: ToFiles) -> None:
        """Send *happening*, when there is room; otherwise as `send_nowait`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            try:
                self.send_nowait(happening)
            except trio.WouldBlock:
                (self._end if self._end.wanted else self._job).hurry()
                await self._room.park()
            else:
                return

    def close(self) -> None:
        """Close the sending end: what was sent is written, and then the task at the other end ends."""
        self._closed = True
        self._news.unpark_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- the receiving end

    async def saved(self) -> list[SavedReply]:
        """
        Wait for replies whose files are closed; none at all means that the channel has ended and all is written.

        Cancellation: loses nothing.

        Raises:
            OutputFailed: a file cannot be written.
        """
        await trio.lowlevel.checkpoint()
        while True:
            if self._error is not None:
                raise self._error
            saved = self._recorder.take_saved()
            if saved:
                return saved
            if self._closed:
                if not (self._recorder.waiting or self._job.running or self._end.running):
                    return []
                await self._end.done()
            else:
                await self._news.park()

    async def cut_off(self, replies: list[Reply]) -> list[SavedReply]:
        """
        Save *replies*, which will not go on, behind all that was sent. Nothing is done in any thread any more then.

        Raises:
            OutputFailed: a file cannot be written.
        """
        for reply in replies:
            self._recorder.put(ReplyDone(reply=reply))
        if replies:  # hundreds that leave together with nothing to write need no hops
            await self._end.done()
        await self.at_rest()
        if self._error is not None:
            raise self._error
        return self._recorder.take_saved()

    async def at_rest(self) -> None:
        """
        Wait until nothing is done in any thread any more. What is still wanted is dropped: call it when all is saved,
        or given up.

        Cancellation: leaves at once.
        """
        for job in self._jobs:
            job.drop()
            await job.at_rest()

    def abandon(self) -> None:
        """Close the receiving end and every file, as it is; who still sends is told."""
        self._broken = True
        for job in self._jobs:
            job.drop()
        self._room.unpark_all()
        self._recorder.close()

    def _written(self) -> None:
        """A batch is written, or could not be."""
        self._landed(self._job)

    def _ended(self) -> None:
        """The same, and files were closed."""
        self._landed(self._end)

    def _landed(self, job: Job) -> None:
        if self._broken:
            return
        self._note_error(job)
        if self._room:
            self._room.unpark_all()
        if self._recorder.has_saved:
            self._news.unpark_all()
        if self._recorder.unwritten:  # it came as the last of the batch was written
            self._job.want()
        if not self._sync.wanted:
            self._want_sync()

    def _synced(self) -> None:
        """What was written is flushed to the disk, or could not be."""
        if not self._broken:
            self._note_error(self._sync)
            self._want_sync()

    def _note_error(self, job: Job) -> None:
        if job.error is not None:
            self._error = self._error or job.error
            self._news.unpark_all()

    def _want_sync(self) -> None:
        due_s = self._recorder.sync_due_s()
        if due_s < inf:
            self._sync.want(due_s)
