"""Where the person sits who uses the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@attrs.frozen(kw_only=True)
class Desk:
    """The terminal, and what the person wants of it."""

    stdin_fd: int
    stdout_fd: int
    term: str
    """What `TERM` says."""
    reflows: bool
    """Whether the terminal wraps what stands there when it becomes narrower, instead of cutting it."""
    vi: bool
    editor: Sequence[str]
    """The command that edits a file."""
    history_file: Path | None
    """None keeps what is typed in memory alone."""
    write: Callable[[str], None]
    """Writes a text when the prompt is over; blocks, and raises `GeppettoError` when it can't."""
