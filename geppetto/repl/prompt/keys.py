"""What keys do beside the editing that prompt_toolkit brings."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.filters import Condition, has_focus, is_searching, vi_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.key_binding.vi_state import InputMode

from geppetto.repl.prompt.devices import ALT_ENTER

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent


class Keyed(Protocol):
    """Who is told of keys; all in the prompt's thread."""

    @property
    def answering(self) -> bool:
        """Whether an answer is coming."""

    def send(self, *, at_once: bool) -> None:
        """What stands at the prompt is sent."""

    def interrupt(self) -> None:
        """Ctrl+C with nothing typed."""

    def leave(self) -> None:
        """Ctrl+D with nothing typed."""

    def edit(self) -> None:
        """Open the editor."""


def bindings(buffer: Buffer, keyed: Keyed) -> KeyBindings:
    """Return the keys for *buffer*, which call *keyed*."""
    keys = KeyBindings()
    here = has_focus(buffer)

    @Condition
    def empty() -> bool:
        return not buffer.text

    @Condition
    def answering() -> bool:
        return keyed.answering

    @Condition
    def completing() -> bool:
        state = buffer.complete_state
        return state is not None and state.current_completion is not None

    @keys.add("enter", filter=here & completing)
    def _take(_event: KeyPressEvent) -> None:
        buffer.complete_state = None

    @keys.add("enter", filter=here & ~completing)
    def _send(event: KeyPressEvent) -> None:
        event.app.vi_state.input_mode = InputMode.INSERT  # as shells do it
        keyed.send(at_once=False)

    # In vi mode Esc goes to navigation, at once and whatever follows; see `Keyboard` for Alt+Enter.
    @keys.add(ALT_ENTER, filter=here & answering & ~empty)
    @keys.add("escape", "enter", filter=here & answering & ~empty & ~vi_mode)
    def _send_at_once(event: KeyPressEvent) -> None:
        event.app.vi_state.input_mode = InputMode.INSERT
        keyed.send(at_once=True)

    @keys.add(ALT_ENTER, filter=here & ~(answering & ~empty))
    @keys.add("escape", "enter", filter=here & ~(answering & ~empty) & ~vi_mode)
    def _newline(_event: KeyPressEvent) -> None:
        buffer.insert_text("\n")

    @keys.add("c-c", filter=here)
    def _interrupt(_event: KeyPressEvent) -> None:
        if buffer.text:
            buffer.reset()
        else:
            keyed.interrupt()

    @keys.add("c-d", filter=here & empty)
    def _leave(_event: KeyPressEvent) -> None:
        keyed.leave()

    @keys.add("c-o", filter=here & ~is_searching)
    def _edit(_event: KeyPressEvent) -> None:
        keyed.edit()

    @keys.add("c", "w", filter=here & vi_navigation_mode)
    def _change_word(event: KeyPressEvent) -> None:
        """In vi this leaves the space behind the word; prompt_toolkit takes it for `dwi`."""
        event.key_processor.feed_multiple([KeyPress("c"), KeyPress("e")], first=True)

    @keys.add("c-z", filter=here)
    def _suspend(_event: KeyPressEvent) -> None:
        os.kill(0, signal.SIGTSTP)  # to the group, as terminals do it; see `geppetto.repl.prompt.stopping`

    return keys
