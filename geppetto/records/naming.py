"""Names of the files that users keep: one stem for each answer, and nothing is ever overwritten."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

import attrs

from geppetto.audio.pcm import SAMPLE_RATE_HZ
from geppetto.audio.wav import WavWriter, cannot_write
from geppetto.errors import OutputFailed

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@attrs.define
class OutputStem:
    """
    One name for the files of one answer, ours alone while `part_path` or one of the finished files exists.

    Whoever wants a stem must first create `<stem>.wav.part` with O_EXCL, and only then looks whether a
    finished file has the stem already. A finished file appears before its .part goes away. So there is no
    moment in which two processes both find the stem free. Every call blocks: run it in a thread.
    """

    directory: Path
    name: str
    """`audio_YYYYMMDD_HHMMSS`; `_2`, `_3`, … follow for more answers of the same second."""
    _held: bool = attrs.field(default=True, init=False)

    @classmethod
    def reserve(cls, directory: Path, when: datetime) -> OutputStem:
        """
        Find a stem for *when* that nobody has, and hold it with an empty file at `part_path`.

        Args:
            directory: Made if missing, for the user alone (0o700, less the umask).
            when: The local time that the name shows.

        Raises:
            OutputFailed: *directory* cannot be made or written.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            stems = (cls(directory, _name(when, number)) for number in itertools.count(1))
            return next(stem for stem in stems if stem._claim())
        except FileExistsError as error:
            raise OutputFailed(f"{directory} is not a directory. Choose another one.") from error
        except OSError as error:
            raise cannot_write(directory, error) from error

    @property
    def part_path(self) -> Path:
        """Where the audio is while it arrives."""
        return self.directory / f"{self.name}.wav.part"

    def wav_path(self, *, partial: bool) -> Path:
        """Return where the audio will be; `_partial` marks an answer that was cut short."""
        return self._path(partial, ".wav")

    def transcript_path(self, *, partial: bool) -> Path:
        """Return where the transcript belongs; `_partial` marks an answer that was cut short."""
        return self._path(partial, ".txt")

    def open_audio(self, sample_rate_hz: int = SAMPLE_RATE_HZ) -> WavWriter:
        """
        Return the writer of the audio at `part_path`; the caller closes it.

        Raises:
            OutputFailed: the file cannot be opened.
        """
        return WavWriter(self.part_path, sample_rate_hz, reserved=True)

    def finish_audio(self, *, partial: bool) -> Path:
        """
        Give the finished audio its name, and return it. Close the writer first.

        Raises:
            OutputFailed: the name is taken by a stranger's file, or the directory cannot be written; the
                audio is kept at `part_path`.
            ValueError: it was finished or released before.
        """
        if not self._held:
            raise ValueError(f"{self.name} was finished or released before")
        path = self.wav_path(partial=partial)
        try:
            publish(self.part_path, path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputFailed(
                f"{path} cannot be written ({reason}). The audio is kept in {self.part_path}."
            ) from error
        self._held = False
        return path

    def release(self) -> None:
        """
        Remove the file at `part_path` when no audio came. Does nothing after `finish_audio` or a release.

        Create the transcript before this call: it is what then keeps the stem ours.

        Raises:
            OutputFailed: the directory cannot be written.
        """
        if not self._held:  # by now the file there may be the claim of another process
            return
        try:
            self.part_path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.part_path, error) from error
        self._held = False

    def _path(self, partial: bool, suffix: str) -> Path:
        return self.directory / f"{self.name}{'_partial' if partial else ''}{suffix}"

    def _claim(self) -> bool:
        try:
            _create(self.part_path)
        except FileExistsError:
            return False
        makers = (self.wav_path, self.transcript_path)
        if any(os.path.lexists(make(partial=partial)) for make in makers for partial in (False, True)):
            self.part_path.unlink()
            return False
        return True


def publish(temporary: Path, path: Path) -> None:
    """
    Rename *temporary* to *path*, on the same file system, without ever overwriting.

    The name is flushed to the disk as well, where the file system can do that.

    Raises:
        FileExistsError: *path* exists; nothing has changed.
        OSError: the directory cannot be written; *temporary* is still there.
    """
    try:
        path.hardlink_to(temporary)  # rename() overwrites in silence; link() refuses
    except FileExistsError:
        raise
    except OSError:
        # FAT and some shared folders have no links, and say so in many ways. Take the name with an empty
        # file, which rename() may then replace; if something else was wrong, this fails with the reason.
        _create(path)
        try:
            temporary.rename(path)
        except OSError:
            path.unlink()
            raise
    else:
        temporary.unlink()
    _flush_directory(path.parent)


def _name(when: datetime, number: int) -> str:
    return f"audio_{when:%Y%m%d_%H%M%S}" + (f"_{number}" if number > 1 else "")


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _flush_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):  # the file is complete either way, and not every file system can
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
