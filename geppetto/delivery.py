"""Saved replies become answers: for whoever asked, for the display and for the figures."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from geppetto.answer import answer_of
from geppetto.notices import Ready, Saved
from geppetto.records.metrics import Latency

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import PurePath

    from geppetto.answer import Answer
    from geppetto.hooks import Hooks
    from geppetto.notices import ToDisplay
    from geppetto.pricing.cost import Cost
    from geppetto.question import Questions
    from geppetto.realtime.reply import Reply
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Metrics
    from geppetto.records.reply_files import SavedReply


class Delivery:
    """Makes answers. `commit` and `name_of` belong to the thread that writes, the rest to the event loop."""

    def __init__(
        self,
        questions: Questions,
        metrics: Metrics,
        display_send: trio.MemorySendChannel[ToDisplay],
        hooks: Hooks,
        cost_of: Callable[[Usage], Cost | None],
    ) -> None:
        """Tell *display_send*, count into *metrics*, and price with *cost_of*, which may block."""
        self._questions = questions
        self._metrics = metrics
        self._display_send = display_send
        self._hooks = hooks
        self._cost_of = cost_of
        self._made: dict[Reply, Answer] = {}
        self.session_id = ""
        """Of the session that answers now."""
        self.cut_off: set[Reply] = set()
        """What the end of the session cut off."""

    def name_of(self, reply: Reply, begun: datetime) -> PurePath | None:
        """Return the name of the files of *reply*, which began then; None leaves it to the time."""
        if self._hooks.name_of is None or reply.turn is None:
            return None
        return self._hooks.name_of(reply.turn.asking.tag, begun)

    def commit(self, saved: SavedReply) -> None:
        """
        Make the answer of a saved reply, and tell who wants to know before it has its names.

        Raises:
            OutputFailed: it could not be written down.
        """
        reply = saved.reply
        question = self._questions.get(reply.turn)
        latency = question.latency() if question is not None else Latency()
        answer = self._made[reply] = answer_of(saved, latency, self.session_id, self._cost_of(reply.usage))
        if reply.turn is None or reply.repeated:
            return
        if self._hooks.commit is not None and reply not in self.cut_off:
            self._hooks.commit(answer)
        if self._hooks.answered is not None:
            self._hooks.answered(answer)

    async def deliver(self, saved: SavedReply) -> None:
        """Hand the answer of a saved reply to whoever asked and to the display."""
        reply = saved.reply
        answer = self._made.pop(reply)
        self.cut_off.discard(reply)
        if reply.repeated:
            if saved.transcript_file is not None:
                await self.tell(Saved(answer))
            return
        question = self._questions.get(reply.turn)
        self._metrics.answer(answer.status, answer.usage, answer.latency, answer.cost)
        await self.tell(Saved(answer))
        if question is not None:
            question.answer = answer
            question.change()
            self._questions.forget(question.turn)
            if not self._questions:
                await self.tell(Ready())

    async def tell(self, thing: ToDisplay) -> None:
        """Show *thing*; wait for room."""
        with suppress(trio.BrokenResourceError):  # the display failed, and with it the session
            await self._display_send.send(thing)

    def tell_now(self, thing: ToDisplay) -> None:
        """Show *thing* if there is room."""
        with suppress(trio.WouldBlock, trio.BrokenResourceError):
            self._display_send.send_nowait(thing)
