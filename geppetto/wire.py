"""The wire as a session sees it: events in and out, each logged and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from geppetto.realtime.decoding import BadMessage, decode
from geppetto.realtime.events import AudioDelta
from geppetto.records.wirelog import NOT_JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from geppetto.realtime.client_events import ClientEvent
    from geppetto.realtime.dialects import Dialect
    from geppetto.realtime.events import ServerEvent
    from geppetto.records.metrics import Metrics
    from geppetto.records.wirelog import WireLog

_MAX_BAD_NOTICES = 20
"""Bad messages that get a line each; the rest are only counted, so that a flood of them is not a flood of lines."""


class Wire(msgspec.Struct):
    """Speaks *dialect*; *complain* is told of messages that are no events."""

    _dialect: Dialect
    _log: WireLog
    _metrics: Metrics
    _now: Callable[[], datetime]
    _complain: Callable[[str], None]
    _logged: Callable[[], None]
    """Is told that something is about to be noted."""
    _bad_notices: int = 0

    def speak(self, event: ClientEvent) -> str:
        """Return the wire's text of *event*; log and count it."""
        text = self._dialect.encode(event)
        self._logged()
        self._log.note("sent", self._dialect.type_of(event), text, self._now())
        self._metrics.sent(len(text))
        return text

    def hear(self, messages: Sequence[str | bytes]) -> Iterator[ServerEvent]:
        """Log, count and understand *messages*, which came together; what is no event is told of."""
        now = self._now()
        self._logged()
        for message in messages:
            self._metrics.received(len(message))
            try:
                kind, event = decode(message)
            except BadMessage as error:
                self._log.note("received", NOT_JSON, message, now)
                self._bad_message(error)
                continue
            audio_bytes = len(event.pcm) if isinstance(event, AudioDelta) else None
            self._log.note("received", kind, message, now, audio_bytes=audio_bytes)
            yield event

    def _bad_message(self, error: BadMessage) -> None:
        self._metrics.bad_message()
        self._bad_notices += 1
        if self._bad_notices <= _MAX_BAD_NOTICES:
            self._complain(f"the server sent {error}; it was skipped")  # it is logged all the same
