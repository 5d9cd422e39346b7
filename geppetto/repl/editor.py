"""What is typed, in the editor of the person."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.application.run_in_terminal import in_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence


class Editor:
    """Runs one editor at a time; the prompt makes room for it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Edit with *command*, which gets the name of the file."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    async def edit(self, text: str) -> tuple[str, str]:
        """Return *text* as the person leaves it, and what went wrong, or nothing; then *text* is unchanged."""
        path = _write(text)
        try:
            async with in_terminal():
                try:
                    self._process = subprocess.Popen([*self._command, path])  # noqa: ASYNC220, S603
                except OSError as error:
                    return text, f"{self._command[0]} cannot be started ({error.strerror}). Set EDITOR to an editor."
                status = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
            if status:
                return text, f"{self._command[0]} ended with status {status}; what you typed is unchanged."
            return _read(path), ""
        finally:
            self._process = None
            _remove(path)

    def end(self) -> None:
        """End an editor that runs: the session is over."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()


def _write(text: str) -> Path:
    """Return a new file with *text*, for the user alone."""
    fd, name = tempfile.mkstemp(suffix=".md")
    with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return Path(name)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
