"""What a person or a pipe sees: the very bytes of stdout and stderr."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from geppetto.answer import Answer
from geppetto.cli import screen as screens
from geppetto.cli.screen import Streams, TerminalScreen, write_all
from geppetto.errors import OutputFailed, Stopped
from geppetto.notices import Notice, Ready, Saved, Words
from geppetto.realtime.usage import Usage
from geppetto.records.metrics import Latency
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMINAL = Streams(stdin_is_tty=True, stdout_is_tty=True, stderr_is_tty=True)
SCRIPT = Streams(stdin_is_tty=False, stdout_is_tty=False, stderr_is_tty=False)
PIPED_IN = Streams(stdin_is_tty=False, stdout_is_tty=True, stderr_is_tty=True)


@attrs.define
class Shown:
    """The other ends of stdout and stderr."""

    out_fd: int
    err_fd: int

    @property
    def out(self) -> str:
        """What stdout got since the last look."""
        return _drain(self.out_fd)

    @property
    def err(self) -> str:
        """What stderr got since the last look."""
        return _drain(self.err_fd)


def _drain(fd: int) -> str:
    try:
        return os.read(fd, 1 << 16).decode()
    except BlockingIOError:
        return ""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """Pipes in the place of stdout and stderr, because the screen writes to descriptors."""
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    for fd in (out_read, err_read):
        os.set_blocking(fd, False)
    monkeypatch.setattr(screens, "STDOUT_FD", out_write)
    monkeypatch.setattr(screens, "STDERR_FD", err_write)
    yield Shown(out_read, err_read)
    for fd in (out_read, out_write, err_read, err_write):
        try:
            os.close(fd)
        except OSError:
            continue


def saved(index: int = 1, **changes: object) -> Saved:
    """Return the end of an answer."""
    values: dict[str, Any] = {
        "index": index,
        "question": "a?",
        "text": "Hello.",
        "status": "completed",
        "reason": "",
        "audio_file": Path("audio_output/a.wav"),
        "transcript_file": Path("audio_output/a.txt"),
        "audio_ms": 1900,
        "latency": Latency(first_audio_ms=120.0),
        "usage": Usage(),
        "response_id": "r",
        "session_id": "s",
        **changes,
    }
    return Saved(Answer(**values))


def test_answers_at_the_terminal(shown: Shown) -> None:
    """The words as they come, the facts below, and nothing behind the last line."""
    screen = TerminalScreen(TERMINAL)
    screen.show([Ready(), Words(1, "Hel"), Words(1, "lo.")])
    assert shown.out == "Hello."
    screen.show([saved(), Ready()])
    assert shown.out == "\n"
    assert shown.err == "  1.9 s of audio · first audio after 0.12 s · audio_output/a.wav\n"
    screen.show([Words(2, "Bye.\n"), saved(2), Ready()])
    screen.close()
    assert shown.out == "Bye.\n"


def test_a_script_gets_the_answers_and_nothing_else(shown: Shown) -> None:
    """Through a pipe come the words, a line for each answer, without prompts and names."""
    screen = TerminalScreen(SCRIPT)
    screen.show(
        [Ready(), Words(1, "One."), saved(1), Words(2, "Two.\n"), saved(2), Words(3, "Three."), saved(3), Ready()]
    )
    screen.close()
    assert shown.out == "One.\nTwo.\nThree.\n"
    assert shown.err.count("1.9 s of audio") == 3


def test_a_notice_does_not_get_into_a_piped_answer(shown: Shown) -> None:
    """What stderr tells in the middle of an answer leaves no mark on stdout."""
    screen = TerminalScreen(SCRIPT)
    screen.show([Words(1, "It is "), Notice("the server reported an error"), Words(1, "ten."), saved()])
    assert shown.out == "It is ten.\n"
    assert shown.err.startswith("  the server reported an error\n")


@pytest.mark.parametrize("streams", [TERMINAL, PIPED_IN])
def test_a_notice_has_a_line_of_its_own_at_the_terminal(shown: Shown, streams: Streams) -> None:
    """Where both streams are one screen, the line is broken first, and the answer goes on below."""
    screen = TerminalScreen(streams)
    screen.show([Words(1, "It is "), Notice("the server reported an error"), Words(1, "ten."), saved()])
    assert shown.out == "It is \nten.\n"


def test_the_next_answer_begins_on_its_own_line(shown: Shown) -> None:
    """Words of the next answer may come before the files of the last one are closed."""
    screen = TerminalScreen(SCRIPT)
    screen.show([Words(1, "One."), Words(2, "Two"), saved(1), Words(2, "."), saved(2)])
    assert shown.out == "One.\nTwo.\n"


@pytest.mark.parametrize("streams", [TERMINAL, PIPED_IN, SCRIPT])
def test_an_answer_that_nobody_ended_gets_its_line_break(shown: Shown, streams: Streams) -> None:
    """What ended it is told next, and must not stand behind its words."""
    screen = TerminalScreen(streams)
    screen.show([Words(1, "It is ")])
    screen.close()
    assert shown.out == "It is \n"


def test_nothing_from_outside_steers_the_terminal(shown: Shown) -> None:
    """Escape sequences in words, notices, reasons and file names become visible."""
    screen = TerminalScreen(TERMINAL)
    evil = "\x1b[2J\x9b1m\u202e"
    screen.show([Words(1, evil), Notice(evil), saved(status="failed", reason=evil, audio_file=Path(f"{evil}.wav"))])
    text = shown.out + shown.err
    assert text.count("\\x1b[2J\\x9b1m\\u202e") == 4
    assert not set(text) & set("\x1b\x9b\u202e")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"audio_file": None}, "  no audio came · audio_output/a.txt\n"),
        ({"latency": Latency()}, "  1.9 s of audio · audio_output/a.wav\n"),
        (
            {"status": "incomplete", "reason": "max_output_tokens"},
            "  the answer is partial: the server stopped early (max_output_tokens) · audio_output/a.wav\n",
        ),
        ({"status": "cancelled"}, "  the answer is partial: it was cancelled · audio_output/a.wav\n"),
        (
            {"status": "failed", "reason": "x", "audio_file": None, "transcript_file": None},
            "  the answer is missing: the server failed (x)\n",
        ),
        ({"index": 0}, "  an answer that was not asked for here was saved · audio_output/a.wav\n"),
    ],
)
def test_the_line_below_an_answer(shown: Shown, changes: dict[str, Any], line: str) -> None:
    """It says what came, or why not all of it, and where it is."""
    TerminalScreen(SCRIPT).show([saved(**changes)])
    assert shown.err == line


def test_quiet_says_only_what_is_wrong(shown: Shown) -> None:
    """No facts after good answers; warnings and partial answers are told."""
    screen = TerminalScreen(SCRIPT, quiet=True)
    screen.show([saved()])
    assert shown.err == ""
    screen.show([saved(status="cancelled"), Notice("hm")])
    assert shown.err.count("\n") == 2


def test_a_reader_who_left_ends_the_session(shown: Shown) -> None:
    """As `head` does: status 141, and no sentence."""
    os.close(shown.out_fd)
    with pytest.raises(Stopped) as caught:
        TerminalScreen(SCRIPT).show([Words(1, "Hello.")])
    assert caught.value.status is ExitStatus.BROKEN_PIPE
    assert str(caught.value) == ""


def test_nobody_needs_to_hear_the_chatter(shown: Shown) -> None:
    """A closed stderr is no reason to end."""
    os.close(shown.err_fd)
    TerminalScreen(SCRIPT).show([Notice("hm"), Words(1, "Hello."), saved()])
    assert shown.out == "Hello.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """`geppetto > file` on a full disk is an error with its reason."""
    fd = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(screens, "STDOUT_FD", fd)
    try:
        with pytest.raises(OutputFailed, match=r"cannot be written to stdout \(No space left on device\)\."):
            TerminalScreen(SCRIPT).show([Words(1, "Hello.")])
    finally:
        os.close(fd)


def test_everything_is_written_also_without_blocking() -> None:
    """A descriptor that another process made non-blocking gets every byte; half a surrogate is `?`."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    text = "ß" * 200_000 + "\ud83d"

    def write() -> None:
        write_all(writing, text)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    data = b""
    while piece := os.read(reading, 1 << 16):
        data += piece
    writer.join(5)
    os.close(reading)
    assert data.decode() == "ß" * 200_000 + "?"
