"""The manifest of a run: begun when there is something to keep, or taken up again."""

from __future__ import annotations

import itertools
import re
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from geppetto.batch.manifest import Manifest
from geppetto.errors import ConfigError, OutputFailed
from geppetto.realtime.history import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from geppetto.batch.ask import Ask
    from geppetto.batch.result import Result
    from geppetto.records.modes import FileModes
    from geppetto.redaction import Redactor

_DEFAULT_NAME: Final = r"run_[0-9]{8}_[0-9]{6}(?:_[0-9]+)?\.jsonl"


class Keeper:
    """
    Keeps results. Every call blocks; any thread may make it.

    Without a name of its own the manifest is made beside the audio, once there is a second question: a single answer
    needs none.
    """

    def __init__(
        self, path: Path | None, directory: Path, modes: FileModes, redactor: Redactor, now: Callable[[], datetime]
    ) -> None:
        """
        Keep results at *path*; without one below *directory*, under the time.

        The key is taken out by *redactor*.
        """
        self._path = path
        self._directory = directory
        self._modes = modes
        self._redactor = redactor
        self._now = now
        self._lock = threading.Lock()
        self._manifest: Manifest | None = None
        self._early: list[Result] = []
        self._off = False
        self.answered = 0
        """Of the run that was taken up."""
        self.moved = 0
        """Those of them whose files are not where the manifest says: no reason to pay twice."""

    @property
    def path(self) -> Path | None:
        """Where the manifest is; None while there is none."""
        return self._manifest.path if self._manifest is not None else None

    def switch_off(self) -> None:
        """Keep nothing."""
        self._off = True

    def begin(self) -> None:
        """
        Make the manifest, unless it was made before.

        Raises:
            ConfigError: there is one already.
            OutputFailed: it cannot be made.
        """
        with self._lock:
            if self._off or self._manifest is not None:
                return
            self._manifest = self._create()
            for result in self._early:
                self._append(self._manifest, result)
            self._early.clear()

    def take_up(self, budget_chars: int) -> Sequence[Said]:
        """
        Go on where an earlier run ended; return what was said in it, as far as *budget_chars* characters go.

        Answers that were committed and have no names yet get them.

        Raises:
            ConfigError: there is no such run, it is still going on, or its manifest is damaged.
            OutputFailed: files cannot be written.
        """
        from geppetto.batch.recovery import finish, holds_less, unfinished  # most runs are new

        said: deque[Said] = deque()
        chars = 0

        def see(result: Result) -> None:
            nonlocal chars
            if not result.answered:
                return
            nameless.pop(result.id, None)  # of two answers with one id the later one counts
            self.answered += 1
            if unfinished(result):
                nameless[result.id] = result
            for item in (Said("user", result.question), Said("assistant", result.answer)):
                said.append(item)
                chars += len(item.text)
            while said and chars > budget_chars:
                chars -= len(said.popleft().text)

        nameless: dict[str, Result] = {}
        self._manifest = Manifest.resume(self._path or self._newest(), see)
        for result in nameless.values():
            try:
                if finish(result):
                    continue
                if holds_less(result):
                    self._manifest.forget(result.id)  # its audio never came to the disk: it is asked again
                    self.answered -= 1
                else:
                    self.moved += 1
            except OSError as error:
                raise OutputFailed(f"The files of {result.id} cannot be finished ({error.strerror}).") from error
        return tuple(said)

    def keep(self, result: Result) -> None:
        """
        Make *result* durable.

        Raises:
            OutputFailed: it cannot be written.
        """
        with self._lock:
            manifest = self._manifest
            if manifest is None:
                if not self._off and not self._early:
                    self._early.append(result)
                return
        self._append(manifest, result)

    def is_answered(self, ask: Ask) -> bool:
        """
        Return whether the run that was taken up has an answer to *ask*.

        Raises:
            ConfigError: it had another question under this id.
        """
        return self._manifest is not None and self._manifest.is_answered(
            ask.id,
            self._redactor.clean(ask.text),  # as its line has it
        )

    def close(self) -> None:
        """Let the manifest go."""
        if self._manifest is not None:
            self._manifest.close()

    def _append(self, manifest: Manifest, result: Result) -> None:
        manifest.append(self._redactor.clean(result.line()))

    def _create(self) -> Manifest:
        if self._path is not None:
            return Manifest.create(self._path, self._modes)
        when = self._now()
        for number in itertools.count(1):
            path = self._directory / (f"run_{when:%Y%m%d_%H%M%S}" + (f"_{number}" if number > 1 else "") + ".jsonl")
            if not path.exists():
                try:
                    return Manifest.create(path, self._modes)
                except ConfigError:
                    if not path.exists():
                        raise
        raise AssertionError("counting never ends")

    def _newest(self) -> Path:
        found = [path for path in self._directory.glob("run_*.jsonl") if re.fullmatch(_DEFAULT_NAME, path.name)]
        if not found:
            msg = f"There is no run to resume in {self._directory}. Name its manifest with --manifest."
            raise ConfigError(msg)
        return max(found, key=lambda path: path.stat().st_mtime_ns)
