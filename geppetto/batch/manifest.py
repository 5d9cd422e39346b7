"""
What a run has done, one durable line for each question: it can be killed at any moment and taken up again.

A line is the commit point of its answer. It is written when all of the answer is on the disk, and before the files
get their names; so after `kill -9` a line may name files that are still `….part`, and `recovery` names them.
Without its line an answer counts as never given.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from typing import TYPE_CHECKING, Final

from geppetto.audio.wav import cannot_write
from geppetto.batch.result import Result
from geppetto.errors import ConfigError
from geppetto.records.locking import lock
from geppetto.records.modes import PRIVATE, make_directory
from geppetto.records.naming import flush_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geppetto.records.modes import FileModes

_DIGEST_BYTES: Final = 16
_ANSWERED: Final = b"\1"
_NOT_ANSWERED: Final = b"\0"
_BEGINNING: Final = b'{"schema":'
"""Of each line; a last line that begins otherwise is no torn one of ours."""


class Manifest:
    """One file of results, held by one run. Every call blocks, and any thread may make it."""

    def __init__(self, path: Path, fd: int) -> None:
        """Write to *fd*, which is at *path*, locked and opened with O_APPEND; see `create` and `resume`."""
        self.path = path
        self._fd: int | None = fd
        self._known: dict[bytes, bytes] = {}
        """Of an earlier run: digest of the id to digest of the question and whether it was answered."""
        self._end = os.fstat(fd).st_size
        self._synced = self._end
        self._broken: OSError | None = None
        """Why nothing more is promised: after a failed flush a later one may succeed without the lost pages."""
        self._writing = threading.Lock()
        self._syncing = threading.Lock()

    @classmethod
    def create(cls, path: Path, modes: FileModes = PRIVATE) -> Manifest:
        """
        Begin a new manifest; the caller closes it.

        Raises:
            ConfigError: there is something at *path* already.
            OutputFailed: it cannot be made.
        """
        try:
            make_directory(path.parent, modes.directory)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, modes.file)
        except FileExistsError as error:
            msg = f"{path} exists. Take that run up again with --resume, or name another file with --manifest."
            raise ConfigError(msg) from error
        except OSError as error:
            raise cannot_write(path, error) from error
        _hold(path, fd)
        flush_directory(path.parent)
        return cls(path, fd)

    @classmethod
    def resume(cls, path: Path, seen: Callable[[Result], None]) -> Manifest:
        """
        Take up the manifest at *path*, and show each of its results to *seen*; the caller closes it.

        A last line that a killed run did not finish is cut off. Of two lines with one id the later one counts, but an
        answer is never unsaid. Nothing is changed before all of it has been read.

        Raises:
            ConfigError: there is none, another run has it, or a line is damaged; the sentence names the line.
            OutputFailed: it cannot be opened for writing.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK)
        except FileNotFoundError as error:
            msg = (
                f"{path} does not exist, so there is nothing to resume. Leave out --resume, or name another manifest."
            )
            raise ConfigError(msg) from error
        except OSError as error:
            raise cannot_write(path, error) from error
        _hold(path, fd)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise ConfigError(f"{path} is not a file. Name the manifest of a run with --manifest.")
            manifest = cls(path, fd)
            manifest._read(seen)
        except OSError as error:
            os.close(fd)
            raise cannot_write(path, error) from error
        except BaseException:
            os.close(fd)
            raise
        return manifest

    def is_answered(self, given_id: str, question: str) -> bool:
        """
        Return whether an earlier run has an answer to the question of this id.

        The question is compared, not what else its line says: instructions and a voice are not in a result. A
        question that was not answered may have been mended.

        Raises:
            ConfigError: it has the answer to another question under this id.
        """
        known = self._known.get(_digest(given_id))
        if known is None or known[_DIGEST_BYTES:] != _ANSWERED:
            return False
        if known[:_DIGEST_BYTES] != _digest(question):
            msg = (
                f"{self.path} has the answer to another question under the id {given_id!r}. Give the changed "
                "question an id of its own, or begin a new run without --resume."
            )
            raise ConfigError(msg)
        return True

    def forget(self, given_id: str) -> None:
        """Let the question of this id be asked again: its answer is lost."""
        self._known.pop(_digest(given_id), None)

    def append(self, line: str) -> None:
        """
        Write *line*, a result, and return when it is on the disk.

        Several threads wait for one flush: it covers all that was written before it.

        Raises:
            OutputFailed: the disk did not take it, or the file was removed. What was there before is unchanged.
            ValueError: the manifest is closed.
        """
        content = line.encode() + b"\n"
        try:
            with self._writing:
                fd = self._open_fd()
                self._write(fd, content)
                self._end += len(content)
                mine = self._end
            with self._syncing:
                if self._synced < mine:
                    self._sync()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """
        Let the file go. Does nothing twice.

        Raises:
            OutputFailed: the disk did not take what another thread is waiting for.
        """
        with self._syncing, self._writing:
            if self._fd is None:
                return
            try:
                if self._synced < self._end:
                    self._sync()
            except OSError as error:
                raise cannot_write(self.path, error) from error
            finally:
                fd, self._fd = self._fd, None
                os.close(fd)

    def _open_fd(self) -> int:
        if self._fd is None:
            raise ValueError(f"{self.path} is closed")
        if self._broken is not None:
            raise self._broken
        return self._fd

    def _sync(self) -> None:
        """Flush what was written; the caller holds `_syncing`."""
        fd = self._open_fd()
        reached = self._end
        try:
            if os.fstat(fd).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "it was removed while the run was going on")
            os.fsync(fd)
        except OSError as error:
            self._broken = error
            raise
        self._synced = reached

    def _write(self, fd: int, content: bytes) -> None:
        """Write all of *content* or nothing; the caller holds `_writing`."""
        rest = memoryview(content)
        try:
            while rest:  # one call; only a disk that is full takes a part, and says so at the next one
                rest = rest[os.write(fd, rest) :]
        except OSError:
            try:
                os.ftruncate(fd, self._end)
            except OSError as error:
                self._broken = error  # half a line would spoil the next one
            raise

    def _read(self, seen: Callable[[Result], None]) -> None:
        assert self._fd is not None
        whole_bytes = 0
        torn = missing_end = False
        with os.fdopen(os.dup(self._fd), "rb") as file:
            file.seek(0)
            for number, line in enumerate(file, 1):
                missing_end = not line.endswith(b"\n")
                if line.strip():
                    try:
                        result = Result.from_line(line)
                    except ValueError as error:
                        if missing_end and _is_torn(line):
                            torn = True
                            break
                        msg = (
                            f"Line {number} of {self.path} is damaged: {error}. Mend or remove it, and resume again."
                        )
                        raise ConfigError(msg) from error
                    name, answered = _digest(result.id), _ANSWERED if result.answered else _NOT_ANSWERED
                    if result.answered or not self._known.get(name, _NOT_ANSWERED).endswith(_ANSWERED):
                        self._known[name] = _digest(result.question) + answered  # an answer is never unsaid
                    seen(result)
                whole_bytes += len(line)
        if torn:
            os.ftruncate(self._fd, whole_bytes)
        elif missing_end:
            os.write(self._fd, b"\n")
            whole_bytes += 1
        self._end = self._synced = whole_bytes


def _is_torn(line: bytes) -> bool:
    """Return whether *line* can be what a killed run, or a power cut, left of a result."""
    rest = line.strip(b"\0")  # of pages that the disk never got
    return rest.startswith(_BEGINNING) or _BEGINNING.startswith(rest)


def _hold(path: Path, fd: int) -> None:
    """Lock the file for this run; close it if that cannot be."""
    try:
        ours = lock(fd)
    except OSError:
        ours = True  # no locks here
    if not ours:
        os.close(fd)
        msg = f"{path} belongs to a run that is still going on. Wait for it, or name another manifest."
        raise ConfigError(msg)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
