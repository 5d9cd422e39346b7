"""
The composition: one nursery that owns every task of a session, and the order in which it ends.

    async with open_chat(ClientConfig(api_key=...)) as chat:
        answer = await chat.ask("What is the capital of France?")

Whatever ends a session (the block is left, input ends, a signal, the server, a full disk), it goes the same way:
the session nursery's scope is cancelled; stdin, keepalive, send and receive leave; receive closes its channel
ends; assemble finishes the files, then display shows the rest; the nursery is empty; Close 1000; the log is closed.
Each step is bounded, and the bounds add up to `shutdown_timeout`.
"""

from __future__ import annotations

import logging
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.connection.connect import connect
from geppetto.connection.transport import Limits
from geppetto.errors import ConnectionLost, Ending, GeppettoError, OutputFailed
from geppetto.notices import Notice, ToDisplay
from geppetto.realtime.events import ClientEvent
from geppetto.realtime.happenings import ReplyAudio, ReplyDone
from geppetto.records.metrics import Metrics
from geppetto.records.recorder import Recorder
from geppetto.records.wirelog import WireLog
from geppetto.session import Session
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from geppetto.tasks.assemble import assemble
from geppetto.tasks.display import display
from geppetto.tasks.keepalive import keepalive
from geppetto.tasks.log import write_log
from geppetto.tasks.receive import StallWatch, receive
from geppetto.tasks.send import send
from geppetto.tasks.stdin import ask_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.connection.transport import Transport
    from geppetto.tasks.display import Screen

_logger = logging.getLogger("geppetto")

# How `shutdown_timeout` is shared out.
_FILES_SHARE = 0.5
_SCREEN_SHARE = 0.6
"""From the same moment as the files, and a little longer: the last answer is shown when its files are closed."""
_CLOSE_SHARE = 0.2
_LOG_SHARE = 0.15


@attrs.frozen(kw_only=True)
class Terminal:
    """The two ends of a session that a person or a script sees."""

    screen: Screen
    stdin_fd: int | None
    """None when stdin is closed: no questions come from it."""
    interactive: bool
    """Whether a person types: then `.quit` leaves at once."""


class Chat:
    """An open session. Made by `open_chat`."""

    def __init__(self, session: Session, metrics: Metrics, log: WireLog) -> None:
        """Stand on *session*."""
        self._session = session
        self.metrics = metrics
        """Counters and latencies so far."""
        self.log_path = log.path
        """The wire log of this session."""

    async def ask(self, question: str) -> Answer:
        """
        Ask *question* and return its answer when its files are closed.

        Several tasks may ask at once: the questions take turns.

        Cancellation: the answer is cancelled at the server; what has come of it is saved as partial.

        Raises:
            GeppettoError: the session ended before the answer did.
        """
        asked = self._session.ask(question)
        try:
            while not asked.over:
                await asked.changes()
        except trio.Cancelled:
            self._session.withdraw(asked)
            raise
        return self._result(asked.answer, asked.error)

    async def stream(self, question: str) -> AsyncIterator[str]:
        """
        Ask *question* and yield the words of its answer as they arrive.

        Leaving the loop early leaves the answer going on; its files are saved all the same.

        Raises:
            GeppettoError: the session ended before the answer did.
        """
        asked = self._session.ask(question)
        seen = 0
        while True:
            while seen < len(asked.pieces):
                seen += 1
                yield asked.pieces[seen - 1]
            if asked.over:
                self._result(asked.answer, asked.error)
                return
            await asked.changes()

    @staticmethod
    def _result(answer: Answer | None, error: GeppettoError | None) -> Answer:
        if error is not None:
            raise error
        assert answer is not None
        return answer


