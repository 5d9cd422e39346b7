"""Where the results of a scripted run go: stdout, the progress bar, the report for CI."""

from __future__ import annotations

import re
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Literal

import msgspec

from geppetto.cli.screen import write_stdout
from geppetto.text import escape, escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from geppetto.batch.result import Result
    from geppetto.redaction import Redactor

_GAP = r"(?! \S)\s+"
"""A pattern: space between words that is more than one blank, or something else."""
_MOST_COMPLAINTS = 20
"""For how many questions it is said what is wrong with them: a thousand sentences of one kind help nobody."""
Style = Literal["live", "text", "lines", "json"]
"""
`live`: the screen shows the words as they arrive, so nothing is left to write. `text`: each answer as it is, when it
is over. `lines`: one line for each question, empty where there is no answer. `json`: one object for each.
"""


class ScriptOutput(msgspec.Struct, kw_only=True):
    """The sink of a run; see `geppetto.batch.run.Sink`. Any thread may call it."""

    style: Style
    redactor: Redactor
    say: Callable[[str], None]
    """Writes to stderr."""
    stdout_is_tty: bool
    above: Callable[[], AbstractContextManager[None]] = nullcontext
    """Keeps the progress bar away while stdout is written to, where both are on one terminal."""
    on_results: Sequence[Callable[[Result], None]] = ()
    """Are told of each result: the progress bar, the report."""
    on_tick: Callable[[], None] | None = None
    _complaints: int = 0
    _lock: threading.Lock = msgspec.field(default_factory=threading.Lock)

    def emit(self, results: Sequence[Result]) -> None:
        """Write *results* in one go; see `Sink`."""
        with self._lock:
            text = "".join(self._shown(result) for result in results)
            if text:
                # A pipe may take nothing for long, and what is said meanwhile on stderr must not wait for it.
                with self.above() if self.stdout_is_tty else nullcontext():
                    write_stdout(self.redactor.clean(text).encode("utf-8", "replace"))
            for result in results:
                self._complain(result)
                for tell in self.on_results:
                    tell(result)

    def tick(self) -> None:
        """Let the progress bar know that time goes by."""
        if self.on_tick is not None:
            with self._lock:
                self.on_tick()

    def warn(self, sentence: str) -> None:
        """Say *sentence* on stderr."""
        self.say(f"  {self.redactor.clean(escape_line(sentence))}\n")

    def _complain(self, result: Result) -> None:
        """Say what is wrong with *result*, if nobody has said it; the server's failures are told with the answer."""
        if result.failed_checks:
            what = f"fails a check: {'; '.join(result.failed_checks)}"
        elif not result.answered and result.question and not result.response_id:
            what = f"was not answered: {result.reason}"
        else:
            return
        self._complaints += 1
        if self._complaints <= _MOST_COMPLAINTS:
            self.warn(f"question {result.id} {what}")
        elif self._complaints == _MOST_COMPLAINTS + 1:
            self.warn("more such questions are in the results")

    def _shown(self, result: Result) -> str:
        match self.style:
            case "live":
                return ""
            case "json":
                line = result.line()
                return f"{escape_line(line)}\n" if self.stdout_is_tty else f"{line}\n"
            case "lines":
                # A list of its words would take ten times the memory of an answer.
                return f"{re.sub(_GAP, ' ', escape(result.answer)).strip()}\n"
            case "text":
                return f"{escape(result.answer)}\n" if result.answer else ""
