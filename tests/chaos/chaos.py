"""
One session with random faults, from one seed.

The seed draws the questions, the answers, the faults and the order in which trio runs tasks. Sockets, threads and the
clock are real, so a replay goes nearly the same way, and what is checked holds whatever way it goes.
"""

from __future__ import annotations

import logging
import random
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

import attrs
import trio
import trio._core._run

import geppetto.chat_tasks
import geppetto.connection.connect
from geppetto.chat import open_chat
from geppetto.config import ClientConfig
from geppetto.errors import Ending, GeppettoError
from geppetto.records.recorder import Recorder
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from tests.chaos.checks import Evidence, check
from tests.chaos.faults import draw_link
from tests.chaos.server import ChaosServer
from tests.chaos.user import User
from tests.fakes.descriptors import open_descriptors
from tests.fakes.scripted_server import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

BOUND_S = 60.0
"""One run; they take some tenths of a second."""


@attrs.define(kw_only=True)
class Result:
    """What one run was, and what is wrong with it."""

    seed: int
    wrong: list[str] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)
    connections: int = 0
    questions: int = 0
    answers: int = 0
    completed: int = 0
    errors: int = 0
    taken_back: int = 0
    files: int = 0
    audio_bytes: int = 0
    with_key: bool = False
    key_said: int = 0
    ending: str = ""
    elapsed_s: float = 0.0


def run_seed(seed: int, cwd: Path) -> Result:
    """Run the session of *seed* below *cwd*, which is empty, and check it."""
    started = time.perf_counter()
    descriptors = open_descriptors()
    result = Result(seed=seed)
    with _chance_from(seed), _impatient(), _listening_to_the_logger() as logged:
        try:
            trio.run(_session, random.Random(seed), cwd, result, logged)
        except Exception:  # a bug is a finding, and the next seed may have another one
            result.wrong.append(traceback.format_exc())
    if (left := open_descriptors() - descriptors) > 0:
        result.wrong.append(f"{left} descriptors left open")
    result.elapsed_s = time.perf_counter() - started
    return result


async def _session(rng: Random, cwd: Path, result: Result, logged: list[str]) -> None:
    key = f"sk-chaos-{rng.getrandbits(128):032x}" if rng.random() < 0.5 else None
    server = ChaosServer(
        rng=random.Random(rng.random()),
        plans=[draw_link(rng) for _ in range(rng.choice([0, 1, 2, 3, 4, 8]))],
        unasked=rng.random() < 0.4,
        global_ids=rng.random() < 0.7,
        pongs=rng.random() < 0.9,
        key=key or "",
    )
    user = User(rng=rng, n_questions=rng.randint(1, 5))
    stopper = Stopper()
    error: GeppettoError | None = None
    recorder = _slow(random.Random(rng.random())) if rng.random() < 0.3 else Recorder
    stop_s = rng.uniform(0, 0.6) if rng.random() < 0.25 else None
    with mock.patch.object(geppetto.chat_tasks, "Recorder", recorder), trio.move_on_after(BOUND_S) as bound:
        async with listening(server.serve) as port:
            before = _tasks()
            try:
                async with trio.open_nursery() as outside:
                    if stop_s is not None:
                        outside.start_soon(_stop_later, stopper, stop_s)
                    async with open_chat(_config(rng, port, cwd, key), stopper=stopper) as chat:
                        await user.talk(chat)
                    outside.cancel_scope.cancel()
            except* GeppettoError as group:
                (error,) = _leaves(group)
            if left := _tasks() - before:
                result.wrong.append(f"tasks left: {[task.name for task in left]}")
    if bound.cancelled_caught:
        result.wrong.append(f"not over after {BOUND_S:g} s")
    if await _threads_left():
        result.wrong.append("a thread is left")
    if stopper.ending is None:
        result.wrong.append("it ended without an ending")
    evidence = Evidence(server=server, user=user, error=error, cwd=cwd, key=key, logged=logged)
    result.wrong += await trio.to_thread.run_sync(check, evidence)
    _count(result, evidence)


