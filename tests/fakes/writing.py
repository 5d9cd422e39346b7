"""
A process that writes recordings until it is killed, and says what it has handed over and what was written.

`python -m tests.fakes.writing FD` reads lines `SEED<TAB>DIRECTORY`, forks a child for each one, prints the child's
process id, and waits until it is dead. The children write `Note`s to FD; after each child an `OVER` follows.
"""

from __future__ import annotations

import os
import random
import struct
import sys
import time
from collections import Counter
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.intake import Intake
from geppetto.realtime.events import TextDelta
from geppetto.realtime.happenings import ReplyAudio, ReplyDone, ReplyText
from geppetto.realtime.reply import Reply
from geppetto.records.recorder import Recorder
from geppetto.tasks.assemble import assemble

if TYPE_CHECKING:
    from geppetto.records.recorder import ToFiles
    from geppetto.records.reply_files import SavedReply

HANDED, WRITTEN, OVER = range(3)
_NOTE = struct.Struct("<BIIId")
NOTE_BYTES = _NOTE.size


@attrs.frozen
class Note:
    """How far a reply had come at a moment."""

    kind: int
    """`HANDED` to the one who writes, `WRITTEN`, or `OVER`."""
    number: int = 0
    pcm_bytes: int = 0
    words_chars: int = 0
    at: float = attrs.field(factory=time.monotonic)

    def send(self, fd: int) -> None:
        """Write it, at once."""
        os.write(fd, _NOTE.pack(self.kind, self.number, self.pcm_bytes, self.words_chars, self.at))

    @classmethod
    def unpack(cls, raw: bytes) -> Note:
        """Return the note that *raw* stands for."""
        return cls(*_NOTE.unpack(raw))


def pcm_of(number: int) -> bytes:
    """Return the audio of reply *number*: its number, then noise of its own, 0.01 s to 2 s."""
    source = random.Random(number)
    return struct.pack("<I", number) + source.randbytes(2 * source.randrange(240, 48_000))


def words_of(number: int) -> str:
    """Return the words of reply *number*; they begin with it, and some are of several bytes."""
    return f"{number}: " + " ".join(f"wörd{word}" for word in range(number % 50 + 1))


class _NotingRecorder(Recorder):
    def __init__(self, directory: Path, fd: int) -> None:
        super().__init__(directory, datetime.now)
        self._fd = fd
        self._pcm_bytes: Counter[int] = Counter()
        self._words_chars: Counter[int] = Counter()
        self._unwritten: set[int] = set()

    def put(self, happening: ToFiles) -> None:
        super().put(happening)
        number = int(happening.reply.response_id)
        if isinstance(happening, ReplyAudio):
            self._pcm_bytes[number] += len(happening.pcm)
            self._note(HANDED, number)
        elif isinstance(happening, ReplyText):
            self._words_chars[number] += len(happening.delta)
            self._note(HANDED, number)

    def write(self, *, ends: bool = True) -> None:
        numbers, self._unwritten = self._unwritten, set()
        counted = [(number, self._pcm_bytes[number], self._words_chars[number]) for number in numbers]
        super().write(ends=ends)
        for number, pcm_bytes, words_chars in counted:
            Note(WRITTEN, number, pcm_bytes, words_chars).send(self._fd)

    def _note(self, kind: int, number: int) -> None:
        self._unwritten.add(number)
        Note(kind, number, self._pcm_bytes[number], self._words_chars[number]).send(self._fd)


async def write_for_ever(directory: Path, seed: int, fd: int) -> None:
    """Write one reply after the other, in deltas of any size, at any speed."""
    chance = random.Random(seed)
    intake = Intake(_NotingRecorder(directory, fd), 100)

    async def deliver(_saved: SavedReply) -> None:
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(assemble, intake, deliver, list)
        for number in count(chance.randrange(1_000_000)):
            reply = Reply(response_id=str(number))
            pcm, words = pcm_of(number), words_of(number)
            while pcm or words:
                n_bytes, n_chars = chance.randrange(4, 19_200), chance.randrange(1, 12)  # 4: its number in one piece
                if words:
                    delta = TextDelta(
                        response_id=reply.response_id, item_id="item", content_index=0, delta=words[:n_chars]
                    )
                    await intake.send(ReplyText(reply=reply, delta=reply.add_delta(delta)))
                if pcm:
                    await intake.send(ReplyAudio(reply=reply, item_id="item", content_index=0, pcm=pcm[:n_bytes]))
                pcm, words = pcm[n_bytes:], words[n_chars:]
                if chance.random() < 0.5:
                    await trio.sleep(chance.random() * 0.004)
            reply.status = "completed"
            await intake.send(ReplyDone(reply=reply))


def main() -> None:
    """Fork a child for each line of stdin."""
    fd = int(sys.argv[1])
    for line in sys.stdin:
        seed, _, directory = line.rstrip("\n").partition("\t")
        child = os.fork()
        if child == 0:
            trio.run(write_for_ever, Path(directory), int(seed), fd)
        os.write(1, f"{child}\n".encode())
        os.waitpid(child, 0)
        Note(OVER).send(fd)


if __name__ == "__main__":
    main()
