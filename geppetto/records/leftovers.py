"""What killed sessions left in a directory and below it: found by name, and known as Geppetto's by content."""

from __future__ import annotations

import os
import re
import stat
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import attrs

from geppetto.audio.wav import HEADER_BYTES
from geppetto.records.mending import is_growing
from geppetto.records.template import MAX_DIRECTORIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEFTOVER = re.compile(
    r"(?P<stem>.+)(?:\.wav\.part|\.txt\.part|(?:(?<=.)_partial)?\.txt\.(?P<unique>[^./]+)\.part)", re.DOTALL
)
_UNIQUE = re.compile(r"[0-9a-f]{8}", re.ASCII)
"""What `create_temporary` puts into a name."""
_TIMED = re.compile(r"audio_(?P<when>\d{8}_\d{6})(?:_\d+)?", re.ASCII)
_GENERATED: Final = b"Generated: "
"""What a transcript begins with, see `render_transcript`."""
_TIME_CHARS = len("2026-11-21 10:15:02")

_Content = Literal["ours", "blank", "foreign", "none"]
"""`blank`: nothing that says whose it is, as after a power cut; `none`: there is no file."""


@attrs.frozen
class Found:
    """The leftovers of one stem, before its lock."""

    directory: Path
    name: str
    timed: datetime | None
    """What the name shows, where it is one that nobody else gives: `audio_YYYYMMDD_HHMMSS`."""
    words: list[Path] = attrs.field(factory=list)
    """Growing and temporary transcripts."""

    @property
    def audio(self) -> Path:
        """Where the audio is, if there is some."""
        return self.directory / f"{self.name}.wav.part"

    @property
    def shown(self) -> Path:
        """Which one to name, where one of them stands for all."""
        return self.audio if os.path.lexists(self.audio) else min(self.words, default=self.audio)

    @property
    def is_gone(self) -> bool:
        """Whether a session has finished meanwhile what was found."""
        return not any(os.path.lexists(path) for path in (self.audio, *self.words))

    def why_foreign(self) -> str:
        """
        Return why these are no files of Geppetto, as far as their content shows; empty when they are.

        Anybody may have files with such names, a browser with a download for one. So a name that is not `timed`
        needs a file that begins as ours do. An empty one alone may be what a session is about to lock, too.
        """
        if self.timed is not None:
            return ""
        audio = _audio_content(self.audio)
        if audio == "foreign":
            return "not a recording of Geppetto"
        words = {_words_content(path) for path in self._all_words()}
        finished = {_words_content(self.directory / f"{self.name}{suffix}") for suffix in (".txt", "_partial.txt")}
        if "ours" in {audio, *words} or (audio == "blank" and ("ours" in finished or "blank" in words)):
            return ""
        if audio == "blank" or "foreign" not in words:
            return "nothing in it that tells whose it is"
        return "not a transcript of Geppetto"

    def own_words(self) -> list[Path]:
        """Return the files of words that are not a stranger's; any, under a name that nobody else gives."""
        return [path for path in self._all_words() if self.timed is not None or _words_content(path) != "foreign"]

    def when(self) -> datetime:
        """Return the local time of the answer: of the name, of a transcript, or else that of the last change."""
        if self.timed is not None:
            return self.timed
        times = [path.lstat().st_mtime for path in (self.audio, *self.own_words()) if os.path.lexists(path)]
        changed = datetime.fromtimestamp(min(times, default=0)).astimezone()
        return next(filter(None, map(_generated, self.own_words())), changed)

    def _all_words(self) -> list[Path]:
        """Return the files of words, the one that grows among them, whether it was there or not."""
        return sorted({self.directory / f"{self.name}.txt.part", *self.words})


@attrs.frozen
class Unreadable:
    """A directory that nobody can look into."""

    directory: Path
    error: OSError


def find(directory: Path) -> Iterator[Found | Unreadable]:
    """
    Yield the stems with leftovers in *directory*, then in those below it, each sorted by name. Blocks.

    Looks `MAX_DIRECTORIES` deep, where templates can put files, into none that is hidden, and follows no link.

    Raises:
        OSError: *directory* itself cannot be read.
    """
    yield from _find(directory, MAX_DIRECTORIES)


def _find(directory: Path, depth: int) -> Iterator[Found | Unreadable]:
    found: dict[str, Found] = {}
    below = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    below.append(entry.name)
            elif entry.name.endswith(".part"):  # ten thousand matches would cost more than the rest
                _add(found, directory, entry.name)
    for name in sorted(found):
        yield found[name]
    for name in sorted(below) if depth else ():
        try:
            yield from _find(directory / name, depth - 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Unreadable(directory / name, error)


def _add(found: dict[str, Found], directory: Path, entry: str) -> None:
    match = _LEFTOVER.fullmatch(entry)
    if match is None:
        return
    name, unique = match["stem"], match["unique"]
    if unique is not None:
        name = name.removesuffix("_partial") or name
    timed = _timed(name)
    if unique is not None and timed is None and _UNIQUE.fullmatch(unique) is None:
        return
    stem = found.setdefault(name, Found(directory, name, timed))
    if not entry.endswith(".wav.part"):
        stem.words.append(directory / entry)


def _timed(name: str) -> datetime | None:
    match = _TIMED.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match["when"], "%Y%m%d_%H%M%S").astimezone()
    except (ValueError, OverflowError):
        return None  # no time that a clock ever showed: not a name of ours


def _generated(path: Path) -> datetime | None:
    """Return the time that the transcript at *path* has in its first line."""
    head, _ = _read(path, len(_GENERATED) + _TIME_CHARS)
    try:
        return datetime.strptime((head or b"").removeprefix(_GENERATED).decode(), "%Y-%m-%d %H:%M:%S").astimezone()
    except (ValueError, OverflowError):
        return None


def _audio_content(path: Path) -> _Content:
    content, held_bytes = _read(path, HEADER_BYTES)
    if content is None:
        return "foreign" if os.path.lexists(path) else "none"
    if not content.strip(b"\0"):
        return "blank"
    return "ours" if is_growing(content, max(0, held_bytes - HEADER_BYTES)) else "foreign"


def _words_content(path: Path) -> _Content:
    content, _ = _read(path, len(_GENERATED))
    if content is None:
        return "foreign" if os.path.lexists(path) else "none"
    if content == _GENERATED:
        return "ours"
    return "blank" if _GENERATED.startswith(content.rstrip(b"\0")) else "foreign"


def _read(path: Path, head_bytes: int) -> tuple[bytes | None, int]:
    """Return how the file at *path* begins, and how long it is; None when it is none, or cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, 0
    try:
        head = os.pread(fd, head_bytes, 0) if stat.S_ISREG(os.fstat(fd).st_mode) else None
        return head, os.fstat(fd).st_size  # behind the reading: a session that writes makes it longer
    except OSError:
        return None, 0
    finally:
        os.close(fd)