def _config(rng: Random, port: int, cwd: Path, key: str | None) -> ClientConfig:
    pinging = rng.random() < 0.3
    return ClientConfig(
        url=f"ws://127.0.0.1:{port}/v1/realtime",
        api_key=key,
        audio_output_dir=cwd / "audio_output",
        log_dir=cwd / "logs",
        log_audio=True,
        max_retries=rng.choice([0, 2, 5, 9]),
        buffer_size=rng.choice([1, 2, 10, 100]),
        connect_timeout=0.5,
        read_timeout=rng.choice([0.15, 0.4]),
        write_timeout=5.0,
        shutdown_timeout=20.0,
        ping_interval=0.05 if pinging else 20.0,
        pong_timeout=0.15 if pinging else 60.0,
        rollover_margin=0.02,
        history_budget=rng.choice([0, 30, 100_000]),
    )


def _slow(rng: Random) -> type[Recorder]:
    class SlowRecorder(Recorder):
        """A disk that takes its time now and then."""

        def write(self, *, ends: bool = True) -> None:
            if rng.random() < 0.3:
                time.sleep(rng.uniform(0, 0.03))
            super().write(ends=ends)

    return SlowRecorder


async def _stop_later(stopper: Stopper, pause_s: float) -> None:
    await trio.sleep(pause_s)
    stopper.stop(Ending(ExitStatus.INTERRUPTED, "Interrupted."))


def _tasks() -> set[trio.lowlevel.Task]:
    """Return the tasks below this one that are not a client of the listener."""
    nurseries = list(trio.lowlevel.current_task().child_nurseries)
    tasks: set[trio.lowlevel.Task] = set()
    for nursery in nurseries:
        for task in nursery.child_tasks:
            if "serve" not in task.name and "_run_handler" not in task.name:
                tasks.add(task)
                nurseries += task.child_nurseries
    return tasks


async def _threads_left() -> int:
    """Return how many threads still work; those that were left behind in their last step may end first."""
    limiter = trio.to_thread.current_default_thread_limiter()
    with trio.move_on_after(5):
        while limiter.borrowed_tokens:  # noqa: ASYNC110  # nobody tells it
            await trio.sleep(0.001)
    return limiter.borrowed_tokens


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[GeppettoError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        elif isinstance(error, GeppettoError):
            yield error


def _count(result: Result, evidence: Evidence) -> None:
    server, user = evidence.server, evidence.user
    result.faults = server.faults
    result.connections = server.tries
    result.questions = len(user.asked)
    result.answers = len(user.answers)
    result.completed = sum(one.status == "completed" for one in user.answers)
    result.taken_back = sum(one.taken_back for one in user.asked)
    result.errors = result.questions - result.answers - result.taken_back
    result.files = sum(path.suffix in {".wav", ".txt"} for path in evidence.output_dir.glob("*"))
    result.audio_bytes = sum(one.audio_bytes for one in evidence.witness.heard)
    result.with_key = evidence.key is not None
    result.key_said = server.key_said
    result.ending = type(evidence.error).__name__ if evidence.error is not None else "good"


# --- what surrounds a run


@contextmanager
def _chance_from(seed: int) -> Iterator[None]:
    """Draw from *seed* what Geppetto and trio leave to chance."""
    chances: tuple[Random, ...] = (random._inst, trio._core._run._r)
    states = [chance.getstate() for chance in chances]
    for chance in chances:
        chance.seed(seed)
    try:
        yield
    finally:
        for chance, state in zip(chances, states, strict=True):
            chance.setstate(state)


@contextmanager
def _impatient() -> Iterator[None]:
    """Wait less between two tries and for a Close than one does in earnest."""
    with (
        mock.patch.object(geppetto.connection.connect, "_BACKOFF_FIRST_S", 0.002),
        mock.patch.object(geppetto.connection.connect, "_BACKOFF_MOST_S", 0.02),
        mock.patch.object(geppetto.chat_tasks, "_CLOSE_SHARE", 0.01),
    ):
        yield


@contextmanager
def _listening_to_the_logger() -> Iterator[list[str]]:
    """Take what goes to the `geppetto` logger, and keep it from the terminal."""
    lines: list[str] = []

    class Taking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    logger, handler = logging.getLogger("geppetto"), Taking()
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield lines
    finally:
        logger.propagate = propagate
        logger.removeHandler(handler)
