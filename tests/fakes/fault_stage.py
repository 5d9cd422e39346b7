"""
A fault-injecting mode of the scripted server.

A `Stage` plays an honest server up to a `Phase`, lets a `Fault` loose there, and keeps a ledger of the audio that was
delivered whole.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import trio

from tests.fakes.fault_wire import FaultyStream
from tests.fakes.faults import Phase
from tests.fakes.scripted_server import (
    Gone,
    ScriptedServer,
    audio,
    created,
    done,
    listening,
    tone,
    words,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.fakes.faults import Fault
    from tests.fakes.scripted_server import (
        Event,
        Peer,
        Seen,
    )

FRAMES = 240
"""Of each whole answer."""
_PIECES = 4
MARKER = "and then"
"""The last words before a client leaves in the middle of an answer: all audio before them was heard."""


@attrs.define(kw_only=True)
class Stage:
    """A server that answers every question, and one fault. Made by `stage`."""

    fault: Fault
    phase: Phase
    always: bool
    """Whether every connection has the fault, and not only the first one."""
    connections: int = 0
    """How many there were, refused ones included."""
    delivered: bytearray = attrs.field(factory=bytearray)
    """The PCM of all audio events that went out whole, in that order. No two frames of it are equal, unless a fault
    sent an event twice."""
    uncertain: bytearray = attrs.field(factory=bytearray)
    """The part of it that the client may have missed, because it had turned away meanwhile."""
    servers: list[ScriptedServer] = attrs.field(factory=list)
    """One for each connection that was not refused."""
    idle: trio.Event = attrs.field(factory=trio.Event)
    """To be set by the test when its first answer is there."""
    struck: trio.Event = attrs.field(factory=trio.Event)
    """Set when the fault is loose."""
    url: str = ""
    _refusing: int = 0
    _answers: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        """Play one connection."""
        self.connections += 1
        wire = FaultyStream(stream)
        if self._refusing > 0:
            self._refusing -= 1
            with suppress(Gone):
                await wire.reset()
            return
        faulty = self.always or not self.struck.is_set()

        async def story(peer: Peer) -> None:
            await self._play(peer, wire, faulty=faulty)

        if faulty and self.phase is Phase.CONNECTING:
            self._let_loose(wire)
        server = ScriptedServer(story=story)
        self.servers.append(server)
        await server.serve(wire)

    @property
    def seen(self) -> list[Seen]:
        """What the clients of the connections did that were not refused."""
        return [seen for server in self.servers for seen in server.connections]

    def _let_loose(self, wire: FaultyStream, *, skip: int = 0) -> None:
        wire.arm(self.fault.make(self.phase), skip=skip)
        self._refusing = self.fault.refuses - (self.phase is Phase.CONNECTING and self.fault.refuses > 0)
        self.struck.set()

    async def _play(self, peer: Peer, wire: FaultyStream, *, faulty: bool) -> None:
        def reached(phase: Phase, *, skip: int = 0) -> bool:
            here = faulty and self.phase is phase and not wire.armed
            if here:
                self._let_loose(wire, skip=skip)
            return here

        reached(Phase.WAITING)
        await peer.greet()
        while True:
            await peer.expect("response.create")
            await self._answer(peer, wire, reached)
            if reached(Phase.DONE):
                await wire.strike()
            if faulty and self.phase is Phase.IDLE:
                await self.idle.wait()
                if reached(Phase.IDLE):
                    await wire.strike()

    async def _answer(self, peer: Peer, wire: FaultyStream, reached: Callable[..., bool]) -> None:
        """Answer the newest question; every answer has audio of its own."""
        response_id = f"resp_{self._answers}"
        text = f"This answers {peer.seen.questions[-1]}"
        pcm = tone(FRAMES, start=self._answers * FRAMES)
        self._answers += 1
        step = len(pcm) // _PIECES
        first, *rest = (pcm[at : at + step] for at in range(0, len(pcm), step))
        await peer.send(created(response_id), words(response_id, text[:6]))
        reached(Phase.TRANSCRIPT)
        await peer.send(words(response_id, text[6:]))
        await self._sound(peer, wire, response_id, first)
        reached(Phase.AUDIO)
        if peer.seen.questions[-1] == "Leaving?":
            reached(Phase.SHUTTING_DOWN, skip=1)
            await peer.send(words(response_id, MARKER))
            await peer.client_left()
            raise Gone
        for piece in rest:
            await self._sound(peer, wire, response_id, piece)
        await peer.send(whole_text(response_id, text), done(response_id))

    async def _sound(self, peer: Peer, wire: FaultyStream, response_id: str, pcm: bytes) -> None:
        await peer.send(audio(response_id, pcm))
        times = 2 if wire.armed and self.fault.name == "duplicate" else 1
        self.delivered += pcm * times
        if wire.armed and self.fault.name == "no pong":
            self.uncertain += pcm


def whole_text(response_id: str, text: str) -> Event:
    """Return the event that repeats all words of an answer."""
    return {**words(response_id, ""), "type": "response.output_audio_transcript.done", "transcript": text}


@asynccontextmanager
async def stage(fault: Fault, phase: Phase, *, always: bool = False) -> AsyncIterator[Stage]:
    """Listen on a free port with *fault* at *phase* of the first connection, or of all, until the block is left."""
    server = Stage(fault=fault, phase=phase, always=always)
    async with listening(server.serve) as port:
        server.url = f"ws://127.0.0.1:{port}/v1/realtime"
        yield server
