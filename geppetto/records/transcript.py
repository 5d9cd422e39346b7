"""The transcript beside each WAV file, and what is there of it while the words arrive."""

from __future__ import annotations

import codecs
import contextlib
import os
from typing import TYPE_CHECKING

from geppetto.audio.wav import cannot_write
from geppetto.records.modes import PRIVATE, create_temporary
from geppetto.records.naming import publish
from geppetto.text import encodable, escape_controls, escape_line

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

NO_TRANSCRIPT = "No transcript available"
STILL_COMING = "the answer is still coming"
"""Why a transcript that is being written is partial."""
_PIECE_CHARS = 64 * 1024


def write_transcript(
    path: Path,
    generated: datetime,
    audio_file: Path | None,
    text: str,
    partial_reason: str | None,
    *,
    mode: int = PRIVATE.file,
) -> None:
    """
    Write the transcript of one answer to *path*, which must not exist.

    It is written and flushed under a temporary name in the same directory, then renamed, so a reader finds
    all of it or none. Blocks: run it in a thread.

    Args:
        path: See `OutputStem.transcript_path`.
        generated: The local time of the answer.
        audio_file: The WAV file beside it; None when no audio came.
        text: What was said; see `render_transcript` for what becomes of control characters.
        partial_reason: Why the answer was cut short; None for a complete one.
        mode: Permissions of the file, less the umask.

    Raises:
        OutputFailed: *path* exists, or the directory cannot be written; no file is left behind.
    """
    content = _rendered(generated, audio_file, text, partial_reason)
    try:
        fd, temporary = create_temporary(path, mode)
        try:
            with os.fdopen(fd, "wb") as file:
                for piece in content:
                    for start in range(0, len(piece), _PIECE_CHARS):
                        file.write(piece[start : start + _PIECE_CHARS].encode())
                file.flush()
                os.fsync(fd)
            publish(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise cannot_write(path, error) from error


def render_transcript(generated: datetime, audio_file: Path | None, text: str, partial_reason: str | None) -> str:
    r"""
    Return the content of a transcript file; it always ends in a newline and can always be encoded.

    Control characters in the text of a model could steer the terminal of whoever reads the file with `cat`.
    They are written as `\x1b`, but for newline and tab; in the lines above the text those two are written as `\n`
    and `\t`, and what reorders text is escaped as well. `\r\n` becomes a newline. Half a surrogate pair becomes
    U+FFFD; two halves that came in two deltas become their character.
    """
    return "".join(_rendered(generated, audio_file, text, partial_reason))


class GrowingTranscript:
    """
    A transcript while its words arrive: readable at every moment, also after `kill -9`.

    Every call blocks: run it in a thread, one call at a time.

    Args:
        path: The file to create; it must not exist.
        generated: The local time of the answer.
        audio_file: Where the audio is, as long as it arrives.
        mode: Permissions of the file, less the umask.

    Raises:
        OutputFailed: the file cannot be created.
    """

    def __init__(self, path: Path, generated: datetime, audio_file: Path, mode: int = PRIVATE.file) -> None:
        self.path = path
        self._kept = ""
        self._fd: int | None = None
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW, mode)
            self._write(_head(generated, audio_file, STILL_COMING))
        except OSError as error:
            if self._fd is not None:  # it was made, and without its head nothing would tell whose it is
                with contextlib.suppress(OSError):
                    path.unlink()
            self.close()
            raise cannot_write(path, error) from error

    def append(self, text: str) -> None:
        """
        Append *text*; what may be the first half of a character or of a line break waits for the next call.

        Raises:
            OutputFailed: the disk refused. What was written before is intact.
        """
        text = self._kept + text
        kept_chars = 1 if text.endswith("\r") or "\ud800" <= text[-1:] <= "\udbff" else 0
        self._kept = text[len(text) - kept_chars :]
        try:
            self._write(_body(text[: len(text) - kept_chars]))
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def fileno(self) -> int:
        """
        Return the descriptor of the file; it stays ours to close.

        Raises:
            ValueError: the file is closed.
        """
        if self._fd is None:
            raise ValueError(f"{self.path} is closed")
        return self._fd

    def close(self) -> None:
        """Close the file as it is. Does nothing twice."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            with contextlib.suppress(OSError):  # the finished transcript is another file, and its failures are told
                os.close(fd)

    def remove(self) -> None:
        """
        Close and remove the file: the finished transcript has taken its place.

        Raises:
            OutputFailed: the directory cannot be written.
        """
        self.close()
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _write(self, text: str) -> None:
        fd = self.fileno()
        rest = memoryview(text.encode())
        while rest:
            rest = rest[os.write(fd, rest) :]


def words_in(content: bytes) -> str:
    """
    Return the words of a transcript that may end anywhere, also inside its head or a character.

    What a power cut leaves of a file may end in zeros; they are no words.
    """
    content = content.rstrip(b"\0")
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(content)  # not final: drops half a character
    words = text.partition("\nTranscript:\n")[2]
    return "" if words.strip() == NO_TRANSCRIPT else words


def _rendered(
    generated: datetime, audio_file: Path | None, text: str, partial_reason: str | None
) -> tuple[str, str, str]:
    """Return the content in pieces: of a long text each copy takes as much memory again."""
    body = _body(text)
    if not body or body.isspace():
        body = NO_TRANSCRIPT
    return _head(generated, audio_file, partial_reason), body, "" if body.endswith("\n") else "\n"


def _head(generated: datetime, audio_file: Path | None, partial_reason: str | None) -> str:
    lines = [
        f"Generated: {generated:%Y-%m-%d %H:%M:%S}",
        f"Audio File: {'none' if audio_file is None else _one_line(str(audio_file))}",
    ]
    if partial_reason is not None:
        lines.append(f"Status: partial ({_one_line(partial_reason)})")
    return "\n".join([*lines, "Transcript:", ""])


def _body(text: str) -> str:
    return escape_controls(encodable(text))


def _one_line(text: str) -> str:
    return escape_line(encodable(text))
