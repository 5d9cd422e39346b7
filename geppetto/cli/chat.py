"""The chat at a terminal: from flags and environment to an exit status."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from geppetto import __version__
from geppetto.chat import Terminal, open_chat, run_with_signals
from geppetto.cli.remembering import remembering
from geppetto.cli.saying import hide_in_tracebacks, say, say_error, standard_streams
from geppetto.cli.screen import STDOUT_FD, TerminalScreen, write_stdout
from geppetto.errors import ConfigError, GeppettoError
from geppetto.hooks import Hooks
from geppetto.records.metrics import Metrics, write_metrics
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from geppetto.cli.remembering import Remembered
    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig


_CANNOT_DRAW = frozenset({"", "dumb", "unknown"})
"""Values of `TERM`."""
_COLUMNS = 80
"""Of a terminal that does not tell."""
_VI = re.compile(r"^\s*set\s+editing-mode\s+vi\s*$", re.MULTILINE)


@attrs.define
class Outcome:
    """What is known when the event loop has ended."""

    error: GeppettoError | None = None
    log_path: Path | None = None


def chat(target: Target) -> ExitStatus:
    """Run one session for a person at a terminal and return the exit status."""
    try:
        config = target.configure()
    except ConfigError as error:
        say_error(error)
        return error.status
    hide_in_tracebacks(config.redactor)
    warner = Warner()
    try:
        with remembering(config, target.goes_on_with, warner.warn) as remembered:
            run = _Chat(target=target, config=config, warner=warner, remembered=remembered)
            run.prompted() if not target.plain and wants_prompt(os.environ) else run.plain()
    except GeppettoError as error:
        say_error(error, config.redactor)
        return error.status
    return finish(target, config, run.metrics, run.outcome)


def wants_prompt(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal can draw, and the person wants that: a screen reader is lost in what is redrawn."""
    return environ.get("TERM", "") not in _CANNOT_DRAW and not environ.get("ACCESSIBLE")


def finish(target: Target, config: ClientConfig, metrics: Metrics, outcome: Outcome) -> ExitStatus:
    """Write the figures, say how it ended, and return the exit status."""
    status = ExitStatus.OK if outcome.error is None else outcome.error.status
    redactor = config.redactor
    if target.metrics_file is not None:
        try:
            write_metrics(target.metrics_file, metrics, modes=config.file_modes, redactor=redactor)
        except GeppettoError as error:
            say_error(error)
            status = error.status if status is ExitStatus.OK else status
    if outcome.error is not None:
        say_error(outcome.error, redactor)
    if outcome.log_path is not None and not target.quiet:
        say(redactor.clean(metrics.summary_line(outcome.log_path)))
    return status


@attrs.define
class Warner:
    """Says that answers cannot be kept, to whoever shows things at the moment."""

    show: Callable[[str], None] = say

    def warn(self, sentence: str) -> None:
        """Show one line; any thread may call it."""
        self.show(f"  {escape_line(sentence)}")


@attrs.define(kw_only=True)
class _Chat:
    """One chat: with a prompt that stays alive, or in plain lines."""

    target: Target
    config: ClientConfig
    warner: Warner
    remembered: Remembered
    metrics: Metrics = attrs.field(factory=Metrics)
    outcome: Outcome = attrs.field(factory=Outcome)
    stopper: Stopper = attrs.field(factory=Stopper)

    def plain(self) -> None:
        """Run it in plain lines; `outcome` is filled in."""
        screen = TerminalScreen(standard_streams(), quiet=self.target.quiet, redactor=self.config.redactor)
        lines: list[str] = []
        self.warner.show = lines.append  # for the end: now it would stand between the words of an answer
        trio.run(run_with_signals, self.stopper, lambda: self._ending(self._plain(screen)))
        with suppress(GeppettoError):  # the reader of stdout may be gone, and then that is the outcome already
            screen.close()
        for line in lines:
            say(line)

    def prompted(self) -> None:
        """Run it with a prompt; `outcome` is filled in."""
        trio.run(run_with_signals, self.stopper, lambda: self._ending(self._prompted()))

    async def _ending(self, talk: Coroutine[object, object, None]) -> None:
        try:
            await talk
        except GeppettoError as error:
            self.outcome.error = error

    async def _plain(self, screen: TerminalScreen) -> None:
        terminal = Terminal(screen=screen, stdin_fd=0, interactive=True)
        hooks = Hooks(answered=self.remembered.kept.commit)
        async with self.target.server(self.config) as (ready, name):
            lines = [] if self.target.quiet else [f"Geppetto {__version__} · {name} · .quit or Ctrl+D leaves"]
            lines += [f"  {self.remembered.notice}"] if self.remembered.notice else []
            if lines:
                await trio.to_thread.run_sync(say, "\n".join(lines))
            async with open_chat(
                ready,
                terminal=terminal,
                stopper=self.stopper,
                metrics=self.metrics,
                hooks=hooks,
                history=self.remembered.history,
            ) as chat:
                self.outcome.log_path = chat.log_path
                await trio.sleep_forever()

    async def _prompted(self) -> None:
        import platformdirs

        from geppetto.repl.completion import make_completer
        from geppetto.repl.prompt import Desk, Prompt
        from geppetto.repl.run import run_repl
        from geppetto.repl.scene import Scene

        def columns() -> int:
            try:
                return os.get_terminal_size(STDOUT_FD).columns or _COLUMNS
            except OSError:
                return _COLUMNS

        colours = not os.environ.get("NO_COLOR")
        desk = Desk(
            stdin_fd=0,
            stdout_fd=STDOUT_FD,
            term=os.environ["TERM"],
            colours=colours,
            vi=prefers_vi(os.environ),
            editor=shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "") or ["vi"],
            history_file=platformdirs.user_state_path("geppetto") / "history",
            write=lambda text: write_stdout(text.encode("utf-8", "replace")),
        )
        scene = Scene(columns, colours=colours, quiet=self.target.quiet, redactor=self.config.redactor)
        prompt = Prompt(desk, scene, self.config.redactor, make_completer)

        def note_log(path: Path) -> None:
            self.outcome.log_path = path

        def tell(line: str) -> None:
            prompt.post(lambda: scene.say(line))

        self.warner.show = tell
        if self.remembered.notice:
            tell(f"  {self.remembered.notice}")
        try:
            await run_repl(
                prompt,
                scene,
                self.target.server(self.config),
                self.stopper,
                self.metrics,
                quiet=self.target.quiet,
                logs=note_log,
                history=self.remembered.history,
                answered=self.remembered.kept.commit,
            )
        finally:
            self.warner.show = say


def prefers_vi(environ: Mapping[str, str]) -> bool:
    """Return whether the person edits lines as in vi everywhere: readline's file says so."""
    file = Path(environ.get("INPUTRC") or Path.home() / ".inputrc")
    try:
        return bool(_VI.search(file.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False
