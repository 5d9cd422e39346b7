"""Answers that a killed run had committed, and whose files had not got their names."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.audio.pcm import duration_ms
from geppetto.audio.wav import HEADER_BYTES
from geppetto.records.naming import OutputStem
from geppetto.records.transcript import write_transcript

if TYPE_CHECKING:
    from geppetto.batch.result import Result

_PARTIAL: Final = "_partial"
_GENERATED: Final = "Generated: %Y-%m-%d %H:%M:%S"
_NAME: Final = "audio_%Y%m%d_%H%M%S"
_NAME_CHARS: Final = len("audio_YYYYMMDD_HHMMSS")


def unfinished(result: Result) -> bool:
    """Return whether files that *result* names are not there."""
    names = (result.transcript_file, result.audio_file)
    return result.answered and any(name is not None and not os.path.lexists(name) for name in names)


def finish(result: Result) -> bool:
    """
    Give the files of *result* their names, if what was to become of them is there; return whether they have them now.

    Blocks. Safe beside a running session and after itself: everything happens under the lock of the name.

    Raises:
        OutputFailed: the directory cannot be written.
        OSError: something cannot be read.
    """
    if result.transcript_file is None:
        return not unfinished(result)
    transcript = Path(result.transcript_file)
    audio = None if result.audio_file is None else Path(result.audio_file)
    partial = result.status != "completed"
    name = _stem_name(result)
    if audio is not None and not audio.exists() and not transcript.with_name(f"{name}.wav.part").is_file():
        return False
    if not transcript.parent.is_dir():
        return False
    stem = OutputStem.take_over(transcript.parent, name)
    if stem is None:
        return not unfinished(result)
    try:
        return _Committed(result, stem, transcript, audio).finish(partial=partial)
    finally:
        stem.abandon()


def holds_less(result: Result) -> bool:
    """Return whether there is audio of *result* that has no name, and that is not all of it."""
    if result.transcript_file is None or result.audio_file is None:
        return False
    part = Path(result.transcript_file).with_name(f"{_stem_name(result)}.wav.part")
    return part.is_file() and _held_ms(part.stat()) < result.audio_ms


def _stem_name(result: Result) -> str:
    assert result.transcript_file is not None
    name = Path(result.transcript_file).stem
    return name if result.status == "completed" else name.removesuffix(_PARTIAL)


@attrs.frozen
class _Committed:
    """One answer that is on the disk; its stem is held."""

    _result: Result
    _stem: OutputStem
    _transcript: Path
    _audio: Path | None

    def finish(self, *, partial: bool) -> bool:
        """Do what the recorder does behind the commit, from wherever it was stopped."""
        status = os.fstat(self._stem.fileno())
        named = self._audio is not None and self._audio.exists()
        if self._audio is not None and (
            not _is_known(status, self._audio) if named else _held_ms(status) < self._result.audio_ms
        ):
            return False  # `geppetto repair` names what is there
        if not self._transcript.exists():
            why = f"{self._result.status}: {self._result.reason}".removesuffix(": ") if partial else None
            write_transcript(
                self._transcript,
                self._begun(status),
                self._audio,
                self._result.answer,
                why,
                mode=status.st_mode & 0o666,
            )
        for path in (self._stem.words_path, *_temporaries(self._transcript)):
            path.unlink(missing_ok=True)
        if self._audio is not None and not named:
            self._stem.finish_audio(partial=partial)
        else:
            self._stem.release()
        return True

    def _begun(self, status: os.stat_result) -> datetime:
        """Return when the answer began: as its words say, or its name; else when its file was last written."""
        head = ""
        if self._stem.words_path.is_file():
            with self._stem.words_path.open("rb") as file:
                head = file.readline(100).decode("ascii", "replace").strip()
        for text, form in ((head, _GENERATED), (self._stem.name[:_NAME_CHARS], _NAME)):
            with suppress(ValueError):
                return datetime.strptime(text, form).astimezone()
        return datetime.fromtimestamp(status.st_mtime).astimezone()


def _is_known(part: os.stat_result, audio: Path) -> bool:
    """Return whether *part* holds nothing that the finished *audio* is not: else that one is a stranger's."""
    return part.st_size <= HEADER_BYTES or os.path.samestat(part, audio.stat())


def _held_ms(part: os.stat_result) -> int:
    return duration_ms(max(0, part.st_size - HEADER_BYTES))


def _temporaries(transcript: Path) -> list[Path]:
    """Return what a killed run left of the transcript while it was being written."""
    import glob  # only after a killed run

    return list(transcript.parent.glob(f"{glob.escape(transcript.name)}.????????.part"))
