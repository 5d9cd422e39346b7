"""The face that edits: the prompt, with the scene above it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import trio

from geppetto.repl.commands import PROMPT_KEYS
from geppetto.repl.prompt.stopping import watch_stops

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from geppetto.answer import Answer
    from geppetto.notices import ToDisplay
    from geppetto.repl.prompt.prompt import Prompt
    from geppetto.repl.prompt.scene import Scene
    from geppetto.repl.status_line import Status
    from geppetto.repl.typed import Typed


class PromptFace:
    """Brings what is told to the thread of the prompt; see `Face`."""

    keys = PROMPT_KEYS

    def __init__(self, prompt: Prompt, scene: Scene) -> None:
        """Stand on *prompt*, not started yet, which shows *scene*."""
        self._prompt = prompt
        self._scene = scene

    @property
    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What it needs the event loop for."""
        return (self._watch_size, self._watch_stops)

    def start(self, emit: Callable[[Typed], None]) -> None:
        """Show the prompt."""
        self._prompt.start(emit)

    # --- what is shown

    def show(self, things: Sequence[ToDisplay]) -> None:
        """Show *things* in order; waits until they stand there."""
        self._prompt.show(lambda: self._scene.show(things))

    def answered(self, answer: Answer) -> None:
        """Take note that *answer* is the last word on its question."""
        self._scene.answered(answer)

    def asked(self, index: int, question: str, *, typed: bool) -> None:
        """Show *question* above, or below with those that wait."""
        self._prompt.post(lambda: self._scene.ask(index, question, typed=typed))

    def withdrawn(self, index: int) -> None:
        """Go on with the next question."""
        self._prompt.post(lambda: self._scene.withdraw(index))

    def restarted(self) -> None:
        """Forget the questions of the old session."""
        self._prompt.post(self._scene.restart)

    def say(self, text: str) -> None:
        """Show lines."""
        self._prompt.post(lambda: self._scene.say(text))

    def notice(self, text: str) -> None:
        """Show a remark."""
        self._prompt.post(lambda: self._scene.notice(text))

    def set_status(self, status: Status) -> None:
        """Show *status* below what is typed."""
        self._prompt.set_status(status)

    # --- what is typed

    def heard(self, typed: Typed, *, more: bool) -> None:
        """Do nothing: what is typed next may be there already."""

    def keep(self, question: str) -> None:
        """Do nothing: what leaves the prompt is kept by it."""

    async def edit(self) -> str:
        """Open the editor on what stands at the prompt; it is sent from there."""
        await trio.lowlevel.checkpoint()
        self._prompt.edit()
        return ""

    # --- the end

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._prompt.close()

    def end(self, patience_s: float) -> None:
        """Wait until the prompt is over, and show what is left."""
        self._prompt.join(patience_s)
        self._prompt.show(self._scene.end)

    def restore(self) -> None:
        """Give the terminal the attributes that it had."""
        self._prompt.restore()

    # --- inside

    async def _watch_size(self) -> None:
        """Let the prompt draw anew when the terminal has another size."""
        with trio.open_signal_receiver(signal.SIGWINCH) as signals:
            async for _number in signals:
                self._prompt.resized()

    async def _watch_stops(self) -> None:
        await watch_stops(self._prompt)
