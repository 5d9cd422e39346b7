"""
The composition: one nursery that owns every task of a session, and the order in which it ends.

    async with open_chat(ClientConfig(api_key=...)) as chat:
        answer = await chat.ask("What is the capital of France?")

Whatever ends a session (the block is left, a signal, the server, a full disk), it goes the same way:
the session nursery's scope is cancelled; keepalive, send and receive leave; receive closes its channel
ends; assemble finishes the files, then display shows the rest; the nursery is empty; Close 1000; the log is closed.
Each step is bounded, and the bounds add up to `shutdown_timeout`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from geppetto.chat_tasks import LOG_SHARE, ChatTasks
from geppetto.clock import local_now
from geppetto.errors import ConnectionLost, Ending, OutputFailed
from geppetto.hooks import NO_HOOKS
from geppetto.pricing.price_list import PriceList
from geppetto.question import Words
from geppetto.realtime.reply import Asking
from geppetto.records.metrics import Metrics
from geppetto.records.modes import check_writable
from geppetto.records.wirelog import WireLog
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from geppetto.tasks.log import LogKeeper
from geppetto.tasks.signals import watch_signals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.errors import GeppettoError
    from geppetto.hooks import Hooks
    from geppetto.notices import ChatStatus
    from geppetto.realtime.client_events import SessionSettings
    from geppetto.realtime.history import Said
    from geppetto.session import Session


class Chat:
    """An open session. Made by `open_chat`."""

    def __init__(self, session: Session, metrics: Metrics, log: WireLog) -> None:
        """Stand on *session*."""
        self._session = session
        self.metrics = metrics
        """Counters and latencies so far."""
        self.log_path = log.path
        """The wire log of this session."""

    async def ask(
        self,
        question: str,
        *,
        instructions: str | None = None,
        audio: bytes | None = None,
        images: Sequence[str] = (),
        independent: bool = False,
        tag: object = None,
    ) -> Answer:
        """
        Ask *question* and return its answer when its files are closed.

        Several tasks may ask at once: the questions take turns.

        Args:
            question: its words.
            instructions: for this answer alone, instead of those of the configuration.
            audio: the question is spoken: PCM16, mono, 24,000 Hz, 0.1 s or more. *question* is then what the records
                call it.
            images: pictures that it is about, as `data:` URLs; GA only.
            independent: out of band: the answer knows nothing of the conversation, nor the conversation of it.
            tag: comes back with the answer.

        Cancellation: the answer is cancelled at the server; what has come of it is saved as partial.

        Raises:
            GeppettoError: the session ended before the answer did.
            ConfigError: there are *images*, and the dialect takes none; or the server knows no *independent* answers.
            Withdrawn: `cancel` came before anything of the answer.
        """
        asking = Asking(instructions=instructions, pcm=audio, images=images, independent=independent, tag=tag)
        asked = self._session.asker.ask(question, asking)
        try:
            while not asked.over:
                await asked.changes()
        except trio.Cancelled:
            self._session.asker.withdraw(asked)
            raise
        return self._result(asked.answer, asked.error)

    def stream(
        self,
        question: str,
        *,
        instructions: str | None = None,
        audio: bytes | None = None,
        images: Sequence[str] = (),
        independent: bool = False,
    ) -> AsyncIterator[str]:
        """
        Ask *question*, as `ask` does, and return an iterator over the words of its answer as they arrive.

        Leaving the loop early leaves the answer going on; its files are saved all the same.

        Raises:
            GeppettoError: the session ended before the answer did; also from the iterator.
            ConfigError: there are *images*, and the dialect takes none.
        """
        asking = Asking(instructions=instructions, pcm=audio, images=images, independent=independent)
        return Words(self._session.asker.ask(question, asking))

    def cancel(self, *, truncate: bool = False) -> bool:
        """
        Cancel the answer that is under way; return whether there was one.

        What has come of it is kept and marked as partial, and `ask` returns it with the status `cancelled`.

        Args:
            truncate: the server, too, is to remember no more of the answer than what has come of it, where the
                dialect can say so (`conversation.item.truncate`).
        """
        return self._session.asker.cancel(truncate=truncate)

    def can_change(self, settings: SessionSettings) -> bool:
        """
        Whether the present session can be told *settings*; otherwise it takes a new session to have them.

        The protocol locks the voice after the first audio, and a setting that was given cannot be left to the server
        again. Source: Realtime API reference, `session.update`, 2026-11.
        """
        return self._session.asker.can_change(settings)

    async def change(self, settings: SessionSettings) -> None:
        """
        Ask the server for other settings, by `session.update`, and return when it has taken them.

        They hold from the next answer on, and in every session that follows after a reconnect.

        Args:
            settings: all of them; only what is different is sent.

        Cancellation: leaves at once; the settings go on being asked for.

        Raises:
            ChangeRefused: the server refused one of them; the old ones go on.
            GeppettoError: the session is over.
        """
        await self._session.asker.change(settings)

    @property
    def status(self) -> ChatStatus:
        """How it stands now."""
        return self._session.status

    @property
    def history(self) -> Sequence[Said]:
        """What was said so far: what `open_chat` takes to go on with it."""
        return self._session.history

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
    stopper: Stopper | None = None,
    metrics: Metrics | None = None,
    hooks: Hooks = NO_HOOKS,
    history: Iterable[Said] = (),
) -> AsyncIterator[Chat]:
    """
    Open a session and yield it; leaving the block is the shutdown.

    When the session ends by itself (the server closes, the disk is full, input ends), the block is cancelled,
    and on leaving it the reason is raised, unless it is a good one.

    Args:
        config: every setting.
        stopper: lets the caller end the session, also while it is connecting.
        metrics: counts into this object, which goes on being readable afterwards.
        hooks: what else the caller wants to know and to decide.
        history: what was said before: the server is told of it first, within `config.history_budget`.

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
    log, prices = await trio.to_thread.run_sync(_open_files, config)
    keeper = LogKeeper(log)
    try:
        async with trio.open_nursery() as nursery:
            chat_tasks = ChatTasks(config, keeper, metrics, stopper, hooks, prices, history)
            chat_tasks.start(nursery)
            try:
                with trio.CancelScope() as body, stopper.cancels(body):
                    await chat_tasks.session.opened_once.wait()
                    yield Chat(chat_tasks.session, metrics, log)
            except Exception as error:
                body_error = error  # raised below as it is, not inside a group
            finally:
                stopper.stop(Ending(ExitStatus.OK, ""))
                chat_tasks.session.asker.fail_all(config.redactor.clean_error(_session_over(stopper)))
    finally:
        await _close_log(keeper, config, stopper)
    if body_error is not None:
        raise body_error
    assert stopper.ending is not None
    ending_error = stopper.ending.error
    if ending_error is not None:
        raise config.redactor.clean_error(ending_error)


