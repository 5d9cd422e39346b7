"""
The session of a person at a terminal: what is typed becomes questions, what is said is shown.

The nursery here holds what goes on while there is no session yet, or a new one is opened: what is typed, what the
face needs, the status. It ends with the stopper; then the terminal is given back first, and the chat is closed behind
it.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from geppetto import __version__
from geppetto.chat import open_chat
from geppetto.errors import Ending, GeppettoError, ServerRefused
from geppetto.hooks import Hooks
from geppetto.notices import Heard
from geppetto.repl.talk import Talk
from geppetto.repl.typed import Gone, Interrupt, Typed, Wish
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.notices import ToDisplay
    from geppetto.realtime.history import Said
    from geppetto.records.metrics import Metrics
    from geppetto.repl.doing import Commands
    from geppetto.repl.earlier import Earlier
    from geppetto.repl.face import Face

    Server = AbstractAsyncContextManager[tuple[ClientConfig, str]]

_TICK_S = 0.5
"""How often the status is looked at. It is drawn when it has changed."""
_SENDING_TICK_S = 0.1
"""The same while a bar grows."""
_JOIN_S = 1.0
"""How long the terminal may take to be given back."""


async def run_repl(
    face: Face,
    server: Server,
    stopper: Stopper,
    metrics: Metrics,
    *,
    earlier: Earlier,
    quiet: bool,
    logs: Callable[[Path], None],
    goes_on: str = "",
    history: Sequence[Said] = (),
    keeper: Keeper,
) -> None:
    """
    Talk until the person leaves or the session ends.

    Args:
        face: what the person sees of it; not started yet.
        server: yields the configuration, and the name of the server.
        stopper: ends it.
        metrics: counts, over all sessions.
        earlier: what was typed before.
        quiet: no word of welcome.
        logs: is told of each wire log.
        goes_on: what is to be said of *history*, below the word of welcome.
        history: what was said before: the server is told of it first.
        keeper: is given each answer that is over, and what was heard, in a thread.

    Closes: *face*; then the terminal is as it was found, whatever happened.

    Cancellation: the session is closed in order.

    Raises:
        GeppettoError: how it ended, unless the person left.
    """
    typed_send, typed_receive = trio.open_memory_channel[Typed](math.inf)
    token = trio.lowlevel.current_trio_token()

    def emit(typed: Typed) -> None:
        with suppress(trio.RunFinishedError):  # the terminal hung, and nobody waited for it any longer
            token.run_sync_soon(typed_send.send_nowait, typed)

    talk = Talk(face, stopper, metrics, earlier)
    face.start(emit)
    stopper.on_stop(face.close)
    try:
        async with trio.open_nursery() as nursery:
            with stopper.cancels(nursery.cancel_scope):
                nursery.start_soon(_listen, typed_receive, talk, stopper)
                for task in face.tasks:
                    nursery.start_soon(task)
                nursery.start_soon(_watch_status, talk)
                try:
                    async with server as (config, name):
                        if not quiet:
                            hello = f"Geppetto {__version__} · {name} · /help helps, Ctrl+D leaves"
                            face.say(hello)
                        if goes_on:
                            face.say(f"  {goes_on}")
                        hooks = _hooks(talk, face, keeper)
                        await _sessions(config, talk, face, stopper, metrics, hooks, logs, history)
                except GeppettoError as error:
                    stopper.stop(Ending.of(error))
    finally:
        face.close()
        with trio.move_on_after(2 * _JOIN_S, shield=True):
            await trio.to_thread.run_sync(face.end, _JOIN_S, abandon_on_cancel=True)
        face.restore()
    if stopper.ending is not None and stopper.ending.error is not None:
        raise stopper.ending.error


class Keeper(Protocol):
    """Keeps a conversation for later. Its methods block, and raise nothing."""

    def commit(self, answer: Answer) -> None:
        """Keep *answer*."""

    def heard(self, index: int, text: str) -> None:
        """Keep *text* as what was said in the spoken question *index*."""


@attrs.frozen
class _Screen:
    """Shows what happens, and has what was heard kept."""

    _face: Face
    _commands: Commands
    _keeper: Keeper

    def show(self, things: Sequence[ToDisplay]) -> None:
        """See `geppetto.tasks.display.Screen`."""
        self._face.show(things)
        for thing in things:
            if isinstance(thing, Heard):
                self._commands.heard(thing.index, thing.text)
                self._keeper.heard(thing.index, thing.text)


def _hooks(talk: Talk, face: Face, keeper: Keeper) -> Hooks:
    def commit(answer: Answer) -> None:
        face.answered(answer)
        talk.commands.answered(answer)

    return Hooks(screen=_Screen(face, talk.commands, keeper), commit=commit, answered=keeper.commit)


async def _sessions(
    config: ClientConfig,
    talk: Talk,
    face: Face,
    stopper: Stopper,
    metrics: Metrics,
    hooks: Hooks,
    logs: Callable[[Path], None],
    history: Sequence[Said],
) -> None:
    """Keep one session after another, each going on with what was said before."""
    before: ClientConfig | None = None  # the server may refuse the next one also after it opened the session
    while stopper.ending is None:
        inner = Stopper()
        talk.opening(config)
        try:
            with inner.follows(stopper):
                async with open_chat(config, stopper=inner, metrics=metrics, hooks=hooks, history=history) as chat:
                    logs(chat.log_path)
                    talk.commands.log_path = chat.log_path
                    await talk.until_changed(chat)
                    history = chat.history
        except ServerRefused as error:
            if before is None:
                raise
            talk.notice(f"{error} The old settings go on.")
            config, before = before, None
            face.restarted()
            continue
        wanted = talk.take_wanted()
        if wanted is not None:
            config, before = wanted, config
        elif inner.ending is not None:
            stopper.stop(inner.ending)


async def _listen(typed_receive: trio.MemoryReceiveChannel[Typed], talk: Talk, stopper: Stopper) -> None:
    """
    Do what is typed, one after the other; Ctrl+C goes before it to a command that takes its time.

    A face that fails is a bug, but one whose terminal went away.
    """
    send, receive = trio.open_memory_channel[Wish](math.inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_do, receive, talk)
        async for typed in typed_receive:
            await trio.lowlevel.checkpoint()  # what was typed before is under way
            if isinstance(typed, Gone):
                _ended(typed, stopper)
            elif not isinstance(typed, Interrupt) or not talk.interrupt_command():
                send.send_nowait(typed)


async def _do(typed_receive: trio.MemoryReceiveChannel[Wish], talk: Talk) -> None:
    async for typed in typed_receive:
        await talk.hear(typed)


def _ended(gone: Gone, stopper: Stopper) -> None:
    if isinstance(gone.error, EOFError | OSError):
        stopper.stop(Ending(ExitStatus.HANGUP, "The terminal went away."))
    elif isinstance(gone.error, GeppettoError):
        stopper.stop(Ending.of(gone.error))
    elif gone.error is not None:
        raise gone.error


async def _watch_status(talk: Talk) -> None:
    """Keep the status line true."""
    while True:
        status = talk.show_status()
        await trio.sleep(_SENDING_TICK_S if status.sending else _TICK_S)
