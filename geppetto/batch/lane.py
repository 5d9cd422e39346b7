"""One worker of a run: the questions on their way in its session, and those that come first in the next one."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import trio

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from geppetto.batch.ask import Ask
    from geppetto.batch.result import Result


class Taken(msgspec.Struct, frozen=True):
    """A question that is to be asked now."""

    ask: Ask
    pcm: bytes | None = None
    """Its audio, if it is spoken."""
    problem: str = ""
    """Why it cannot be asked."""


class Lane(msgspec.Struct, kw_only=True):
    """
    What one session after another is asked.

    `committed` is filled by the thread that writes a session's files; everything else belongs to the event loop.
    """

    next_ask: Callable[[], Awaitable[Ask | None]]
    """Waits for a question; None when there are no more."""
    gate: Callable[[], Awaitable[None]]
    """Waits until the server may be asked."""
    single: bool
    """Whether each session is for one question."""
    out_of_band: bool = False
    """Whether a question is asked in one message, its audio included."""
    voice: str | None = None
    """Of the present session; None is the configured one."""
    in_flight: dict[int, Ask] = msgspec.field(default_factory=dict)
    """By index: asked, and not told."""
    committed: dict[int, Result] = msgspec.field(default_factory=dict)
    """By index: over and durable, whatever becomes of the session."""
    first: deque[Ask] = msgspec.field(default_factory=deque)
    """What comes before anything new: it was asked for nothing, or needs another session."""
    tries: dict[int, int] = msgspec.field(default_factory=dict)
    """By index: the sessions that ended before the answer did."""
    exhausted: bool = False
    """Whether there is nothing new any more."""
    _taken: int = 0
    _turn: trio.Lock = msgspec.field(default_factory=trio.Lock)

    @property
    def over(self) -> bool:
        """Whether no session is needed any more."""
        return self.exhausted and not self.first

    async def prepare(self) -> None:
        """Wait for the first question of the next session, which decides on its voice, or for the end of them all."""
        if not self.first and not self.exhausted:
            await self._fetch()
        if self.first:
            await self.gate()
        self.voice = self.first[0].voice if self.first else None
        self._taken = 0

    async def take(self) -> Taken | None:
        """
        Return the next question for this session; None when it is to end.

        Whoever asks it before the next checkpoint keeps the order.

        Cancellation: no question is lost.
        """
        async with self._turn:
            if self.single and self._taken:
                return None
            if not self.first and not self.exhausted:
                await self._fetch()
            if self.first:
                await self.gate()
            if not self.first or self.first[0].voice != self.voice:  # a voice is locked by its first sound
                return None
            ask = self.first[0]
            taken = Taken(ask) if ask.audio_file is None else await self._with_audio(ask, ask.audio_file)
            self.first.popleft()
            self._taken += 1
            self.in_flight[ask.index] = ask
            return taken

    async def _fetch(self) -> None:
        ask = await self.next_ask()
        if ask is None:
            self.exhausted = True
        else:
            self.first.append(ask)

    async def _with_audio(self, ask: Ask, path: Path) -> Taken:
        from geppetto.audio.reading import read_audio  # most questions are written

        read = partial(read_audio, path, in_one_message=self.out_of_band)
        try:
            return Taken(ask, await trio.to_thread.run_sync(read))
        except ConfigError as error:
            return Taken(ask, problem=str(error))
