"""
The sessions of a run, side by side under one nursery.

Each worker has one session after another: another one for another voice, after a loss that its own reconnects could
not mend, or for each question. What ends one session leaves the others alone; what would end every one ends the run.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import attrs
import msgspec
import trio

from geppetto.batch.ask import Ask
from geppetto.batch.lane import Lane
from geppetto.batch.result import Result
from geppetto.chat import open_chat
from geppetto.errors import ConfigError, ConnectFailed, Ending, GeppettoError, OutputFailed, ServerRefused, Stopped
from geppetto.hooks import Hooks
from geppetto.stopper import Stopper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import PurePath

    from geppetto.answer import Answer
    from geppetto.batch.pacing import Pacing
    from geppetto.batch.plan import Plan
    from geppetto.batch.tally import Tally
    from geppetto.chat import Chat
    from geppetto.config import ClientConfig
    from geppetto.realtime.history import Said
    from geppetto.records.metrics import Metrics
    from geppetto.tasks.display import Screen

_LEAVING_S = 0.1
"""What each session may add to the shutdown of all, where that is more than `shutdown_timeout`."""
_LEAVING = 16
"""Sessions that may be closed at a time, when nothing hurries: each has a deadline for its files and its Close."""
_TRIES = 2
"""Sessions that may end over one question before it is given up."""


class Pool(msgspec.Struct, kw_only=True):
    """Asks every question that comes, and tells of every one that is over."""

    config: ClientConfig
    plan: Plan
    stopper: Stopper
    """Of the run."""
    metrics: Metrics
    pacing: Pacing
    screen: Screen | None
    next_ask: Callable[[], Awaitable[Ask | None]]
    """Waits for a question that may be asked; None when there are no more."""
    keep: Callable[[Result], None]
    """Makes a result durable; called in a thread. Raises `OutputFailed`."""
    tell: Callable[[Result], Awaitable[None]]
    """Takes a result whose files have their names."""
    warn: Callable[[str], Awaitable[None]]
    """Takes a sentence about a session that was lost."""
    tally: Tally
    """Counts the sessions."""
    history: Sequence[Said] = ()
    """What was said before the run."""
    asks_before_questions: bool = True
    """Whether a session is opened before there is a question: then a wrong key is known without one."""
    _leaving: trio.Semaphore = msgspec.field(default_factory=lambda: trio.Semaphore(_LEAVING))
    _strikes: int = 0
    """Sessions in a row, of all workers, that brought nothing."""
    _opened: bool = False
    """Whether the server has opened any session: then it refuses one, and not us."""

    async def run(self) -> None:
        """
        Ask until there are no more questions, or the stopper stops.

        Cancellation: each session is shut down in its order; leave it to the stopper.
        """
        async with trio.open_nursery() as nursery:
            for number in range(self.plan.jobs):
                nursery.start_soon(self._work, number, name=f"worker {number}")

    async def _work(self, number: int) -> None:
        lane = Lane(
            next_ask=self.next_ask,
            gate=self.pacing.wait,
            single=self.plan.context == "session",
            out_of_band=self.plan.context == "response",
        )
        history: Sequence[Said] = self.history
        eager = number == 0 and self.asks_before_questions
        while True:
            with trio.CancelScope() as scope, self.stopper.cancels(scope):
                if not eager:
                    await lane.prepare()
            if self.stopper.ending is not None or (lane.over and not eager):
                return
            eager = False
            lost: GeppettoError | None = None
            try:
                history = await self._session(lane, history)
                self._strikes = 0
            except GeppettoError as error:
                lost = error
            await self._tell_rest(lane)
            if lost is not None:
                await self._lost(lane, lost)

    # --- one session

    async def _session(self, lane: Lane, history: Iterable[Said]) -> Sequence[Said]:
        """
        Ask what belongs into one session; return what was said in it.

        Raises:
            GeppettoError: it ended by itself.
        """
        config = attrs.evolve(
            self.config,
            voice=self.config.voice if lane.voice is None else lane.voice,
            # Hundreds of sessions that leave at once leave more slowly than one.
            shutdown_timeout=min(3600, max(self.config.shutdown_timeout, self.plan.jobs * _LEAVING_S)),
        )
        stopper = Stopper()
        hooks = Hooks(
            screen=self.screen,
            words=self.plan.words,
            sound=self.plan.sound,
            commit=lambda answer: self._commit(lane, answer),
            name_of=None if self.plan.names is None else self._name_of,
            slow_down=self.pacing.slow_down,
        )
        async with AsyncExitStack() as left:
            left.enter_context(stopper.follows(self.stopper))
            async with open_chat(config, stopper=stopper, metrics=self.metrics, hooks=hooks, history=history) as chat:
                self._opened = True
                self.tally.sessions += 1
                self.tally.log_path = self.tally.log_path or chat.log_path
                async with trio.open_nursery() as askers:
                    for _ in range(self.plan.ahead):
                        askers.start_soon(self._ask, chat, lane)
                said = chat.history if self.plan.context == "conversation" else ()
                await left.enter_async_context(self._leaving)
        return said

    async def _ask(self, chat: Chat, lane: Lane) -> None:
        """Ask one question after another."""
        while (taken := await lane.take()) is not None:
            ask = taken.ask
            if taken.problem:
                await self._fail(lane, ask, taken.problem)
                continue
            await chat.ask(
                ask.question or str(ask.audio_file),
                instructions=ask.instructions,
                audio=taken.pcm,
                independent=self.plan.context == "response",
                tag=ask,
            )
            self._strikes = 0
            await self._tell_committed(lane, ask.index)

    # --- what becomes of a question

    def _commit(self, lane: Lane, answer: Answer) -> None:
        """Make an answer durable. In the session's thread."""
        ask = answer.tag
        assert isinstance(ask, Ask)  # what `_ask` gave it
        failed_checks = self.plan.checks.failed(ask, answer)
        result = Result.of_answer(answer, ask, failed_checks=failed_checks)
        self.keep(result)
        lane.committed[ask.index] = result

    async def _tell_committed(self, lane: Lane, index: int) -> None:
        """Tell a result that is durable and whose files have their names. Cancellation: it stays to be told."""
        result = lane.committed.get(index)
        if result is not None:
            await self.tell(result)
            del lane.committed[index]
            lane.in_flight.pop(index, None)
            lane.tries.pop(index, None)

    async def _tell_rest(self, lane: Lane) -> None:
        """Tell what is durable, whatever ended its session: however slow the reader is, unless the run is over."""
        while lane.committed:
            with trio.move_on_after(self.config.shutdown_timeout):
                for index in list(lane.committed):
                    await self._tell_committed(lane, index)
            if self.stopper.ending is not None:
                return

    async def _fail(self, lane: Lane, ask: Ask, why: str) -> None:
        result = Result.of_failure(ask, why)
        try:
            await trio.to_thread.run_sync(self.keep, result)
        except OutputFailed as error:
            self.stopper.stop(Ending.of(error))
        lane.committed[ask.index] = result
        await self._tell_committed(lane, ask.index)

    async def _lost(self, lane: Lane, error: GeppettoError) -> None:
        """A session ended by itself: its questions get another one, or are given up; or the run is over."""
        if self.stopper.ending is not None:
            return
        self._strikes += 1
        if self._is_final(error):
            self.stopper.stop(Ending.of(error))
            return
        await self.warn(f"{error} Its questions get another session.")
        asked = list(lane.in_flight.values())
        lane.in_flight.clear()
        for ask in asked[:1]:  # the one that was being answered; those behind it had no part in it
            tries = lane.tries[ask.index] = lane.tries.get(ask.index, 0) + 1
            if tries >= _TRIES:
                await self._fail(lane, ask, str(error))
                del asked[0]
        lane.first.extendleft(reversed(asked))

    def _is_final(self, error: GeppettoError) -> bool:
        """Whether every other session would end the same way."""
        if isinstance(error, OutputFailed | ConfigError | Stopped):
            return True
        if self.plan.context == "conversation":
            return True  # the one session there is has tried all it can
        if isinstance(error, ServerRefused | ConnectFailed) and not self._opened:
            return True
        return self._strikes > max(self.plan.jobs, _TRIES)

    def _name_of(self, tag: object, begun: datetime) -> PurePath | None:
        assert self.plan.names is not None
        assert isinstance(tag, Ask)  # what `_ask` gave it
        return self.plan.names.path(index=tag.index, id=tag.id, question=tag.question, when=begun)
