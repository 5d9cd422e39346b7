"""What a person or a pipe sees of a session: answers on stdout, everything else on stderr."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from geppetto.errors import OutputFailed, Stopped
from geppetto.notices import Notice, Saved, Words
from geppetto.redaction import Redactor
from geppetto.status import ExitStatus
from geppetto.text import escape, escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geppetto.answer import Answer
    from geppetto.notices import ToDisplay

STDIN_FD = 0
STDOUT_FD = 1
STDERR_FD = 2
PARTING_PATIENCE_S = 0.5
_SMALL_BYTES = 32
"""So little is taken by a terminal that says it can take something; more could block."""
_KEEPS_ALL = Redactor()


class Streams(msgspec.Struct, frozen=True, kw_only=True):
    """What the three standard streams are."""

    stdin_is_tty: bool
    stdout_is_tty: bool
    stderr_is_tty: bool
    has_stdin: bool = True
    """False when it was closed at the start."""


def write_all(fd: int, text: str, *, patience_s: float | None = None) -> None:
    """
    Write *text* to *fd*, all of it; blocks, also on a descriptor that another process made non-blocking.

    Args:
        fd: the descriptor.
        text: what to write; lone surrogates become question marks.
        patience_s: for what is said at the end, when nobody may be there to read it: give up once nothing was
            taken for so long. A terminal that is stopped with Ctrl+S would hold the process for ever.

    Raises:
        OSError: it cannot be written; `TimeoutError` when *patience_s* is over.
    """
    write_bytes(fd, text.encode("utf-8", "replace"), patience_s=patience_s)


def write_bytes(fd: int, content: bytes, *, patience_s: float | None = None) -> None:
    """Write *content* to *fd*, as `write_all` writes text."""
    data = memoryview(content)
    while data:
        if patience_s is not None and not select.select([], [fd], [], patience_s)[1]:
            raise TimeoutError
        try:
            data = data[os.write(fd, data if patience_s is None else data[:_SMALL_BYTES]) :]
        except BlockingIOError:
            select.select([], [fd], [])


def write_stdout(content: bytes) -> None:
    """
    Write *content* to stdout, all of it; blocks.

    Raises:
        Stopped: its reader went away.
        OutputFailed: it cannot be written.
    """
    try:
        write_bytes(STDOUT_FD, content)
    except BrokenPipeError as error:
        raise Stopped("", ExitStatus.BROKEN_PIPE) from error
    except OSError as error:
        msg = f"The answer cannot be written to stdout ({error.strerror})."
        raise OutputFailed(msg) from error


def write_stderr(text: str) -> None:
    """Write *text* to stderr; nobody listens to the chatter, the answers are what counts."""
    with suppress(OSError):
        write_all(STDERR_FD, text)


class TerminalScreen:
    """Writes with `os.write`, so nothing is left in a buffer that a broken pipe could spoil at exit."""

    def __init__(
        self,
        streams: Streams,
        *,
        quiet: bool = False,
        redactor: Redactor = _KEEPS_ALL,
        words: bool = True,
        words_to_stderr: bool = False,
        expects_audio: bool = True,
        say: Callable[[str], None] = write_stderr,
    ) -> None:
        """
        Break lines where *streams* are one screen.

        Args:
            streams: what the standard streams are.
            quiet: no chatter after answers.
            redactor: what it takes for the key is never shown, whoever said it.
            words: whether the words of answers are shown as they arrive.
            words_to_stderr: whether they go to stderr, because stdout has something else.
            expects_audio: whether an answer without audio is worth a word.
            say: writes to stderr.
        """
        self._words_shown = words
        self._words_to_stderr = words_to_stderr
        self._expects_audio = expects_audio
        self._say = say
        self._streams = streams
        self._quiet = quiet
        self._redactor = redactor
        self._redacted = redactor.stream()
        self._in_answer: int | None = None
        """The question whose words stand at the end of stdout without a line break."""
        self._line_open = False

    def show(self, things: Sequence[ToDisplay]) -> None:
        """Show *things* in order; see `geppetto.tasks.display.Screen`."""
        out: list[str] = []
        for thing in things:
            match thing:
                case Words():
                    if self._words_shown:
                        out.append(self._words(thing))
                case Saved():
                    if thing.answer.index == self._in_answer:
                        out.append(self._end_line())
                    elif self._streams.stdout_is_tty:  # the files of one answer are closed while the next one begins
                        out.append(self._break_line())
                    self._out(out)
                    self._saved(thing.answer)
                case Notice():
                    if self._streams.stdout_is_tty:  # elsewhere stdout is the answers and nothing else
                        out.append(self._break_line())
                    self._out(out)
                    self._err(f"  {escape_line(thing.text)}\n")
        self._out(out)

    def close(self) -> None:
        """End the words of an answer that nobody ended."""
        rest = self._redacted.flush()
        if self._line_open:
            self._line_open = False
            rest += "\n"
        with suppress(OSError):
            write_all(STDERR_FD if self._words_to_stderr else STDOUT_FD, rest, patience_s=PARTING_PATIENCE_S)

    def _words(self, words: Words) -> str:
        lead = ""
        if self._in_answer != words.index:
            lead = self._end_line()
            self._in_answer = words.index
        text = escape(words.text)
        if text:
            self._line_open = not text.endswith("\n")
        return lead + text

    def _end_line(self) -> str:
        """End the words of the present answer."""
        self._in_answer = None
        return self._break_line()

    def _break_line(self) -> str:
        if self._line_open:
            self._line_open = False
            return "\n"
        return ""

    def _saved(self, answer: Answer) -> None:
        if answer.index == 0:
            self._err(f"  an answer that was not asked for here was saved{_files(answer)}\n")
            return
        if answer.status != "completed":
            why = f" ({escape_line(answer.reason)})" if answer.reason else ""
            self._err(f"  the answer is {_STATUS_WORDS[answer.status]}{why}{_files(answer)}\n")
        elif not self._quiet:
            self._err(f"  {_facts(answer, expects_audio=self._expects_audio)}\n")

    def _out(self, pieces: list[str]) -> None:
        text = "".join(pieces)
        pieces.clear()
        self._write(self._redacted.feed(text))

    def _write(self, text: str) -> None:
        if not text:
            return
        if self._words_to_stderr:
            self._say(text)
        else:
            write_stdout(text.encode("utf-8", "replace"))

    def _err(self, text: str) -> None:
        self._say(self._redactor.clean(text))


_STATUS_WORDS = {
    "failed": "missing: the server failed",
    "cancelled": "partial: it was cancelled",
    "incomplete": "partial: the server stopped early",
}


def _files(answer: Answer) -> str:
    file = answer.audio_file or answer.transcript_file
    return f" · {escape(str(file))}" if file is not None else ""


def _facts(answer: Answer, *, expects_audio: bool) -> str:
    parts = []
    if answer.audio_file is not None:
        parts.append(f"{answer.audio_ms / 1000:.1f} s of audio")
        if answer.latency.first_audio_ms is not None:
            parts.append(f"first audio after {answer.latency.first_audio_ms / 1000:.2f} s")
    elif expects_audio:
        parts.append("no audio came")
    elif answer.latency.first_text_ms is not None:
        parts.append(f"first words after {answer.latency.first_text_ms / 1000:.2f} s")
    return (" · ".join(parts) + _files(answer)).removeprefix(" · ")
