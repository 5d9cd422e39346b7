"""What a scripted run is told, beside the settings of its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from decimal import Decimal

    from geppetto.batch.checks import Checks
    from geppetto.records.template import NameTemplate

Context = Literal["conversation", "response", "session"]
"""
What an answer knows of the other questions: `conversation`, all before it; `response`, nothing, out of band in a
session that goes on; `session`, nothing, in a session of its own.
"""
CONTEXTS: tuple[Context, ...] = get_args(Context)
MAX_JOBS = 4096
AHEAD = 2
"""Questions of one session on their way: the next one is at the door while the files of the last are closed."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    How the questions of a run are asked, and what is kept of it.

    Raises:
        ConfigError: two wishes go against each other.
    """

    jobs: int = 1
    """Sessions side by side."""
    context: Context = "conversation"
    ordered: bool = True
    """Whether results come in the order of the questions."""
    checks: Checks
    max_usd: Decimal | None = None
    max_s: float | None = None
    names: NameTemplate | None = None
    """Of the audio files; None is the time."""
    resume: bool = False
    ahead: int = AHEAD
    """Questions of one session that are on their way at a time."""
    words: bool = False
    """Whether the screen is given the words as they arrive."""
    sound: bool = False
    """Whether the screen is given the audio."""

    def __post_init__(self) -> None:
        """Check what goes together."""
        if not 1 <= self.jobs <= MAX_JOBS:
            msg = f"--jobs is {self.jobs}, but must be from 1 to {MAX_JOBS:,}."
            raise ConfigError(msg)
        if self.jobs > 1 and self.context == "conversation":
            msg = "Several sessions cannot share one conversation. Leave out --context conversation, or use --jobs 1."
            raise ConfigError(msg)
        if self.sound and self.jobs > 1:
            msg = "The audio of several sessions cannot go to one stream. Use --audio-out with --jobs 1."
            raise ConfigError(msg)
