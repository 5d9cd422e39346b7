"""Watches what a client makes of stamped words and audio: on its stdout and in its WAV."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.frames import STAMP_BYTES
from benchmarks.harness import Broken, now_us, only_wav

if TYPE_CHECKING:
    from pathlib import Path

HEADER_BYTES = 44
_STAMP = re.compile(rb"(?<!\d)(\d{16})(?!\d)")
_LOOK_S = 0.0005
"""How often the size of the WAV is looked at: half a millisecond is what its figures cannot tell apart."""


class Screen(threading.Thread):
    """Reads a descriptor to its end and notes how late each stamped word is, in milliseconds."""

    def __init__(self, fd: int) -> None:
        """Read *fd*, which stays the caller's."""
        super().__init__(daemon=True)
        self._fd = fd
        self.late_ms: list[float] = []
        self.text = b""
        """The end of what was read."""
        self.changed = threading.Condition()

    def run(self) -> None:
        """Read."""
        rest = b""
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except OSError:  # a terminal whose last process has left
                return
            if not data:
                return
            now = now_us()
            rest += data
            last = 0
            for found in _STAMP.finditer(rest, 0, max(0, len(rest) - 1)):  # the digit behind it has to be known
                self.late_ms.append((now - int(found[1])) / 1000)
                last = found.end()
            with self.changed:
                self.text = (self.text + data)[-4096:]
                self.changed.notify_all()
            rest = rest[max(last, len(rest) - 16) :]

    def wait_for(self, words: bytes, bound_s: float) -> None:
        """
        Wait until *words* were read.

        Raises:
            Broken: they never were.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: words in self.text, bound_s):
                raise Broken(f"{words!r} was not shown, but {self.text[-300:]!r}")


class Growth(threading.Thread):
    """Watches the WAV below a directory grow while it is written."""

    def __init__(self, below: Path, delta_bytes: int) -> None:
        """Wait for the file; it gets its name when it is whole."""
        super().__init__(daemon=True)
        self._below = below
        self._delta_bytes = delta_bytes
        self._at_us: list[int] = []
        self._over = threading.Event()

    def run(self) -> None:
        """Look, until told to leave off."""
        path: Path | None = None
        while path is None:
            if self._over.wait(_LOOK_S):
                return
            path = next((file for file in self._below.glob("audio_output/*") if ".wav" in file.name), None)
        fd = os.open(path, os.O_RDONLY)
        try:
            while not self._over.wait(_LOOK_S):
                whole = (os.fstat(fd).st_size - HEADER_BYTES) // self._delta_bytes
                if whole > len(self._at_us):
                    self._at_us += [now_us()] * (whole - len(self._at_us))
        finally:
            os.close(fd)

    def late_ms(self) -> list[float]:
        """Leave off, and return how late each piece of audio was in the file, in milliseconds."""
        self._over.set()
        self.join()
        sent_us = stamps(only_wav(self._below), self._delta_bytes)
        return [(at_us - sent) / 1000 for at_us, sent in zip(self._at_us, sent_us, strict=False)]


def wait_for_files(below: Path, bound_s: float) -> None:
    """
    Wait until the answer has its WAV and its transcript under their names.

    Raises:
        Broken: it never had.
    """
    deadline = time.monotonic() + bound_s
    while not all(any(below.glob(f"audio_output/*.{suffix}")) for suffix in ("wav", "txt")):
        if time.monotonic() > deadline:
            raise Broken("the answer was never whole")
        time.sleep(0.02)


def stamps(wav: Path, delta_bytes: int) -> list[int]:
    """Return when each piece of audio of a whole WAV was sent, in microseconds."""
    with wav.open("rb") as file:
        file.seek(HEADER_BYTES)
        return [int.from_bytes(piece[:STAMP_BYTES], "big") for piece in iter(lambda: file.read(delta_bytes), b"")]
