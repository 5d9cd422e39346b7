"""The files of one reply: its WAV and its transcript, from the first byte to their names."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import msgspec

from geppetto.audio.assembly import AudioAssembler
from geppetto.audio.pcm import duration_ms
from geppetto.errors import OutputFailed
from geppetto.records.flushing import Unsynced
from geppetto.records.naming import OutputStem
from geppetto.records.transcript import GrowingTranscript, write_transcript

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path, PurePath

    from geppetto.audio.wav import WavWriter
    from geppetto.realtime.reply import Reply
    from geppetto.records.modes import FileModes
    from geppetto.redaction import Redactor, StreamRedactor


class SavedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply whose files are closed and have their names."""

    reply: Reply
    audio_file: Path | None
    """None when no audio came."""
    transcript_file: Path | None
    """None when nothing at all came."""
    audio_ms: int


@attrs.define(kw_only=True)
class ReplyFiles:
    """What is written of a reply that is not over. Every call blocks: run it in a thread."""

    directory: Path
    begun: datetime
    name: PurePath | None
    """Relative, without a suffix; None is the time it began."""
    modes: FileModes
    redactor: Redactor
    assembler: AudioAssembler = attrs.field(factory=AudioAssembler)
    unsynced: bool = False
    """Whether something was written since the last flush to the disk."""
    _redacted: StreamRedactor = attrs.field(init=False)
    _stem: OutputStem | None = attrs.field(default=None, init=False)
    _writer: WavWriter | None = attrs.field(default=None, init=False)
    _words: GrowingTranscript | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Take the key out of words as they come."""
        self._redacted = self.redactor.stream()

    def append(self, words: str, pcm: bytes) -> bool:
        """
        Write a whole batch, one call for its words and one for its audio; return whether there was anything.

        Raises:
            OutputFailed: a file cannot be written.
        """
        words = self._redacted.feed(words) if words else ""
        if not words and not pcm:
            return False
        self.unsynced = True
        stem = self._hold()
        if words:  # first: they are small, and the last bytes of a full disk are well spent on them
            if self._words is None:
                self._words = GrowingTranscript(stem.words_path, self.begun, stem.part_path, self.modes.file)
            self._words.append(words)
        if pcm:
            if self._writer is None:
                self._writer = stem.open_audio()
            self._writer.write(pcm)
        return True

    def take_unsynced(self) -> list[Unsynced]:
        """
        Return the files that were written to since the last call, for a flush to the disk; the caller closes them.

        Raises:
            OutputFailed: the files were removed.
        """
        if not self.unsynced or self._stem is None:
            return []
        self.check()
        self.unsynced = False
        files = [Unsynced(self._stem.part_path, os.dup(self._stem.fileno()))]
        if self._words is not None:
            files.append(Unsynced(self._words.path, os.dup(self._words.fileno())))
        return files

    def check(self) -> None:
        """
        See whether the files are still where they belong.

        Raises:
            OutputFailed: they were removed.
        """
        if self._stem is not None:
            self._stem.check()

    def finish(self, reply: Reply, commit: Callable[[SavedReply], None]) -> SavedReply:
        """
        Close the files and give them their names; *commit* is told before, when all of *reply* is on the disk.

        Raises:
            OutputFailed: a file cannot be written, or *commit* could not; what had come stays under temporary names.
        """
        self.append("", self.assembler.finish())
        partial = not reply.complete
        text = self.redactor.clean(reply.text)
        if self._stem is None and partial and not text:
            saved = SavedReply(reply=reply, audio_file=None, transcript_file=None, audio_ms=0)
            commit(saved)
            return saved
        stem = self._hold()
        stem.check()
        audio_file: Path | None = None
        audio_ms = 0
        if self._writer is not None:
            audio_ms = duration_ms(self._writer.data_bytes)
            self._writer.finish()
            audio_file = stem.wav_path(partial=partial)
        transcript_file = stem.transcript_path(partial=partial)
        saved = SavedReply(reply=reply, audio_file=audio_file, transcript_file=transcript_file, audio_ms=audio_ms)
        why_partial = self.redactor.clean(reply.why_partial) or None
        try:
            commit(saved)
            # The transcript is the last word: with it the answer has its names, whoever has to give them.
            write_transcript(transcript_file, self.begun, audio_file, text, why_partial, mode=self.modes.file)
        except OutputFailed as error:
            kept = " and ".join(str(kept.path) for kept in (self._writer, self._words) if kept is not None)
            if not kept:
                raise
            msg = f"{error} What had come is kept in {kept}; `geppetto repair` finishes it."
            raise OutputFailed(msg) from error.__cause__
        if self._words is not None:
            self._words.remove()
        if audio_file is not None:
            stem.finish_audio(partial=partial)
        else:
            stem.release()
        return saved

    def leave(self) -> None:
        """Close everything as it is, and give up the stem; one that nothing was written for goes away."""
        with suppress(OutputFailed):  # the first failure has been told
            if self._words is not None:
                self._words.close()
            if self._stem is not None and self._writer is None and self._words is None:
                self._stem.release()
            if self._writer is not None:
                self._writer.close()
        if self._stem is not None:
            self._stem.abandon()

    def _hold(self) -> OutputStem:
        if self._stem is None:
            if self.name is None:
                self._stem = OutputStem.reserve(self.directory, self.begun, self.modes)
            else:
                directory = self.directory / self.name.parent
                self._stem = OutputStem.reserve(directory, self.begun, self.modes, name=self.name.name)
        return self._stem
