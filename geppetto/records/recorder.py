"""The files of all answers under way: a WAV and a transcript for each, from one queue of things to write."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import attrs

from geppetto.audio.assembly import AudioAssembler
from geppetto.audio.pcm import duration_ms
from geppetto.records.naming import OutputStem
from geppetto.records.transcript import write_transcript

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from geppetto.audio.wav import WavWriter
    from geppetto.realtime.reply import Reply


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
    assembler: AudioAssembler = attrs.field(factory=AudioAssembler)
    stem: OutputStem | None = None
    writer: WavWriter | None = None


@attrs.frozen
class _Chunk:
    reply: Reply
    item_id: str
    content_index: int
    pcm: bytes


@attrs.frozen
class _End:
    reply: Reply


class Recorder:
    """
    Writes what arrives. `audio` and `end` only queue; `write` does the work and blocks: run it in a thread.

    One `write` at a time does anything; another one waits for it. So a `write` whose caller was cancelled may
    go on in its thread, and the next one continues where it ends.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        """Write below *directory*, which is made with the first file; *now* gives the local time of names."""
        self._directory = directory
        self._now = now
        self._queue: deque[_Chunk | _End] = deque()
        self._open: dict[Reply, _Open] = {}
        self._saved: deque[SavedReply] = deque()
        self._lock = threading.Lock()

    def audio(self, reply: Reply, item_id: str, content_index: int, pcm: bytes) -> None:
        """Queue one delta's bytes."""
        self._queue.append(_Chunk(reply, item_id, content_index, pcm))

    def end(self, reply: Reply) -> None:
        """Queue the end of *reply*: its `text` and `status` are final when that is written."""
        self._queue.append(_End(reply))

    def write(self) -> None:
        """
        Write what is queued.

        Raises:
            OutputFailed: a file cannot be written. What was written before is intact.
        """
        with self._lock:
            pending: list[bytes] = []
            while self._queue:
                entry = self._queue.popleft()
                files = self._files(entry.reply)
                if isinstance(entry, _End):
                    self._append(files, pending)
                    del self._open[entry.reply]
                    self._saved.append(self._finish(entry.reply, files))
                    continue
                pending.append(files.assembler.add(entry.item_id, entry.content_index, entry.pcm))
                if not self._queue or self._queue[0].reply is not entry.reply:
                    self._append(files, pending)

    def take_saved(self) -> list[SavedReply]:
        """Return the replies that were finished since the last call."""
        saved = []
        while self._saved:
            saved.append(self._saved.popleft())
        return saved

    def close(self) -> None:
        """Close every file as it is, after a failure: the audio stays, playable, under its temporary name."""
        with self._lock:
            for files in self._open.values():
                if files.writer is not None:
                    files.writer.close()
            self._open.clear()

    def _files(self, reply: Reply) -> _Open:
        files = self._open.get(reply)
        if files is None:
            files = self._open[reply] = _Open(self._now())
        return files

    def _append(self, files: _Open, pending: list[bytes]) -> None:
        """Write *pending* at once, one call for a whole batch, and empty it."""
        pcm = b"".join(pending)
        pending.clear()
        if not pcm:
            return
        if files.writer is None:
            files.stem = files.stem or OutputStem.reserve(self._directory, files.begun)
            files.writer = files.stem.open_audio()
        files.writer.write(pcm)

    def _finish(self, reply: Reply, files: _Open) -> SavedReply:
        self._append(files, [files.assembler.finish()])
        partial = not reply.complete
        text = reply.text
        if files.writer is None and partial and not text:
            return SavedReply(reply=reply, audio_file=None, transcript_file=None, audio_ms=0)
        stem = files.stem or OutputStem.reserve(self._directory, files.begun)
        audio_file: Path | None = None
        audio_ms = 0
        if files.writer is not None:
            audio_ms = duration_ms(files.writer.data_bytes)
            files.writer.finish()
            audio_file = stem.finish_audio(partial=partial)
        transcript_file = stem.transcript_path(partial=partial)
        write_transcript(transcript_file, files.begun, audio_file, text, reply.why_partial or None)
        stem.release()
        return SavedReply(reply=reply, audio_file=audio_file, transcript_file=transcript_file, audio_ms=audio_ms)
