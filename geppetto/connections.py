"""
One connection after another, each with a session nursery of its own.

The conversation, stdin and the writers of files and screen live outside and go on: nothing of one connection can leak
into the next one.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import trio

from geppetto import __version__
from geppetto.connection.connect import Ended, keep_connected
from geppetto.connection.dial import Route, trusting
from geppetto.connection.proxy import parse_proxy
from geppetto.connection.transport import Limits, open_transport
from geppetto.errors import GeppettoError
from geppetto.notices import Notice
from geppetto.routing import hand_on, offer, route
from geppetto.tasks.keepalive import keepalive
from geppetto.tasks.pace import pace
from geppetto.tasks.receive import receive
from geppetto.tasks.rollover import roll_over
from geppetto.tasks.send import send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from geppetto.config import ClientConfig
    from geppetto.connection.transport import Transport
    from geppetto.intake import Intake
    from geppetto.notices import ToDisplay
    from geppetto.realtime.happenings import Happening
    from geppetto.session import Session
    from geppetto.stopper import Stopper
    from geppetto.tasks.receive import StallWatch


def _nothing() -> None:
    """Nobody reads, and nobody has to."""


class Connections:
    """Keeps a connection for a session, as long as there is one to be had."""

    def __init__(
        self,
        config: ClientConfig,
        session: Session,
        stall: StallWatch,
        stopper: Stopper,
        intake: Intake,
        notice_send: trio.MemorySendChannel[ToDisplay],
        *,
        close_s: float,
        words: bool,
        sound: bool,
        behind: Callable[[], bool],
        keep_up: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        """
        Hand what happens to *intake* and *notice_send*; *words* and *sound* tell what of answers goes to both.

        A connection takes *close_s* seconds to close. When somebody is *behind* the messages, *keep_up* waits for
        that one, and calls what it gets before it does.
        """
        self._config = config
        self._session = session
        self._stall = stall
        self._stopper = stopper
        self._intake = intake
        self._notice_send = notice_send
        self._close_s = close_s
        self._words = words
        self._sound = sound
        self._behind = behind
        self._keep_up = keep_up
        self._way: Route | None = None
        """Known once it is needed: it reads files."""

    async def keep(self) -> None:
        """
        Connect, and connect again, until the stopper stops it or no connection can be had.

        Closes: its ends of both channels.

        Cancellation: shielded from it. The stopper cancels from inside, so that each connection gets its Close.

        Raises:
            GeppettoError: why there is no connection any more.
        """

        async def tell(sentence: str) -> None:
            await hand_on(self._notice_send, Notice(sentence), self._config.write_timeout, "The screen")

        async def run_once() -> Ended:
            ended = await self._one_connection()
            if ended.stood and self._stopper.ending is None:
                await self._hand_on(self._session.disconnected())
            return ended

        with (
            self._intake,
            self._notice_send,
            trio.CancelScope(shield=True),
            trio.CancelScope() as scope,
            self._stopper.cancels(scope),
        ):
            await keep_connected(
                run_once, max_retries=self._config.max_retries, tell=tell, slow_down=self._session.slow_down
            )

    async def _hand_on(self, happenings: Iterable[Happening], waits: Callable[[], None] = _nothing) -> None:
        await route(
            happenings,
            self._intake,
            self._notice_send,
            self._config.write_timeout,
            waits,
            words=self._words,
            sound=self._sound,
        )

    def _offer(self, happenings: Sequence[Happening]) -> bool:
        return offer(happenings, self._intake, self._notice_send, words=self._words, sound=self._sound)

    async def _one_connection(self) -> Ended:
        """Connect and run a session, until it fails or is told to stop."""
        errors: list[GeppettoError] = []
        stood = False
        with trio.CancelScope(shield=True) as whole:
            async with AsyncExitStack() as stack:
                with self._stopper.cancels(whole):
                    try:
                        transport = await stack.enter_async_context(await self._transport())
                    except GeppettoError as error:
                        return Ended(error=error, stood=False)
                stood = True
                async with trio.open_nursery() as session_nursery:
                    with self._stopper.cancels(session_nursery.cancel_scope):
                        self._start_session(session_nursery, transport, errors)
                        await trio.sleep_forever()
        return Ended(
            error=errors[0] if errors else None, stood=stood, progress=self._session.answered_since_connected
        )

    async def _transport(self) -> AbstractAsyncContextManager[Transport]:
        config = self._config
        headers = [("User-Agent", f"geppetto/{__version__}"), *config.protocol.headers]
        if config.api_key is not None:
            headers.append(config.served_by.auth_header(config.api_key))
        limits = Limits(
            connect_timeout=config.connect_timeout,
            write_timeout=config.write_timeout,
            close_timeout=self._close_s,
            max_message_bytes=config.max_message_bytes,
        )
        if self._way is None:
            tls = (
                None
                if config.ca_file is None and not config.url.startswith("wss:")
                else await trio.to_thread.run_sync(trusting, config.ca_file)
            )
            self._way = Route(proxy=None if config.proxy is None else parse_proxy(config.proxy), tls=tls)
        return open_transport(config.endpoint, headers, limits, self._way)

    def _start_session(self, nursery: trio.Nursery, transport: Transport, errors: list[GeppettoError]) -> None:
        """Start the tasks of one connection: the first that fails ends it, and is put into *errors*."""
        session, config = self._session, self._config

        async def run(task: Callable[[], Awaitable[None]]) -> None:
            try:
                await task()
            except GeppettoError as error:
                errors.append(error)
                nursery.cancel_scope.cancel()

        async def hear() -> None:
            await receive(
                transport,
                session.hear,
                self._offer,
                partial(self._hand_on, waits=transport.read_on),
                self._behind,
                partial(self._keep_up, transport.read_on),
            )

        async def speak() -> None:
            await send(transport, session.outgoing.next, session.speak)

        async def ping() -> None:
            await keepalive(transport, config.ping_interval, config.pong_timeout, session.note_rtt)

        def start(task: Callable[[], Awaitable[None]], name: str) -> None:
            nursery.start_soon(run, task, name=name)

        def watch_limit(expires_at: float) -> None:
            margin_s = config.rollover_margin
            start(partial(roll_over, expires_at, margin_s, time.time, session.hold, session.idle), "rollover")

        def wait_out(pause_s: float) -> None:
            start(partial(pace, pause_s, session.resume), "pace")

        session.connected(wait_out, watch_limit)
        for task, name in (
            (hear, "receive"),
            (self._stall.watch, "stall"),
            (speak, "send"),
            (ping, "keepalive"),
        ):
            start(task, name)
