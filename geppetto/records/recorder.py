"""The files of all answers under way: a WAV and a transcript for each, from one queue of things to write."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from geppetto.audio.assembly import AudioAssembler
from geppetto.audio.pcm import duration_ms
from geppetto.errors import OutputFailed
from geppetto.records.modes import PRIVATE
from geppetto.records.naming import OutputStem
from geppetto.records.transcript import GrowingTranscript, write_transcript
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from geppetto.audio.wav import WavWriter
    from geppetto.realtime.reply import Reply
    from geppetto.records.modes import FileModes
    from geppetto.redaction import StreamRedactor

FSYNC_INTERVAL_S = 2.0
"""How long written audio and words may wait for their flush to the disk: what a power cut may cost."""

_KEEPS_ALL = Redactor()


@attrs.frozen(kw_only=True)
class SavedReply:
    """A reply whose files are closed and have their names."""

    reply: Reply
    audio_file: Path | None
    """None when no audio came."""
    transcript_file: Path | None
    """None when nothing at all came."""
    audio_ms: int


@attrs.define
class _Open:
    """The files of a reply that is not over."""

    begun: datetime
    redacted: StreamRedactor
    assembler: AudioAssembler = attrs.field(factory=AudioAssembler)
    stem: OutputStem | None = None
    writer: WavWriter | None = None
    words: GrowingTranscript | None = None
    unsynced: bool = False
    """Whether something was written since the last flush to the disk."""


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
    ) -> None:
        """
        Write below *directory*, which is made with the first file.

        Args:
            directory: Where to.
            now: The local time, for names.
            modes: Permissions of new files and directories, less the umask.
            redactor: Takes the key out of transcripts.
        """
        self._directory = directory
        self._modes = modes
        self._redactor = redactor
        self._now = now
        self._queue: deque[_Chunk | _Words | _End] = deque()
        self._open: dict[Reply, _Open] = {}
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
                        self._saved.append(self._finish(entry.reply, files))
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
                _leave(files)
            self._open.clear()
            self._queue.clear()
        finally:
            self._lock.release()

    def _files(self, reply: Reply) -> _Open:
        files = self._open.get(reply)
        if files is None:
            files = self._open[reply] = _Open(self._now(), self._redactor.stream())
        return files

    def _stem(self, files: _Open) -> OutputStem:
        if files.stem is None:
            files.stem = OutputStem.reserve(self._directory, files.begun, self._modes)
        return files.stem

    def _append(self, files: _Open, batch: _Batch) -> None:
        """Write a whole batch, one call for its words and one for its audio."""
        words = files.redacted.feed("".join(batch.words)) if batch.words else ""
        pcm = b"".join(batch.pcm)
        if not words and not pcm:
            return
        if not files.unsynced:
            files.unsynced = True
            self._sync_at = min(self._sync_at, time.monotonic() + FSYNC_INTERVAL_S)
        stem = self._stem(files)
        if words:  # first: they are small, and the last bytes of a full disk are well spent on them
            if files.words is None:
                files.words = GrowingTranscript(stem.words_path, files.begun, stem.part_path, self._modes.file)
            files.words.append(words)
        if pcm:
            if files.writer is None:
                files.writer = stem.open_audio()
            files.writer.write(pcm)

    def _sync_when_due(self) -> None:
        if time.monotonic() < self._sync_at:
            return
        self._sync_at = float("inf")
        for files in self._open.values():
            if files.unsynced and files.stem is not None:
                files.stem.check()
                files.stem.sync()
                if files.words is not None:
                    files.words.sync()
                files.unsynced = False

    def _finish(self, reply: Reply, files: _Open) -> SavedReply:
        self._append(files, _Batch([files.assembler.finish()]))
        partial = not reply.complete
        text = self._redactor.clean(reply.text)
        if files.stem is None and partial and not text:
            return SavedReply(reply=reply, audio_file=None, transcript_file=None, audio_ms=0)
        stem = self._stem(files)
        stem.check()
        audio_file: Path | None = None
        audio_ms = 0
        if files.writer is not None:
            audio_ms = duration_ms(files.writer.data_bytes)
            files.writer.finish()
            audio_file = stem.wav_path(partial=partial)
        transcript_file = stem.transcript_path(partial=partial)
        why_partial = self._redactor.clean(reply.why_partial) or None
        try:
            # The transcript is the last word: with it the answer has its names, whoever has to give them.
            write_transcript(transcript_file, files.begun, audio_file, text, why_partial, mode=self._modes.file)
        except OutputFailed as error:
            kept = " and ".join(str(kept.path) for kept in (files.writer, files.words) if kept is not None)
            if not kept:
                raise
            msg = f"{error} What had come is kept in {kept}; `geppetto repair` finishes it."
            raise OutputFailed(msg) from error.__cause__
        if files.words is not None:
            files.words.remove()
        if audio_file is not None:
            stem.finish_audio(partial=partial)
        else:
            stem.release()
        return SavedReply(reply=reply, audio_file=audio_file, transcript_file=transcript_file, audio_ms=audio_ms)


def _leave(files: _Open) -> None:
    """Close everything as it is, and give up the stem; one that nothing was written for goes away."""
    with suppress(OutputFailed):  # the first failure has been told
        if files.words is not None:
            files.words.close()
        if files.stem is not None and files.writer is None and files.words is None:
            files.stem.release()
        if files.writer is not None:
            files.writer.close()
    if files.stem is not None:
        files.stem.abandon()
