"""
The session of a person at the prompt: what is typed becomes questions, what is said becomes rows.

The nursery here holds what goes on while there is no session yet, or a new one is opened: the keys, the size of the
terminal, the status. It ends with the stopper; then the terminal is given back first, and the chat is closed behind
it.
"""

from __future__ import annotations

import math
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from geppetto import __version__
from geppetto.chat import open_chat
from geppetto.errors import Ending, GeppettoError, ServerRefused
from geppetto.hooks import Hooks
from geppetto.repl.talk import Talk
from geppetto.repl.typed import Gone, Typed
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
    from geppetto.repl.prompt import Prompt
    from geppetto.repl.scene import Scene

    Server = AbstractAsyncContextManager[tuple[ClientConfig, str]]

_TICK_S = 0.5
"""How often the status is looked at. It is drawn when it has changed."""
_JOIN_S = 1.0
"""How long the terminal may take to be given back."""


class PromptScreen:
    """Shows the session above the prompt; see `geppetto.tasks.display.Screen`."""

    def __init__(self, prompt: Prompt, scene: Scene) -> None:
        """Stand on *prompt*."""
        self._prompt = prompt
        self._scene = scene

    def show(self, things: Sequence[ToDisplay]) -> None:
        """Show *things* in order; waits until they stand there."""
        self._prompt.show(lambda: self._scene.show(things))


async def run_repl(
    prompt: Prompt,
    scene: Scene,
    server: Server,
    stopper: Stopper,
    metrics: Metrics,
    *,
    quiet: bool,
    logs: Callable[[Path], None],
    history: Sequence[Said] = (),
    answered: Callable[[Answer], None],
) -> None:
    """
    Talk until the person leaves or the session ends.

    Args:
        prompt: not started yet.
        scene: what *prompt* shows.
        server: yields the configuration, and the name of the server.
        stopper: ends it.
        metrics: counts, over all sessions.
        quiet: no word of welcome.
        logs: is told of each wire log.
        history: what was said before: the server is told of it first.
        answered: is given each answer that is over, in a thread.

    Closes: the prompt; then the terminal is as it was found, whatever happened.

    Cancellation: the session is closed in order.

    Raises:
        GeppettoError: how it ended, unless the person left.
    """
    typed_send, typed_receive = trio.open_memory_channel[Typed](math.inf)
    token = trio.lowlevel.current_trio_token()

    def emit(typed: Typed) -> None:
        with suppress(trio.RunFinishedError):  # the terminal hung, and nobody waited for it any longer
            token.run_sync_soon(typed_send.send_nowait, typed)

    talk = Talk(prompt, scene, stopper, metrics)
    prompt.start(emit)
    stopper.on_stop(prompt.close)
    try:
        async with trio.open_nursery() as nursery:
            with stopper.cancels(nursery.cancel_scope):
                nursery.start_soon(_listen, typed_receive, talk, stopper)
                nursery.start_soon(_watch_size, prompt)
                nursery.start_soon(_watch_status, talk)
                try:
                    async with server as (config, name):
                        if not quiet:
                            hello = f"Geppetto {__version__} · {name} · /help lists commands, Ctrl+D leaves"
                            prompt.post(lambda: scene.say(hello))
                        hooks = _hooks(talk, prompt, scene, answered)
                        await _sessions(config, talk, prompt, scene, stopper, metrics, hooks, logs, history)
                except GeppettoError as error:
                    stopper.stop(Ending.of(error))
    finally:
        prompt.close()
        with trio.move_on_after(2 * _JOIN_S, shield=True):
            await trio.to_thread.run_sync(prompt.join, _JOIN_S, abandon_on_cancel=True)
            await trio.to_thread.run_sync(prompt.show, scene.end, abandon_on_cancel=True)
        prompt.restore()
    if stopper.ending is not None and stopper.ending.error is not None:
        raise stopper.ending.error


def _hooks(talk: Talk, prompt: Prompt, scene: Scene, answered: Callable[[Answer], None]) -> Hooks:
    def commit(answer: Answer) -> None:
        scene.answered(answer)
        talk.commands.answered(answer)

    return Hooks(screen=PromptScreen(prompt, scene), commit=commit, answered=answered)


async def _sessions(
    config: ClientConfig,
    talk: Talk,
    prompt: Prompt,
    scene: Scene,
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
            prompt.post(scene.restart)
            continue
        wanted = talk.take_wanted()
        if wanted is not None:
            config, before = wanted, config
        elif inner.ending is not None:
            stopper.stop(inner.ending)


async def _listen(typed_receive: trio.MemoryReceiveChannel[Typed], talk: Talk, stopper: Stopper) -> None:
    """Do what is typed. A prompt that fails is a bug, but one whose terminal went away."""
    async for typed in typed_receive:
        if not isinstance(typed, Gone):
            await talk.hear(typed)
        elif isinstance(typed.error, EOFError | OSError):
            stopper.stop(Ending(ExitStatus.HANGUP, "The terminal went away."))
        elif typed.error is not None:
            raise typed.error


async def _watch_size(prompt: Prompt) -> None:
    """Let the prompt draw anew when the terminal has another size."""
    with trio.open_signal_receiver(signal.SIGWINCH) as signals:
        async for _number in signals:
            prompt.resized()


async def _watch_status(talk: Talk) -> None:
    """Keep the status line true."""
    while True:
        talk.show_status()
        await trio.sleep(_TICK_S)
