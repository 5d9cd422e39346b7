"""What is typed, in the editor of the person."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Editor:
    """Runs one editor at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        """Edit with *command*, which gets the name of the file."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._over = False
        self._lock = threading.Lock()
        """Of both; held while one is started: an editor that `end` did not see would hold up the exit."""

    async def edit(self, text: str) -> tuple[str, str]:
        """Do as `run`, in the event loop of the prompt, which makes room."""
        from prompt_toolkit.application.run_in_terminal import in_terminal

        async with in_terminal():
            return await asyncio.get_running_loop().run_in_executor(None, self.run, text)

    def run(self, text: str) -> tuple[str, str]:
        """
        Return *text* as the person leaves it, and what went wrong, or nothing; then *text* is unchanged.

        Blocks until the editor has ended. After `end` none is started.
        """
        path = _write(text)
        try:
            with self._lock:
                if self._over:
                    return text, ""
                try:
                    self._process = subprocess.Popen([*self._command, path])  # noqa: S603  # the user's own editor
                except OSError as error:
                    return text, f"{self._command[0]} cannot be started ({error.strerror}). Set EDITOR to an editor."
            status = self._process.wait()
            if status:
                how = f"ended with status {status}" if status > 0 else f"was ended by {signal.Signals(-status).name}"
                return text, f"{self._command[0]} {how}; what you typed is unchanged."
            return _read(path), ""
        finally:
            self._process = None
            _remove(path)

    def end(self) -> None:
        """End an editor that runs: the session is over."""
        with self._lock:
            self._over = True
            process = self._process  # another thread may see it end
        if process is not None:
            with suppress(ProcessLookupError):
                process.terminate()


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
