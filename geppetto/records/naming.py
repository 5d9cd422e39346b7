"""Names of the files that users keep: one stem for each answer, and nothing is ever overwritten."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

import msgspec

from geppetto.audio.pcm import SAMPLE_RATE_HZ
from geppetto.audio.wav import WavWriter, cannot_write
from geppetto.errors import OutputFailed
from geppetto.records.locking import is_at, lock
from geppetto.records.modes import PRIVATE, make_directory
from geppetto.records.numbering import numbers, took

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from geppetto.records.modes import FileModes


_ENDINGS: Final = (".txt.part", ".wav", "_partial.wav", ".txt", "_partial.txt")
"""Of the files that a stem may have beside the one that claims it."""


class OutputStem(msgspec.Struct):
    """
    One name for the files of one answer, ours alone while `part_path` or one of the finished files exists.

    Whoever wants a stem must first create `<stem>.wav.part` with O_EXCL, and only then looks whether a
    finished file has the stem already. A finished file appears before its .part goes away, and that is the last
    thing to happen. So there is no moment in which two processes both find the stem free.

    A stem that is held has an flock on `part_path`, which goes away with the process. Nobody touches a file of a
    stem, finished or not, without that lock: it tells the files of a killed session from those of a running one.

    Every call blocks: run it in a thread.
    """

    directory: Path
    name: str
    """`audio_YYYYMMDD_HHMMSS`; `_2`, `_3`, … follow for more answers of the same second."""
    modes: FileModes = PRIVATE
    _fd: int | None = None
    """Of the file at `part_path`, locked; None before and after it is held."""
    made: bool = False
    """Whether `take_over` found no file at `part_path`."""

    @classmethod
    def reserve(
        cls, directory: Path, when: datetime, modes: FileModes = PRIVATE, *, name: str | None = None
    ) -> OutputStem:
        """
        Find a stem that nobody has, and hold it with an empty file at `part_path`.

        Args:
            directory: Made if missing.
            when: The local time that the name shows.
            modes: Permissions of new files and directories, less the umask.
            name: Another name than that; it gets a number behind it as well when it is taken.

        Raises:
            OutputFailed: *directory* cannot be made or written.
        """
        try:
            make_directory(directory, modes.directory)
            base = name or f"audio_{when:%Y%m%d_%H%M%S}"
            for number in numbers(directory, base):
                stem = cls(directory, _numbered(base, number), modes)
                if stem._claim():
                    took(directory, base, number)
                    return stem
        except FileExistsError as error:
            raise OutputFailed(f"{directory} is not a directory. Choose another one.") from error
        except OSError as error:
            raise cannot_write(directory, error) from error
        raise AssertionError("counting never ends")

    @classmethod
    def take_over(cls, directory: Path, name: str, modes: FileModes = PRIVATE) -> OutputStem | None:
        """
        Hold the stem *name*, which a session left behind; None while somebody else holds it.

        Where there are other leftovers but no file at `part_path`, an empty one is made.

        Raises:
            OSError: the file at `part_path` cannot be opened for writing, or the file system has no locks.
        """
        stem = cls(directory, name, modes)
        while True:
            try:
                fd = os.open(stem.part_path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError:
                try:
                    fd = _create(stem.part_path, modes.file)
                    stem.made = True
                except FileExistsError:
                    continue
            try:
                if not lock(fd):
                    os.close(fd)
                    return None
                if is_at(fd, stem.part_path):
                    stem._fd = fd
                    return stem
            except OSError:
                os.close(fd)
                raise
            os.close(fd)  # its holder finished it between our two calls

    @property
    def part_path(self) -> Path:
        """Where the audio is while it arrives."""
        return self.directory / f"{self.name}.wav.part"

    @property
    def words_path(self) -> Path:
        """Where the words are while they arrive."""
        return self.directory / f"{self.name}.txt.part"

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
            OutputFailed: the file cannot be written, or holds something already.
            ValueError: the stem was finished or released.
        """
        return WavWriter(self.part_path, sample_rate_hz, reserved_fd=self.fileno())

    def fileno(self) -> int:
        """
        Return the descriptor of the file at `part_path`; it stays ours to close.

        Raises:
            ValueError: the stem was finished or released.
        """
        if self._fd is None:
            raise ValueError(f"{self.name} was finished or released before")
        return self._fd

    def check(self) -> None:
        """
        Look whether `part_path` is still the file that is being written.

        Raises:
            OutputFailed: somebody removed it, or moved its directory.
        """
        if not is_at(self.fileno(), self.part_path):
            msg = (
                f"{self.part_path} was removed, or its directory was, while it was being written. What had come "
                f"of this answer cannot be given a name any more. Check who clears {self.directory}."
            )
            raise OutputFailed(msg)

    def finish_audio(self, *, partial: bool) -> Path:
        """
        Give the finished audio its name, and return it. Close the writer first.

        Raises:
            OutputFailed: the name is taken by a stranger's file, or the directory cannot be written; the
                audio is kept at `part_path`.
            ValueError: it was finished or released before.
        """
        self.fileno()
        path = self.wav_path(partial=partial)
        try:
            publish(self.part_path, path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputFailed(
                f"{path} cannot be written ({reason}). The audio is kept in {self.part_path}."
            ) from error
        self.abandon()
        return path

    def release(self) -> None:
        """
        Remove the file at `part_path` when no audio came. Does nothing after `finish_audio` or a release.

        Create the transcript before this call: it is what then keeps the stem ours.

        Raises:
            OutputFailed: the directory cannot be written.
        """
        if self._fd is None:  # by now the file there may be the claim of another process
            return
        try:
            self.part_path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.part_path, error) from error
        self.abandon()

    def abandon(self) -> None:
        """Give up the lock and leave every file as it is. Does nothing twice."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def _path(self, partial: bool, suffix: str) -> Path:
        return self.directory / f"{self.name}{'_partial' if partial else ''}{suffix}"

    def _claim(self) -> bool:
        part_path = f"{self._beginning}.wav.part"  # to make a `Path` takes longer than to make the file
        try:
            fd = _create(part_path, self.modes.file)
        except FileExistsError:
            return False
        try:
            ours = lock(fd) and is_at(fd, part_path)
        except OSError:
            ours = True  # no locks here: then nobody can mistake it for a leftover, for want of a lock
        if ours and not self._taken():
            self._fd = fd
            return True
        try:
            if ours:
                self.part_path.unlink()  # else a repair was quicker, and removes it
        finally:
            os.close(fd)
        return False

    def _taken(self) -> bool:
        beginning = self._beginning
        return any(os.path.lexists(f"{beginning}{ending}") for ending in _ENDINGS)

    @property
    def _beginning(self) -> str:
        """What the paths of all its files begin with."""
        return f"{self.directory}/{self.name}"


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
        os.close(_create(path))
        try:
            temporary.rename(path)
        except OSError:
            path.unlink()
            raise
    else:
        temporary.unlink()
    flush_directory(path.parent)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number > 1 else name


def _create(path: Path | str, mode: int = PRIVATE.file) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)


def flush_directory(directory: Path) -> None:
    """Flush the names in *directory* to the disk, where the file system can do that. Blocks."""
    with contextlib.suppress(OSError):  # the file is complete either way, and not every file system can
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
