"""Rows on a terminal end between words; in a file or a pipe nothing is broken."""

from __future__ import annotations

import os
import pty
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from geppetto.cli.terminals import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXTS = ("77.8 GB are free, and that took 0.03 s.", "Next.")


@contextmanager
def terminal(columns: int) -> Iterator[int]:
    """Yield a descriptor of a terminal with *columns*."""
    master, slave = pty.openpty()
    try:
        termios.tcsetwinsize(slave, (24, columns))
        yield slave
    finally:
        os.close(master)
        os.close(slave)


def test_rows_end_between_words() -> None:
    """All rows but the first begin below its text, and a number stays with its unit."""
    with terminal(37) as descriptor:
        assert beside("ok  logs  ", TEXTS, descriptor) == [
            "ok  logs  77.8 GB are free, and that",
            "          took 0.03 s.",
            "          Next.",
        ]
    with terminal(32) as descriptor:
        rows = beside("ok  logs  ", ("it is, and took 0.03 s.",), descriptor)
        assert rows == ["ok  logs  it is, and took", "          0.03 s."]


@pytest.mark.parametrize("columns", [0, 20])
def test_no_room(columns: int) -> None:
    """A terminal that is narrow, or tells nothing, breaks the rows as it likes."""
    with terminal(columns) as descriptor:
        assert beside("ok  logs  ", TEXTS, descriptor) == [f"ok  logs  {TEXTS[0]}", f"          {TEXTS[1]}"]


def test_no_terminal(tmp_path: Path) -> None:
    """Each text is one line of a file, whatever its length."""
    with (tmp_path / "out").open("w") as file:
        assert beside("ok  ", ("word " * 100,), file.fileno()) == ["ok  " + "word " * 100]
