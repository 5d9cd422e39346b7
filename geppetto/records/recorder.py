"""The files of all answers under way: a WAV and a transcript for each, from one queue of things to write."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from itertools import count
from math import inf
from typing import TYPE_CHECKING

from geppetto.realtime.happenings import ReplyAudio, ReplyDone, ReplyText
from geppetto.records.flushing import place_of
from geppetto.records.modes import PRIVATE
from geppetto.records.reply_files import ReplyFiles
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path, PurePath

    from geppetto.realtime.reply import Reply
    from geppetto.records.flushing import Unsynced
    from geppetto.records.modes import FileModes
    from geppetto.records.reply_files import SavedReply

FSYNC_INTERVAL_S = 2.0
"""How long written audio and words may wait for their flush to the disk: what a power cut may cost."""

ToFiles = ReplyAudio | ReplyText | ReplyDone
"""What is written: the end of a reply comes behind its last byte and word."""

_KEEPS_ALL = Redactor()
_GOLDEN = 0.618034
"""Spreads any number of recorders evenly over an interval."""
_numbers = count()


def _no_name(_reply: Reply, _begun: datetime) -> None:
    """Leave the names to the time."""


def _no_commit(_saved: SavedReply) -> None:
    """Nobody wants to know."""


class _Batch:
    """What came for one reply in a row."""

    __slots__ = ("add", "files", "pcm", "reply", "words")

    def __init__(self, reply: Reply, files: ReplyFiles) -> None:
        """Take what comes for *reply*."""
        self.reply = reply
        self.files = files
        self.add = files.assembler.add
        self.pcm: list[bytes] = []
        self.words: list[str] = []


class Recorder:
    """
    Writes what arrives. `put` only queues; `write` does the work and blocks: run it in a thread.

    What `write` returned for survives `kill -9`; what it returned for more than `FSYNC_INTERVAL_S` before, and the
    flush itself, survives a power cut, if somebody calls `sync` when `sync_due_s` says. That may be done in another
    thread: nothing that is written waits for a flush, but for the end of a reply.

    One `write` at a time does anything; another one waits for it. So a `write` whose caller was cancelled may
    go on in its thread, and the next one continues where it ends.
    """

    def __init__(
        self,
        directory: Path,
        now: Callable[[], datetime],
        *,
        modes: FileModes = PRIVATE,
        redactor: Redactor = _KEEPS_ALL,
        name_of: Callable[[Reply, datetime], PurePath | None] = _no_name,
        commit: Callable[[SavedReply], None] = _no_commit,
    ) -> None:
        """
        Write below *directory*, which is made with the first file.

        Args:
            directory: Where to.
            now: The local time, for names.
            modes: Permissions of new files and directories, less the umask.
            redactor: Takes the key out of transcripts.
            name_of: Returns the name of a reply's files, relative and without a suffix; None is the time it began.
            commit: Is told of each reply that is over when all of it is on the disk and its files are about to get
                their names; it may write and raise `OutputFailed`, which leaves them under the temporary ones.
        """
        self.directory = directory
        """Where to."""
        self._modes = modes
        self._redactor = redactor
        self._now = now
        self._name_of = name_of
        self._commit = commit
        self._queue: deque[ToFiles] = deque()
        self._ended: deque[Reply] = deque()
        """Replies that all is written of, and whose files are to be closed."""
        self._failure: Exception | None = None
        self._open: dict[Reply, ReplyFiles] = {}
        self._saved: deque[SavedReply] = deque()
        self._place = place_of(directory)
        self._written_at = 0.0
        self._unsynced_since = inf
        """When the first was written that may not be on the disk yet."""
        self._sync_at = inf
        self._sync_after_s = FSYNC_INTERVAL_S * (0.5 + next(_numbers) * _GOLDEN % 0.5)
        """The first time, so that sessions which began together don't all wait for the disk together."""
        self._closing = False
        self._lock = threading.Lock()

    def put(self, happening: ToFiles) -> None:
        """Queue *happening*. The `text` and `status` of a reply are final when its end is written."""
        self._queue.append(happening)

    def sync_due_s(self) -> float:
        """Return in how many seconds a `sync` is due; infinity when none is."""
        return max(0.0, self._sync_at - time.monotonic())

    def write(self, *, ends: bool = True) -> None:
        """
        Write what is queued.

        Args:
            ends: Also close the files of replies that are over, and flush them to the disk, which takes far longer;
                otherwise the next call does.

        Raises:
            OutputFailed: a file cannot be written. What was written before is intact. From then on each call raises
                the same: an answer that lost a part must never get the name of a whole one.
        """
        with self._alone():
            if self._failure is not None:
                raise self._failure
            try:
                self._write(ends=ends)
            except Exception as error:
                self._failure = error
                raise

    def sync(self) -> None:
        """
        Flush to the disk what was written.

        Raises:
            OutputFailed: the disk did not take it, or the files were removed.
        """
        with ExitStack() as stack:
            with self._alone():
                if self._place.flushed_until > self._unsynced_since:
                    self._take_as_flushed(self._place.flushed_until)
                    return
                since, written_at = self._unsynced_since, self._written_at
                self._nothing_unsynced()
                unsynced: list[Unsynced] = []
                for files in self._open.values():
                    for file in files.take_unsynced():
                        stack.callback(os.close, file.fd)
                        unsynced.append(file)
            if not unsynced:
                return
            flushed_until = self._place.flush(unsynced, since)
            if flushed_until < written_at:  # the crowd's flush began before the last of it was written
                with self._alone():
                    for files in self._open.values():  # none when they were closed meanwhile
                        files.unsynced = True
                        self._something_unsynced(flushed_until)

    @property
    def unwritten(self) -> int:
        """How much is queued, and not yet written."""
        return len(self._queue)

    @property
    def waiting(self) -> int:
        """The same, with the replies whose files are to be closed."""
        return len(self._queue) + len(self._ended)

    @property
    def has_saved(self) -> bool:
        """Whether replies were finished since the last `take_saved`."""
        return bool(self._saved)

    def take_saved(self) -> list[SavedReply]:
        """Return the replies that were finished since the last call."""
        saved = []
        while self._saved:
            saved.append(self._saved.popleft())
        return saved

    def close(self) -> None:
        """
        Close every file as it is, after a failure: the audio stays, playable, under its temporary name.

        Does not wait: while a `write` hangs on its disk in an abandoned thread, the files stay open until it comes to
        its end.
        """
        self._closing = True
        if not self._lock.acquire(blocking=False):
            return
        try:
            for files in self._open.values():
                files.leave()
            self._nothing_unsynced()
            self._open.clear()
            self._queue.clear()
            self._ended.clear()
        finally:
            self._lock.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread in, and do then what `close` could not do meanwhile."""
        try:
            with self._lock:
                yield
        finally:
            if self._closing:
                self.close()

    def _write(self, *, ends: bool) -> None:
        while ends and self._ended:
            self._finish(self._ended.popleft())
        batch: _Batch | None = None
        while self._queue:
            entry = self._queue.popleft()
            if isinstance(entry, ReplyDone):
                if not ends:
                    self._ended.append(entry.reply)
                    continue
                if batch is not None:
                    self._append(batch)
                    batch = None
                self._finish(entry.reply)
                continue
            if batch is None or batch.reply is not entry.reply:
                if batch is not None:
                    self._append(batch)
                batch = _Batch(entry.reply, self._files(entry.reply))
            if isinstance(entry, ReplyAudio):
                batch.pcm.append(batch.add(entry.item_id, entry.content_index, entry.pcm))
            else:
                batch.words.append(entry.delta)
        if batch is not None:
            self._append(batch)

    def _files(self, reply: Reply) -> ReplyFiles:
        files = self._open.get(reply)
        if files is None:
            begun = self._now()
            files = self._open[reply] = ReplyFiles(
                directory=self.directory,
                begun=begun,
                name=self._name_of(reply, begun),
                modes=self._modes,
                redactor=self._redactor,
            )
        return files

    def _finish(self, reply: Reply) -> None:
        self._saved.append(self._files(reply).finish(reply, self._commit))
        del self._open[reply]

    def _append(self, batch: _Batch) -> None:
        if batch.files.append("".join(batch.words), b"".join(batch.pcm)):
            self._written_at = time.monotonic()
            self._something_unsynced(self._written_at)

    def _something_unsynced(self, since: float) -> None:
        if self._unsynced_since == inf:
            self._place.enter()
        self._unsynced_since = min(self._unsynced_since, since)
        self._sync_at = min(self._sync_at, since + self._sync_after_s)
        self._sync_after_s = FSYNC_INTERVAL_S

    def _take_as_flushed(self, until: float) -> None:
        """What was written before *until* is on the disk: others of the crowd have seen to it."""
        for files in self._open.values():
            files.check()
        if until < self._written_at:
            self._unsynced_since = until
            self._sync_at = until + FSYNC_INTERVAL_S
            return
        for files in self._open.values():
            files.unsynced = False
        self._nothing_unsynced()

    def _nothing_unsynced(self) -> None:
        if self._unsynced_since < inf:
            self._place.leave()
        self._unsynced_since = self._sync_at = inf
