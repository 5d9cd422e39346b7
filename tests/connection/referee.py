"""wsproto as the referee: what a client would make of a stream, and of what `TextMessages` leaves of it."""

from __future__ import annotations

from itertools import pairwise

import attrs
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from geppetto.connection.frames import TextMessages

MAX_BYTES = 1 << 20
NO_TEXT = 1007


@attrs.define
class Heard:
    """What a client makes of a stream."""

    messages: list[str | bytes] = attrs.field(factory=list)
    pings: list[tuple[type, bytes]] = attrs.field(factory=list)
    close: tuple[int, str | None] | None = None


class Referee:
    """wsproto, and the joining of pieces that trio-websocket does."""

    def __init__(self) -> None:
        """Begin behind the opening handshake."""
        self._connection = Connection(ConnectionType.CLIENT)
        self._pieces: list[str | bytes] = []
        self.heard = Heard()

    def feed(self, data: bytes) -> None:
        """Hear *data*, unless the stream is over."""
        if self.heard.close is not None or not data:
            return
        self._connection.receive_data(data)
        for event in self._connection.events():
            match event:
                case Ping() | Pong():
                    self.heard.pings.append((type(event), bytes(event.payload)))
                case CloseConnection():
                    # Its words for text that is none count from where the stream happened to be cut.
                    self.heard.close = (int(event.code), event.reason if event.code != NO_TEXT else None)
                    return
                case TextMessage() | BytesMessage():
                    self._pieces.append(event.data if isinstance(event.data, str) else bytes(event.data))
                    if event.message_finished:
                        self.heard.messages.append(type(event.data)().join(self._pieces))  # type: ignore[arg-type]
                        self._pieces.clear()


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    """Return *stream* cut at each of *at*."""
    places = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[start:end] for start, end in pairwise(places)]


def check(stream: bytes, at: list[int], max_bytes: int = MAX_BYTES) -> tuple[Heard, TextMessages]:
    """Check that taking the texts out changes nothing, after each piece of *stream*, and return what was heard."""
    alone, behind, texts = Referee(), Referee(), TextMessages(max_bytes)
    taken: list[str | bytes] = []
    for piece in cut(stream, at):
        alone.feed(piece)
        behind.feed(texts.feed(piece))
        taken += texts.ready
        texts.ready.clear()
        assert attrs.evolve(behind.heard, messages=taken + behind.heard.messages) == alone.heard
    return alone.heard, texts
