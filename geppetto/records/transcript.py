"""The transcript beside each WAV file: complete, or not there."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from geppetto.audio.wav import cannot_write
from geppetto.records.naming import publish

if TYPE_CHECKING:
    from datetime import datetime

NO_TRANSCRIPT = "No transcript available"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def write_transcript(
    path: Path, generated: datetime, audio_file: Path | None, text: str, partial_reason: str | None
) -> None:
    """
    Write the transcript of one answer to *path*, which must not exist.

    It is written and flushed under a temporary name in the same directory, then renamed, so a reader finds
    all of it or none. Only the user may read it (0o600, less the umask). Blocks: run it in a thread.

    Args:
        path: See `OutputStem.transcript_path`.
        generated: The local time of the answer.
        audio_file: The WAV file beside it; None when no audio came.
        text: What was said; see `render_transcript` for what becomes of control characters.
        partial_reason: Why the answer was cut short; None for a complete one.

    Raises:
        OutputFailed: *path* exists, or the directory cannot be written; no file is left behind.
    """
    content = render_transcript(generated, audio_file, text, partial_reason).encode()
    try:
        fd, temporary_name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(temporary_name)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(fd)
            publish(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise cannot_write(path, error) from error


def render_transcript(
    generated: datetime, audio_file: Path | None, text: str, partial_reason: str | None
) -> str:
    r"""
    Return the content of a transcript file; it always ends in a newline and can always be encoded.

    Control characters in the text of a model could steer the terminal of whoever reads the file with `cat`.
    They are written as `\x1b`, but for newline and tab; in the lines above the text those two are escaped as
    well, so that each stays one line. `\r\n` becomes a newline. Half a surrogate pair becomes U+FFFD; two
    halves that came in two deltas become their character.
    """
    lines = [
        f"Generated: {generated:%Y-%m-%d %H:%M:%S}",
        f"Audio File: {'none' if audio_file is None else _one_line(str(audio_file))}",
    ]
    if partial_reason is not None:
        lines.append(f"Status: partial ({_one_line(partial_reason)})")
    body = _CONTROL.sub(_escape, _encodable(text).replace("\r\n", "\n"))
    lines += ["Transcript:", body if body.strip() else NO_TRANSCRIPT]
    rendered = "\n".join(lines)
    return rendered if rendered.endswith("\n") else rendered + "\n"


def _one_line(text: str) -> str:
    return _CONTROL_OR_BREAK.sub(_escape, _encodable(text))


def _encodable(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
