"""The audio of answers on stdout, as it arrives: `geppetto ask "…" --audio-out - | aplay -f S16_LE -r 24000`."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from geppetto.audio.assembly import AudioAssembler
from geppetto.audio.pcm import SAMPLE_RATE_HZ
from geppetto.audio.wav import streaming_header
from geppetto.cli.screen import write_stdout
from geppetto.errors import GeppettoError
from geppetto.notices import Sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.cli.screen import TerminalScreen
    from geppetto.notices import ToDisplay
    from geppetto.realtime.reply import Reply

_ROOM_BYTES: Final = 30 * SAMPLE_RATE_HZ * 2
"""Half a minute. While more than that waits for its listener, nothing new is asked."""


class SoundScreen:
    """
    Writes audio to stdout, and leaves the rest to another screen, which must not write there.

    A player takes audio no faster than it plays, and answers come faster than that. So a thread of its own writes;
    what is not written yet is kept, and bounded by whoever asks nothing new before `wait_for_room` returns.
    """

    def __init__(self, words: TerminalScreen, *, wav: bool) -> None:
        """Write PCM16, mono, 24,000 Hz; behind the header of an endless WAV, if *wav*."""
        self._words = words
        self._header = streaming_header() if wav else b""
        self._reply: Reply | None = None
        self._assembler = AudioAssembler()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._error: GeppettoError | None = None
        self._thread: threading.Thread | None = None

    def show(self, things: Sequence[ToDisplay]) -> None:
        """
        Write and show *things* in order; see `geppetto.tasks.display.Screen`.

        Raises:
            GeppettoError: nobody listens any more.
        """
        others: list[ToDisplay] = []
        pcm: list[bytes] = []
        for thing in things:
            if not isinstance(thing, Sound):
                others.append(thing)
                continue
            piece = thing.piece
            if piece.reply is not self._reply:
                pcm.append(self._assembler.finish())
                self._reply, self._assembler = piece.reply, AudioAssembler()
            pcm.append(self._assembler.add(piece.item_id, piece.content_index, piece.pcm))
        self._put(b"".join(pcm))
        self._words.show(others)

    def wait_for_room(self) -> None:
        """
        Wait until there is not too much audio that nobody has heard; blocks.

        Raises:
            GeppettoError: nobody listens any more.
        """
        self._wait(_ROOM_BYTES)

    def drain(self) -> None:
        """
        Write everything there is; blocks for as long as the listener takes.

        Raises:
            GeppettoError: nobody listens any more.
        """
        self._put(self._assembler.finish())
        self._assembler = AudioAssembler()
        self._wait(0)

    def _wait(self, most_bytes: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or self._waiting_bytes <= most_bytes)
            if self._error is not None:
                raise self._error

    def _put(self, pcm: bytes) -> None:
        with self._changed:
            if self._error is not None:
                raise self._error
            if not pcm:
                return
            header, self._header = self._header, b""
            self._waiting.append(header + pcm)
            self._waiting_bytes += len(header) + len(pcm)
            self._changed.notify_all()
            if self._thread is None:
                # A daemon: a player that is stopped would keep the process for ever.
                self._thread = threading.Thread(target=self._write, name="sound", daemon=True)
                self._thread.start()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                piece = self._waiting.popleft()
            try:
                write_stdout(piece)
            except GeppettoError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self._waiting_bytes -= len(piece)
                self._changed.notify_all()
