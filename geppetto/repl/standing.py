"""How the session stands, looked up where it is known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.repl.status_line import Status, bar, minutes

if TYPE_CHECKING:
    from geppetto.chat import Chat
    from geppetto.config import ClientConfig
    from geppetto.notices import ChatStatus
    from geppetto.records.metrics import Metrics


class Standing:
    """Makes the status; remembers what it takes to tell how long something has lasted."""

    def __init__(self, metrics: Metrics) -> None:
        """Take the figures from *metrics*."""
        self._metrics = metrics
        self._opened_at: tuple[str, float] | None = None
        """The session, and the event loop's time when it was first seen."""
        self._limit_s: float | None = None
        self._audio_before_s: tuple[int, float] = (0, 0.0)

    def status(self, config: ClientConfig | None, chat: Chat | None, early: int) -> Status:
        """
        Return how it stands.

        Args:
            config: the settings; None before the server is known.
            chat: the session; None while one is being opened.
            early: questions that wait for it.
        """
        if config is None:
            return Status(waiting=early)
        known = Status(model=config.model_name, voice=config.session_settings.voice or "", cost=self._cost())
        if chat is None:
            return attrs.evolve(known, waiting=early)
        stands = chat.status
        if not stands.connected:
            return attrs.evolve(known, connection="reconnecting", waiting=stands.waiting)
        return attrs.evolve(
            known,
            connection="connected",
            sending="" if stands.sending is None else f"sending {bar(stands.sending)}",
            receiving="" if stands.sending is not None else self._receiving(stands),
            waiting=stands.waiting,
            rtt_ms=None if self._metrics.rtt_ms is None else round(self._metrics.rtt_ms),
            age_min=minutes(self._age_s(stands)),
            limit_min=None if self._limit_s is None else minutes(self._limit_s),
        )

    def _receiving(self, stands: ChatStatus) -> str:
        if not stands.answering:
            return ""
        if self._audio_before_s[0] != stands.answering:
            self._audio_before_s = (stands.answering, self._metrics.audio_s)
        audio_s = self._metrics.audio_s - self._audio_before_s[1]
        return f"receiving {audio_s:.0f} s of audio" if audio_s >= 1 else "receiving"

    def _age_s(self, stands: ChatStatus) -> float:
        """Return how old the session is; how long it may become is looked at when it is new."""
        now = trio.current_time()
        if self._opened_at is None or self._opened_at[0] != stands.session_id:
            self._opened_at = (stands.session_id, now)
            self._limit_s = None if stands.expires_at is None else stands.expires_at - time.time()
        return now - self._opened_at[1]

    def _cost(self) -> str:
        cost = self._metrics.cost
        if cost is None or not cost.usd:
            return ""
        from geppetto.pricing.cost import spent

        return spent(cost.usd, all_priced=not self._metrics.unpriced_answers)