@asynccontextmanager
async def open_chat(
    config: ClientConfig,
    *,
    terminal: Terminal | None = None,
    stopper: Stopper | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[Chat]:
    """
    Open a session and yield it; leaving the block is the shutdown.

    When the session ends by itself (the server closes, the disk is full, input ends), the block is cancelled,
    and on leaving it the reason is raised, unless it is a good one.

    Args:
        config: every setting.
        terminal: reads questions from stdin and shows answers, too; None for the Python API alone.
        stopper: lets the caller end the session, also while it is connecting.
        metrics: counts into this object, which goes on being readable afterwards.

    Closes: connection, files and log, within `config.shutdown_timeout` seconds.

    Cancellation: the same orderly shutdown.

    Raises:
        ConnectFailed: no connection within `config.max_retries` tries.
        ServerRefused: the key, the model or the settings.
        ConnectionLost: the connection went away, or an answer stalled.
        OutputFailed: a file, the log or the screen cannot be written.
        Stopped: *stopper* was told to stop.
    """
    stopper = stopper or Stopper()
    metrics = metrics or Metrics()
    body_error: Exception | None = None
    log = await trio.to_thread.run_sync(_open_log, config)
    try:
        with trio.CancelScope() as whole:
            async with AsyncExitStack() as stack:
                with stopper.cancels(whole):
                    transport = await _connect(config, stack, terminal)
                # From here on the stopper cancels the session alone: the connection outlives it by its Close frame.
                async with trio.open_nursery() as nursery:
                    with stopper.cancels(nursery.cancel_scope):
                        session = _start_tasks(nursery, config, transport, log, metrics, terminal, stopper)
                        try:
                            yield Chat(session, metrics, log)
                        except Exception as error:
                            body_error = error  # raised below as it is, not inside a group
                        finally:
                            stopper.stop(Ending(ExitStatus.OK, ""))
                            session.fail_all(_session_over(stopper))
    finally:
        await _close_log(log, config, stopper)
    if body_error is not None:
        raise body_error
    assert stopper.ending is not None
    ending_error = stopper.ending.error
    if ending_error is not None:
        raise ending_error


async def run_with_signals(stopper: Stopper, main: Callable[[], Awaitable[None]]) -> None:
    """
    Run *main* to its end; SIGINT, SIGTERM and SIGHUP stop it through *stopper*. A second SIGINT kills.

    Outermost, so that Ctrl+C works while connecting. Must run in the main thread.
    """
    async with trio.open_nursery() as app:
        await app.start(_watch_signals, stopper)
        await main()
        app.cancel_scope.cancel()


async def _watch_signals(stopper: Stopper, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    said = {
        signal.SIGINT: Ending(ExitStatus.INTERRUPTED, "Interrupted."),
        signal.SIGTERM: Ending(ExitStatus.TERMINATED, "Terminated."),
        signal.SIGHUP: Ending(ExitStatus.HANGUP, "The terminal went away."),
    }
    with trio.open_signal_receiver(*said) as signals:
        task_status.started()
        async for number in signals:
            # The shutdown is bounded, but who presses Ctrl+C twice does not want to wait for it. The default
            # action needs no event loop, so it works even if that is stuck.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            stopper.stop(said[signal.Signals(number)])


def _now() -> datetime:
    return datetime.now().astimezone()


def _open_log(config: ClientConfig) -> WireLog:
    secrets = () if config.api_key is None else (config.api_key,)
    return WireLog.open(config.log_dir, _now(), log_audio=config.log_audio, secrets=secrets)


async def _close_log(log: WireLog, config: ClientConfig, stopper: Stopper) -> None:
    """Write the rest of the log; a disk that hangs is left behind."""
    with trio.move_on_after(config.shutdown_timeout * _LOG_SHARE, shield=True) as patience:
        try:
            await trio.to_thread.run_sync(log.close, abandon_on_cancel=True)
        except OutputFailed as error:
            stopper.stop(Ending.of(error))
    if patience.cancelled_caught:
        stopper.stop(Ending(ExitStatus.OUTPUT_FAILED, f"{log.path} could not be finished in time. Check the disk."))


async def _connect(config: ClientConfig, stack: AsyncExitStack, terminal: Terminal | None) -> Transport:
    """Open the connection on *stack*; each failed try that is not the last is a line on the screen."""

    async def tell(sentence: str) -> None:
        if terminal is not None:
            await trio.to_thread.run_sync(terminal.screen.show, [Notice(sentence)], abandon_on_cancel=True)

    headers = list(config.protocol.headers)
    if config.api_key is not None:
        headers.append(("Authorization", f"Bearer {config.api_key}"))
    limits = Limits(
        connect_timeout=config.connect_timeout,
        write_timeout=config.write_timeout,
        close_timeout=config.shutdown_timeout * _CLOSE_SHARE,
        max_message_bytes=config.max_message_bytes,
    )
    return await connect(stack, config.endpoint, headers, limits, max_tries=config.max_retries, tell=tell)


def _session_over(stopper: Stopper) -> GeppettoError:
    """Return what those are told who still wait for an answer."""
    ending = stopper.ending
    return (ending.error if ending is not None else None) or ConnectionLost("The chat was closed.")


def _start_tasks(
    nursery: trio.Nursery,
    config: ClientConfig,
    transport: Transport,
    log: WireLog,
    metrics: Metrics,
    terminal: Terminal | None,
    stopper: Stopper,
) -> Session:
    """Start the tasks of a session, each with its ends of the channels."""
    events_send, events_receive = trio.open_memory_channel[ClientEvent](config.buffer_size)
    audio_send, audio_receive = trio.open_memory_channel[ReplyAudio | ReplyDone](config.buffer_size)
    display_send, display_receive = trio.open_memory_channel[ToDisplay](config.buffer_size)
    stall = StallWatch(config.read_timeout)
    session = Session(config, log, metrics, events_send, display_send, stall, _now)
    recorder = Recorder(config.audio_output_dir, _now)

    async def run(task: Callable[[], Awaitable[None]]) -> None:
        """An expected failure is an ending; anything else is a bug, and leaves the nursery as what it is."""
        try:
            await task()
        except GeppettoError as error:
            stopper.stop(Ending.of(error))

    async def drain(task: Callable[[], Awaitable[None]], share: float, what: str) -> None:
        """Run *task* to its end, whoever is cancelled; once the session is over it has a deadline."""
        with trio.CancelScope(shield=True) as scope:

            def set_deadline() -> None:
                scope.deadline = trio.current_time() + config.shutdown_timeout * share

            stopper.on_stop(set_deadline)
            await task()
            return
        raise OutputFailed(f"{what} could not be finished in time. Check the disk and the reader of the output.")

    async def assemble_files() -> None:
        with display_send:  # the last one that tells the display anything
            await assemble(audio_receive, recorder, session.deliver, session.cut_off)

    async def show() -> None:
        if terminal is not None:
            await display(display_receive, terminal.screen)
        else:
            await _no_display(display_receive)

    async def question() -> None:
        assert terminal is not None
        if terminal.stdin_fd is not None:
            await ask_lines(
                terminal.stdin_fd,
                session.ask_when_room,
                session.warn,
                leave_at_once=terminal.interactive,
                settled=session.settled,
            )
        failed = 0 if terminal.interactive else session.unanswered
        if failed:
            sentence = f"{failed} {'question was' if failed == 1 else 'questions were'} not answered."
            stopper.stop(Ending(ExitStatus.UNANSWERED, sentence))
        stopper.stop(Ending(ExitStatus.OK, ""))

    async def hear() -> None:
        await receive(
            transport, session.hear, stall, audio_send, display_send.clone(), patience_s=config.write_timeout
        )

    async def speak() -> None:
        await send(transport, events_receive, session.speak)

    async def ping() -> None:
        await keepalive(transport, config.ping_interval, config.pong_timeout, session.note_rtt)

    async def write_wire_log() -> None:
        await write_log(log)

    nursery.start_soon(run, lambda: drain(assemble_files, _FILES_SHARE, "The audio files"), name="assemble")
    nursery.start_soon(run, lambda: drain(show, _SCREEN_SHARE, "The output"), name="display")
    nursery.start_soon(run, hear, name="receive")
    nursery.start_soon(run, speak, name="send")
    nursery.start_soon(run, ping, name="keepalive")
    nursery.start_soon(run, write_wire_log, name="log")
    if terminal is not None:
        nursery.start_soon(run, question, name="stdin")
    return session


async def _no_display(channel: trio.MemoryReceiveChannel[ToDisplay]) -> None:
    """Stand in for the display where there is none; what the server complains of goes to the `geppetto` logger."""
    with channel:
        async for thing in channel:
            if isinstance(thing, Notice):
                _logger.warning("%s", thing.text)
