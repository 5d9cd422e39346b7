"""What a program that runs sessions wants to know of them, and decide, beside what the Python API gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import PurePath

    from geppetto.answer import Answer
    from geppetto.tasks.display import Screen


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Everything may be left out."""

    screen: Screen | None = None
    """Shows words and notices; without one, notices go to the logger `geppetto`."""
    words: bool = True
    """Whether the screen is given the words as they arrive."""
    sound: bool = False
    """Whether the screen is given the audio, too."""
    commit: Callable[[Answer], None] | None = None
    """
    Called in a thread with each asked answer that is over, when all of it is on the disk and before its files get
    their names. It may write, and raise `OutputFailed`. Not called for a part that is asked for again, nor for what
    the end of the session cut off.
    """
    answered: Callable[[Answer], None] | None = None
    """
    Called in a thread with each asked answer that is over, also when the end of the session cut it off, but not for a
    part that is asked for again. Must not raise.
    """
    name_of: Callable[[object, datetime], PurePath | None] | None = None
    """Returns the name of an answer's files, relative and without a suffix, from the tag of its question and the time
    at which it began; None leaves it to the time."""
    slow_down: Callable[[float], None] | None = None
    """Called when the server is at a limit of its own: nothing should be asked for so many seconds."""


NO_HOOKS = Hooks()
