"""What a killed session left behind, finished: headers, names, transcripts."""

from __future__ import annotations

import os
import re
import stat
import struct
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import attrs

from geppetto.audio.pcm import SAMPLE_RATE_HZ, duration_s, whole_frames_bytes
from geppetto.audio.wav import HEADER_BYTES, MAX_DATA_BYTES, cannot_write, wav_header
from geppetto.errors import OutputFailed
from geppetto.records.modes import FileModes
from geppetto.records.naming import OutputStem, publish
from geppetto.records.transcript import words_in, write_transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED = "the program was killed"
"""Why a transcript that was finished here is partial."""

_LEFTOVER = re.compile(
    r"(?P<stem>audio_(?P<when>\d{8}_\d{6})(?:_\d+)?)"
    r"(?:\.wav\.part|(?P<words>\.txt\.part)|(?:_partial)?\.txt\.[^./]+\.part)",
    re.ASCII,
)
_SIZES = (slice(4, 8), slice(40, 44))
_RATE = struct.Struct("<I")
_MAX_RATE_HZ = 1_000_000

Kind = Literal["finished", "removed", "in use", "left alone", "failed"]


@attrs.frozen
class Deed:
    """One thing that was done, or that was not and why."""

    kind: Kind
    path: Path
    detail: str
    """More about it, to stand behind the path; for `failed` the whole sentence."""


class _NotOurs(Exception):
    """A file has the name of a leftover and is something else."""


def repair(directory: Path) -> Iterator[Deed]:
    """
    Finish what killed sessions left in *directory*, and yield each thing when it is done. Blocks.

    Safe beside running sessions and other repairs: every file is touched under the lock of its stem (see
    `OutputStem`). Killed itself, it leaves what the next one finishes. What is wrong with one recording does not keep
    the others from being finished: it is a `Deed` that `failed`.

    Raises:
        OSError: *directory* cannot be read.
    """
    for name, found in sorted(_find(directory).items()):
        path = directory / f"{name}.wav.part"
        try:
            stem = OutputStem.take_over(directory, name, _modes(directory, name))
        except OSError as error:
            yield Deed("failed", path, str(cannot_write(path, error)))
            continue
        if stem is None:
            yield Deed("in use", path, "in use by a running session")
            continue
        try:
            yield from _Leftover(stem, found).finish()
        except _NotOurs as reason:
            yield Deed("left alone", path, str(reason))
        except OutputFailed as error:
            yield Deed("failed", path, str(error))
        except OSError as error:
            yield Deed("failed", path, str(cannot_write(path, error)))
        finally:
            stem.abandon()


@attrs.frozen
class _Found:
    """What the directory held of one stem, before its lock."""

    when: datetime
    """What its name shows."""
    word_files: list[Path] = attrs.field(factory=list)


def _find(directory: Path) -> dict[str, _Found]:
    """Return the stems that have leftovers."""
    found: dict[str, _Found] = {}
    for entry in os.listdir(directory):  # noqa: PTH208 - ten thousand Path objects would cost more than the rest
        if not entry.endswith(".part") or (match := _LEFTOVER.fullmatch(entry)) is None:
            continue
        try:
            when = datetime.strptime(match["when"], "%Y%m%d_%H%M%S").astimezone()
        except (ValueError, OverflowError):
            continue  # no time that a clock ever showed: not a name of ours
        files = found.setdefault(match["stem"], _Found(when)).word_files
        if not entry.endswith(".wav.part"):
            files.append(directory / entry)
    return found


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

    def __init__(self, stem: OutputStem, found: _Found) -> None:
        self._stem = stem
        self._when = found.when
        self._word_files = sorted({stem.words_path, *found.word_files})

    def finish(self) -> Iterator[Deed]:
        """
        Give it its names.

        Raises:
            _NotOurs: the file at `part_path` is no recording; nothing has changed.
            OutputFailed, OSError: something cannot be read or written.
        """
        stem = self._stem
        named = self._named_audio()
        data_bytes = 0 if named is not None else _mend(stem.fileno(), stem.part_path)
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
        return OutputStem.reserve(self._stem.directory, self._when, self._stem.modes)

    def _publish(self, target: OutputStem, partial: bool) -> None:
        if target is self._stem:
            target.finish_audio(partial=partial)
        else:
            publish(self._stem.part_path, target.wav_path(partial=partial))

    def _words(self) -> str:
        """Return the words that had come: those that were streamed, or else what was about to become a transcript."""
        if self._stem.words_path.is_file():
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


def _mend(fd: int, path: Path) -> int:
    """
    Cut the file at *fd* to whole frames, bring its header up to date, flush it, and return its bytes of PCM.

    A header that the disk never got (zeros, after a power cut) is written anew for 24,000 Hz.

    Raises:
        _NotOurs: it holds something else than what Geppetto writes; nothing has changed.
        OSError: it cannot be read or written.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise _NotOurs("not a file")
    header = os.pread(fd, HEADER_BYTES, 0)
    rate_hz = _rate_hz(header)
    data_bytes = min(whole_frames_bytes(max(0, status.st_size - HEADER_BYTES)), MAX_DATA_BYTES)
    if not data_bytes:
        return 0
    mended = wav_header(data_bytes, rate_hz)
    if status.st_size != HEADER_BYTES + data_bytes:
        os.ftruncate(fd, HEADER_BYTES + data_bytes)
    if header != mended and os.pwrite(fd, mended, 0) != HEADER_BYTES:
        raise cannot_write(path, OSError("the disk took a part of the header only"))
    os.fsync(fd)
    return data_bytes


def _rate_hz(header: bytes) -> int:
    """
    Return the sample rate of *header*, which may have any sizes in it and end anywhere.

    Raises:
        _NotOurs: it is none of ours.
    """
    if not header.strip(b"\0"):
        return SAMPLE_RATE_HZ
    rate_hz = _RATE.unpack(header[24:28])[0] if len(header) >= 28 else SAMPLE_RATE_HZ
    if not 0 < rate_hz <= _MAX_RATE_HZ or _sizeless(header) != _sizeless(wav_header(0, rate_hz))[: len(header)]:
        raise _NotOurs("not a recording of Geppetto")
    return rate_hz


def _sizeless(header: bytes) -> bytes:
    blank = bytearray(header)
    for size in _SIZES:
        blank[size] = bytes(len(blank[size]))
    return bytes(blank)
