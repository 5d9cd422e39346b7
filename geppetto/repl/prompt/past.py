"""What was typed before, in a file for the user alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.history import FileHistory, InMemoryHistory

from geppetto.records.modes import PRIVATE, make_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from prompt_toolkit.history import History


class PrivateHistory(FileHistory):
    """A file that only its owner reads. What cannot be read or written is no reason to fail."""

    def __init__(self, path: Path, clean: Callable[[str], str]) -> None:
        """Keep lines in *path*, each through *clean*, which takes the key out."""
        super().__init__(path)
        self._clean = clean

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, the newest first."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        """Append *string*; it may hold line breaks."""
        try:
            super().store_string(self._clean(string).encode("utf-8", "replace").decode())
        except OSError:
            return


def open_history(path: Path | None, clean: Callable[[str], str]) -> History:
    """Return the history of *path*, made with mode 0600 where it is missing; None, or no such place: in memory."""
    if path is None:
        return InMemoryHistory()
    try:
        make_directory(path.parent)
        path.touch(mode=PRIVATE.file)
    except OSError:
        return InMemoryHistory()
    return PrivateHistory(path, clean)
