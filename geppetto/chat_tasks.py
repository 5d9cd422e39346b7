"""The tasks of a chat that outlive its connections, each with its ends of the channels."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import trio

from geppetto.clock import local_now
from geppetto.connections import Connections
from geppetto.errors import Ending, GeppettoError, OutputFailed
from geppetto.intake import Intake
from geppetto.notices import Notice, ToDisplay
from geppetto.records.recorder import Recorder
from geppetto.session import Session
from geppetto.tasks.assemble import assemble
from geppetto.tasks.display import display
from geppetto.tasks.receive import StallWatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from geppetto.config import ClientConfig
    from geppetto.hooks import Hooks
    from geppetto.pricing.cost import Cost
    from geppetto.pricing.price_list import PriceList
    from geppetto.realtime.history import Said
    from geppetto.realtime.usage import Usage
    from geppetto.records.metrics import Metrics
    from geppetto.redaction import Redactor
    from geppetto.stopper import Stopper
    from geppetto.tasks.log import LogKeeper


_logger = logging.getLogger("geppetto")

# How `shutdown_timeout` is shared out.
_FILES_SHARE = 0.5
SCREEN_SHARE = 0.6
"""From the same moment as the files, and a little longer: the last answer is shown when its files are closed."""
_CLOSE_SHARE = 0.2
LOG_SHARE = 0.15


class ChatTasks:
    """The tasks of a chat, each with its ends of the channels."""

    def __init__(
        self,
        config: ClientConfig,
        log_keeper: LogKeeper,
        metrics: Metrics,
        stopper: Stopper,
        hooks: Hooks,
        prices: PriceList,
        history: Iterable[Said],
    ) -> None:
        self._config = config
        self._stopper = stopper
        self._screen = hooks.screen

        def cost_of(usage: Usage) -> Cost | None:
            return prices.cost(config.model_name, usage, provider_host=config.host, when=local_now().date())

        self._display_send, self._display_receive = trio.open_memory_channel[ToDisplay](config.buffer_size)
        stall = StallWatch(config.read_timeout)
        self._log_keeper = log_keeper
        log_keeper.tell(self._log_failed)
        self.session = Session(
            config,
            log_keeper.log,
            metrics,
            self._display_send,
            stall,
            local_now,
            hooks,
            cost_of,
            history,
            logged=log_keeper.noted,
        )
        recorder = Recorder(
            config.audio_output_dir,
            local_now,
            modes=config.file_modes,
            redactor=config.redactor,
            name_of=self.session.delivery.name_of,
            commit=self.session.delivery.commit,
        )
        self._intake = Intake(recorder, config.buffer_size)
        self._connections = Connections(
            config,
            self.session,
            stall,
            stopper,
            self._intake,
            self._display_send.clone(),
            close_s=config.shutdown_timeout * _CLOSE_SHARE,
            words=self._screen is not None and hooks.words,
            sound=hooks.sound,
            behind=log_keeper.behind,
            keep_up=partial(log_keeper.keep_up, config.write_timeout),
        )

    def start(self, nursery: trio.Nursery) -> None:
        """Start what outlives a connection, and the one that keeps a connection."""
        nursery.start_soon(self._run, self._drained(self._assemble, _FILES_SHARE, "The audio files"), name="assemble")
        nursery.start_soon(self._run, self._drained(self._show, SCREEN_SHARE, "The output"), name="display")
        nursery.start_soon(self._run, self._connections.keep, name="connections")
        self._nursery = nursery
        self._stopper.on_stop(self._log_keeper.leave)

    async def _run(self, task: Callable[[], Awaitable[None]]) -> None:
        """An expected failure is an ending; anything else is a bug, and leaves the nursery as what it is."""
        try:
            await task()
        except GeppettoError as error:
            self._stopper.stop(Ending.of(error))

    def _log_failed(self, error: Exception) -> None:
        """End the chat as a task does that raises *error*."""

        async def fail() -> None:
            raise error

        self._nursery.start_soon(self._run, fail, name="log")

    def _drained(self, task: Callable[[], Awaitable[None]], share: float, what: str) -> Callable[[], Awaitable[None]]:
        """Make *task* run to its end, whoever is cancelled; once the session is over it has a deadline."""

        async def run() -> None:
            with trio.CancelScope(shield=True) as scope:

                def set_deadline() -> None:
                    scope.deadline = trio.current_time() + self._config.shutdown_timeout * share

                self._stopper.on_stop(set_deadline)
                await task()
                return
            msg = f"{what} could not be finished in time. Check the disk and the reader of the output."
            raise OutputFailed(msg)

        return run

    async def _assemble(self) -> None:
        with self._display_send:  # the last one that tells the display anything
            await assemble(self._intake, self.session.delivery.deliver, self.session.cut_off)

    async def _show(self) -> None:
        if self._screen is not None:
            await display(self._display_receive, self._screen)
        else:
            await _no_display(self._display_receive, self._config.redactor)


async def _no_display(channel: trio.MemoryReceiveChannel[ToDisplay], redactor: Redactor) -> None:
    """Stand in for the display where there is none; what the server complains of goes to the `geppetto` logger."""
    with channel:
        async for thing in channel:
            if isinstance(thing, Notice):
                _logger.warning("%s", redactor.clean(thing.text))
