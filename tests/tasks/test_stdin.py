"""Lines from terminals, pipes and files, and what is asked of them."""

from __future__ import annotations

import os
import pty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from geppetto.errors import ConfigError
from geppetto.tasks.stdin import LineSplitter, LineTooLong, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOUND_S = 5
TEXT = "Grüß dich!\nこんにちは\n".encode()
LINES = ["Grüß dich!", "こんにちは"]


def split(pieces: list[bytes], max_chars: int = 100) -> list[str]:
    """Return the lines of *pieces*; `too long` stands for one that is."""
    splitter = LineSplitter(max_chars)
    fed = [line for piece in pieces for line in splitter.feed(piece)]
    return ["too long" if isinstance(line, LineTooLong) else line for line in [*fed, *splitter.feed(b"", final=True)]]


# --- the splitter

TRICKY = st.sampled_from(
    [b"a", b"\n", b"\r", b"\r\n", "ß".encode(), "🙂".encode(), b"\xff", b"\xf0\x9f", b"\xef\xbb\xbf"]
)


@given(st.lists(TRICKY | st.binary(max_size=3)), st.data(), st.integers(0, 6))
def test_any_cutting_gives_the_same_lines(atoms: list[bytes], data: st.DataObject, max_chars: int) -> None:
    """However the bytes arrive, in the middle of a character or of a line end, the lines are the same."""
    whole = b"".join(atoms)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert split(pieces, max_chars) == split([whole], max_chars) == split([bytes([b]) for b in whole], max_chars)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\n\na\n", ["", "", "a"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf", []),
        (b"a\xffb\n", ["a\ufffdb"]),
        (b"a\xf0\x9f", ["a\ufffd"]),
        (b"12345\n", ["12345"]),
        (b"12345\r\n", ["12345"]),
        (b"12345\r", ["12345"]),
        (b"1234\r\r\n", ["1234\r"]),
        (b"12345\r\r\n", ["too long"]),
        (b"123456\n7\n", ["too long", "7"]),
        (b"123456\r\n7\n", ["too long", "7"]),
        (b"1234567890" * 10, ["too long"]),
    ],
)
def test_lines_end_at_newlines(data: bytes, lines: list[str]) -> None:
    r"""`\r\n` is one end and no part of the length, the last line needs none, a byte order mark is no text."""
    assert split([data], max_chars=5) == lines


# --- the descriptors


@contextmanager
def closing(*fds: int) -> Iterator[None]:
    """Close *fds* at the end, if they are still open."""
    try:
        yield
    finally:
        for fd in fds:
            try:
                os.close(fd)
            except OSError:
                continue


async def read_all(fd: int) -> list[str | LineTooLong]:
    """Return all lines of *fd*."""
    with trio.fail_after(BOUND_S):
        return [line async for line in read_lines(fd)]


async def test_a_pipe_gives_its_lines_as_they_come() -> None:
    """A line is there as soon as its end is, also when a character of it came in two writes."""
    reading, writing = os.pipe()
    with closing(reading, writing), trio.fail_after(BOUND_S):
        lines = read_lines(reading)
        os.write(writing, TEXT[:3])
        async with trio.open_nursery() as nursery:
            first: list[str | LineTooLong] = []

            async def take_one() -> None:
                first.append(await anext(lines))

            nursery.start_soon(take_one)
            await wait_all_tasks_blocked()
            assert first == []
            os.write(writing, TEXT[3:])
        os.close(writing)
        assert [*first, *[line async for line in lines]] == LINES


async def test_a_regular_file_is_read_to_its_end(tmp_path: Path) -> None:
    """A file cannot be waited for, and is read all the same, its last line without an end."""
    path = tmp_path / "questions.txt"
    path.write_bytes(TEXT + b"last")
    fd = os.open(path, os.O_RDONLY)
    with closing(fd):
        assert await read_all(fd) == [*LINES, "last"]


async def test_dev_null_has_no_lines() -> None:
    """It ends at once."""
    fd = os.open(os.devnull, os.O_RDONLY)
    with closing(fd):
        assert await read_all(fd) == []


async def test_a_terminal_gives_lines_and_ends_with_ctrl_d() -> None:
    """Ctrl+D at the start of a line is the end of file."""
    master, slave = pty.openpty()
    with closing(master, slave):
        os.write(master, TEXT + b"\x04")
        assert await read_all(slave) == LINES


async def test_a_terminal_that_goes_away_is_the_end() -> None:
    """Hanging up is an end of file, not an error."""
    master, slave = pty.openpty()
    with closing(master, slave):
        os.close(slave)  # on the master's side, the same EIO that a hung-up terminal gives
        assert await read_all(master) == []


async def test_what_somebody_else_has_read_is_waited_for() -> None:
    """A descriptor that another process made non-blocking and emptied first is not at its end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    thief = os.dup(reading)
    with closing(reading, writing, thief), trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            got: list[str | LineTooLong] = []

            async def take_all() -> None:
                got.extend([line async for line in read_lines(reading)])

            nursery.start_soon(take_all)
            for _ in range(30):  # each time it is chance who of the two is first
                os.write(writing, b"x")
                await trio.lowlevel.wait_readable(thief)
                with suppress(BlockingIOError):
                    os.read(thief, 1)
                await wait_all_tasks_blocked()
            os.write(writing, b"a\n")
            os.close(writing)
    assert len(got) == 1
    assert str(got[0]).endswith("a")


async def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A directory, and a file that is open for writing only, are a sentence and no traceback."""
    for fd in (os.open(tmp_path, os.O_RDONLY), os.open(tmp_path / "f", os.O_WRONLY | os.O_CREAT)):
        with closing(fd), pytest.raises(ConfigError, match=r"^The questions cannot be read from stdin \("):
            await read_all(fd)


async def test_leaving_leaves_nothing_behind() -> None:
    """Cancelling the wait for a line takes nothing from whoever reads the descriptor next."""
    reading, writing = os.pipe()
    with closing(reading, writing), trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_all, reading)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        os.write(writing, b"a")
        assert os.read(reading, 1) == b"a"
