"""The files of all answers under way: a WAV and a transcript for each, from one queue of things to write."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import attrs

from geppetto.records.modes import PRIVATE
from geppetto.records.reply_files import ReplyFiles
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path, PurePath

    from geppetto.realtime.reply import Reply
    from geppetto.records.modes import FileModes
    from geppetto.records.reply_files import SavedReply

FSYNC_INTERVAL_S = 2.0
"""How long written audio and words may wait for their flush to the disk: what a power cut may cost."""

_KEEPS_ALL = Redactor()


def _no_name(_reply: Reply, _begun: datetime) -> None:
    """Leave the names to the time."""


def _no_commit(_saved: SavedReply) -> None:
    """Nobody wants to know."""


@attrs.define
class _Batch:
    """What came for one reply in a row."""

    pcm: list[bytes] = attrs.field(factory=list)
    words: list[str] = attrs.field(factory=list)


@attrs.frozen
class _Chunk:
    reply: Reply
    item_id: str
    content_index: int
    pcm: bytes


@attrs.frozen
class _Words:
    reply: Reply
    delta: str


@attrs.frozen
class _End:
    reply: Reply


class Recorder:
    """
    Writes what arrives. `audio`, `text` and `end` only queue; `write` does the work and blocks: run it in a thread.

    What `write` returned for survives `kill -9`; what it returned for more than `FSYNC_INTERVAL_S` before, and the
    flush itself, survives a power cut, if whoever calls `write` does so when `sync_due_s` says.

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
        self._queue: deque[_Chunk | _Words | _End] = deque()
        self._open: dict[Reply, ReplyFiles] = {}
        self._saved: deque[SavedReply] = deque()
        self._sync_at = float("inf")
        self._lock = threading.Lock()

    def audio(self, reply: Reply, item_id: str, content_index: int, pcm: bytes) -> None:
        """Queue one delta's bytes."""
        self._queue.append(_Chunk(reply, item_id, content_index, pcm))

    def text(self, reply: Reply, delta: str) -> None:
        """Queue words, in the order in which the user reads them."""
        self._queue.append(_Words(reply, delta))

    def end(self, reply: Reply) -> None:
        """Queue the end of *reply*: its `text` and `status` are final when that is written."""
        self._queue.append(_End(reply))

    def sync_due_s(self) -> float:
        """Return in how many seconds a `write` is due even if nothing more comes; infinity when none is."""
        return max(0.0, self._sync_at - time.monotonic())

    def write(self) -> None:
        """
        Write what is queued, and flush to the disk what has waited for `FSYNC_INTERVAL_S`.

        Raises:
            OutputFailed: a file cannot be written. What was written before is intact.
        """
        with self._lock:
            batch = _Batch()
            while self._queue:
                entry = self._queue.popleft()
                files = self._files(entry.reply)
                match entry:
                    case _Chunk():
                        batch.pcm.append(files.assembler.add(entry.item_id, entry.content_index, entry.pcm))
                    case _Words():
                        batch.words.append(entry.delta)
                    case _End():
                        self._append(files, batch)
                        self._saved.append(files.finish(entry.reply, self._commit))
                        del self._open[entry.reply]
                        batch = _Batch()
                        continue
                if not self._queue or self._queue[0].reply is not entry.reply:
                    self._append(files, batch)
                    batch = _Batch()
            self._sync_when_due()

    def take_saved(self) -> list[SavedReply]:
        """Return the replies that were finished since the last call."""
        saved = []
        while self._saved:
            saved.append(self._saved.popleft())
        return saved

    def close(self) -> None:
        """
        Close every file as it is, after a failure: the audio stays, playable, under its temporary name.

        Does not wait: while a `write` hangs on its disk in an abandoned thread, the files stay open.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            for files in self._open.values():
                files.leave()
            self._open.clear()
            self._queue.clear()
        finally:
            self._lock.release()

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

    def _append(self, files: ReplyFiles, batch: _Batch) -> None:
        synced = not files.unsynced
        if files.append("".join(batch.words), b"".join(batch.pcm)) and synced:
            self._sync_at = min(self._sync_at, time.monotonic() + FSYNC_INTERVAL_S)

    def _sync_when_due(self) -> None:
        if time.monotonic() < self._sync_at:
            return
        self._sync_at = float("inf")
        for files in self._open.values():
            files.sync()
