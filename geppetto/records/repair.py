"""What a killed session left behind, finished: headers, names, transcripts."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Literal

import attrs

from geppetto.audio.pcm import duration_s
from geppetto.audio.wav import HEADER_BYTES, cannot_write
from geppetto.errors import OutputFailed
from geppetto.records.leftovers import Unreadable, find
from geppetto.records.mending import NotOurs, mend
from geppetto.records.modes import FileModes
from geppetto.records.naming import OutputStem, publish
from geppetto.records.transcript import words_in, write_transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from geppetto.records.leftovers import Found

KILLED = "the program was killed"
"""Why a transcript that was finished here is partial."""

Kind = Literal["finished", "removed", "in use", "left alone", "failed"]


@attrs.frozen
class Deed:
    """One thing that was done, or that was not and why."""

    kind: Kind
    path: Path
    detail: str
    """More about it, to stand behind the path; for `failed` the whole sentence."""


def repair(directory: Path) -> Iterator[Deed]:
    """
    Finish what killed sessions left in *directory* and below it, and yield each thing when it is done. Blocks.

    Safe beside running sessions and other repairs: every file is touched under the lock of its stem (see
    `OutputStem`). Killed itself, it leaves what the next one finishes. What is wrong with one recording does not keep
    the others from being finished: it is a `Deed` that `failed`. For what it finds, see `leftovers.find`; a name that
    came from a template may be anybody's, and what is not Geppetto's by its content is left alone.

    Raises:
        OSError: *directory* cannot be read.
    """
    for found in find(directory):
        if isinstance(found, Unreadable):
            reason = found.error.strerror or type(found.error).__name__
            yield Deed("left alone", found.directory, f"cannot be read: {reason}")
        elif found.timed is not None or not found.is_gone:
            yield from _repair(found)


def _repair(found: Found) -> Iterator[Deed]:
    """Finish one stem, if it is ours and nobody holds it."""
    foreign = found.why_foreign()
    if foreign:
        if not found.is_gone:
            yield Deed("left alone", found.shown, foreign)
        return
    try:
        stem = OutputStem.take_over(found.directory, found.name, _modes(found.directory, found.name))
    except OSError as error:
        yield Deed("failed", found.audio, str(cannot_write(found.audio, error)))
        return
    if stem is None:
        yield Deed("in use", found.audio, "in use by a running session")
        return
    try:
        yield from _Leftover(stem, found).finish()
    except NotOurs as reason:
        yield Deed("left alone", found.audio, str(reason))
    except OutputFailed as error:
        yield Deed("failed", found.audio, str(error))
    except OSError as error:
        yield Deed("failed", found.audio, str(cannot_write(found.audio, error)))
    finally:
        stem.abandon()


def _modes(directory: Path, name: str) -> FileModes:
    """Return the permissions that the session gave its files: what is made here gets the same."""
    for suffix in (".wav.part", ".txt.part"):
        try:
            return FileModes(file=stat.S_IMODE((directory / f"{name}{suffix}").lstat().st_mode) & 0o666)
        except OSError:
            continue
    return FileModes()


class _Leftover:
    """One recording that nobody writes any more; its stem is held."""

    def __init__(self, stem: OutputStem, found: Found) -> None:
        self._stem = stem
        self._found = found
        self._when = found.when()
        self._word_files = found.own_words()

    def finish(self) -> Iterator[Deed]:
        """
        Give it its names.

        Raises:
            NotOurs: the file at `part_path` is no recording; nothing has changed.
            OutputFailed, OSError: something cannot be read or written.
        """
        stem = self._stem
        foreign = self._found.why_foreign()  # now that nobody else changes it
        if foreign:
            if stem.made:
                stem.release()
                return
            raise NotOurs(foreign)
        named = self._named_audio()
        data_bytes = 0 if named is not None else mend(stem.fileno(), stem.part_path)
        written = [partial for partial in (False, True) if os.path.lexists(stem.transcript_path(partial=partial))]
        words = "" if written else self._words()
        if not data_bytes and (written or not words) and (written or named is None or stem.made):
            yield from self._remove()
            return
        partial = written[0] if written else True
        target = self._target(partial) if data_bytes else stem
        transcript = target.transcript_path(partial=partial)
        audio = target.wav_path(partial=partial) if data_bytes else named
        try:
            if not written:
                write_transcript(transcript, self._when, audio, words, KILLED, mode=stem.modes.file)
            self._clear_words()
            if data_bytes:
                self._publish(target, partial)
        finally:
            if target is not stem:
                target.release()
        if not data_bytes:
            stem.release()
        yield _finished(audio, transcript, data_bytes, words=bool(written or words.strip()))

    def _named_audio(self) -> Path | None:
        """Return the audio of this stem that has its name: the session was killed right behind that."""
        here = os.fstat(self._stem.fileno())
        for partial in (False, True):
            path = self._stem.wav_path(partial=partial)
            try:
                there = path.lstat()
            except FileNotFoundError:
                continue
            if os.path.samestat(here, there) or (here.st_size == 0 and there.st_size > HEADER_BYTES):
                return path
        return None

    def _target(self, partial: bool) -> OutputStem:
        """Return the stem whose name the audio gets: another one, where a stranger's file has the name."""
        if not os.path.lexists(self._stem.wav_path(partial=partial)):
            return self._stem
        name = self._stem.name if self._found.timed is None else None
        return OutputStem.reserve(self._stem.directory, self._when, self._stem.modes, name=name)

    def _publish(self, target: OutputStem, partial: bool) -> None:
        if target is self._stem:
            target.finish_audio(partial=partial)
        else:
            publish(self._stem.part_path, target.wav_path(partial=partial))

    def _words(self) -> str:
        """Return the words that had come: those that were streamed, or else what was about to become a transcript."""
        if self._stem.words_path in self._word_files and self._stem.words_path.is_file():
            return words_in(self._stem.words_path.read_bytes())
        texts = (words_in(path.read_bytes()) for path in self._word_files if path.is_file())
        return max(texts, key=len, default="")

    def _clear_words(self) -> list[Path]:
        """Remove the files of words, and return those that were there."""
        there = [path for path in self._word_files if os.path.lexists(path)]
        for path in there:
            path.unlink(missing_ok=True)
        return there

    def _remove(self) -> Iterator[Deed]:
        """Take away what holds nothing, or nothing more than a finished file."""
        for path in self._clear_words():
            yield Deed("removed", path, "nothing in it that is not kept")
        self._stem.release()
        if not self._stem.made:
            yield Deed("removed", self._stem.part_path, "nothing in it that is not kept")


def _finished(audio: Path | None, transcript: Path, data_bytes: int, *, words: bool) -> Deed:
    if audio is None:
        return Deed("finished", transcript, "words without audio")
    length = f"{duration_s(data_bytes):.1f} s of audio" if data_bytes else "its audio was complete"
    return Deed("finished", audio, f"{length}, {'with its words' if words else 'no words'}")
