"""What is known of the terminal, and how rows fit into it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CUTS: Final = ("STY", "XTERM_VERSION")
"""Set by those that cut rows: GNU screen, xterm. They win, because one that runs in another inherits its words."""
_WRAPS: Final = (
    "ALACRITTY_WINDOW_ID",
    "KITTY_WINDOW_ID",
    "KONSOLE_VERSION",
    "TMUX",
    "VTE_VERSION",
    "WEZTERM_PANE",
    "WT_SESSION",
)
"""Set by terminals that wrap rows."""
_WRAPPING_PROGRAMS: Final = frozenset({"Apple_Terminal", "WezTerm", "ghostty", "iTerm.app", "tmux", "vscode"})
"""Values of `TERM_PROGRAM`."""
_WRAPPING_TERMS: Final = ("alacritty", "contour", "foot", "tmux", "wezterm", "xterm-ghostty", "xterm-kitty")
"""How `TERM` begins in those that name themselves; it crosses ssh, where the variables do not."""
_BEFORE_UNIT: Final = r"(?<=\d) (?=(?:s|GB|MB)\b)"
_NO_BREAK: Final = "\u00a0"
_LEAST_COLUMNS: Final = 20
"""Where there are fewer beside a head, the terminal breaks the rows."""


def reflows(environ: Mapping[str, str]) -> bool:
    """
    Return whether the terminal is known to wrap what stands there when it becomes narrower, instead of cutting it.

    One that is not known is taken for one that cuts: if it wraps, pieces of old rows stay on the screen. The other
    mistake would erase what was said.
    """
    if any(environ.get(name) for name in _CUTS):
        return False
    return (
        any(environ.get(name) for name in _WRAPS)
        or environ.get("TERM_PROGRAM") in _WRAPPING_PROGRAMS
        or environ.get("TERM", "").startswith(_WRAPPING_TERMS)
    )


def beside(head: str, texts: Sequence[str], descriptor: int = 1) -> list[str]:
    """
    Return *head* with *texts* beside it: each a row, or more where *descriptor* is a terminal that would break words.

    A number stays with its unit.
    """
    try:
        room = os.get_terminal_size(descriptor).columns - len(head)
    except OSError:  # a file or a pipe
        room = 0
    if room >= _LEAST_COLUMNS:
        from geppetto.repl.cells import wrap  # wcwidth has large tables, and a script needs none

        rows = [row for text in texts for row in wrap(re.sub(_BEFORE_UNIT, _NO_BREAK, text), room)]
        texts = [row.replace(_NO_BREAK, " ") for row in rows]
    return [(" " * len(head) if at else head) + row for at, row in enumerate(texts)]