async def run_with_signals(stopper: Stopper, main: Callable[[], Awaitable[None]]) -> None:
    """
    Run *main* to its end; SIGINT, SIGTERM and SIGHUP stop it through *stopper*. A second SIGINT kills.

    Outermost, so that Ctrl+C works while connecting. Must run in the main thread.
    """
    async with trio.open_nursery() as app:
        await app.start(watch_signals, stopper.stop)
        await main()
        app.cancel_scope.cancel()


def _open_files(config: ClientConfig) -> tuple[WireLog, PriceList]:
    check_writable(config.audio_output_dir)  # before anything is asked, and paid for
    prices = PriceList.load(config.prices_file, embedded=config.provider == "offline")
    log = WireLog.open(
        config.log_dir, local_now(), log_audio=config.log_audio, secrets=config.secrets, modes=config.file_modes
    )
    return log, prices


async def _close_log(keeper: LogKeeper, config: ClientConfig, stopper: Stopper) -> None:
    """Write the rest of the log; a disk that hangs is left behind."""
    with trio.move_on_after(config.shutdown_timeout * LOG_SHARE, shield=True) as patience:
        try:
            await keeper.close()
        except OutputFailed as error:
            stopper.stop(Ending.of(error))
    if patience.cancelled_caught:
        stopper.stop(
            Ending(ExitStatus.OUTPUT_FAILED, f"{keeper.log.path} could not be finished in time. Check the disk.")
        )


def _session_over(stopper: Stopper) -> GeppettoError:
    """Return what those are told who still wait for an answer."""
    ending = stopper.ending
    return (ending.error if ending is not None else None) or ConnectionLost("The chat was closed.")
