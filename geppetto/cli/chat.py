"""The chat at a terminal: from flags and environment to an exit status."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
import trio

from geppetto.chat import run_with_signals
from geppetto.cli.outcome import Outcome, finish
from geppetto.cli.remembering import configured, remembering
from geppetto.cli.saying import hide_in_tracebacks, say, say_error
from geppetto.cli.screen import STDIN_FD, STDOUT_FD, write_stdout
from geppetto.cli.terminals import reflows
from geppetto.errors import ConfigError, GeppettoError
from geppetto.records.metrics import Metrics
from geppetto.stopper import Stopper
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from prompt_toolkit.completion import Completer

    from geppetto.cli.remembering import Remembered
    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig
    from geppetto.repl.earlier import Earlier
    from geppetto.repl.face import Face
    from geppetto.status import ExitStatus


_CANNOT_DRAW = frozenset({"", "dumb", "unknown"})
"""Values of `TERM`."""
_PLAIN = ("ACCESSIBLE", "NO_COLOR")
"""Who sets one of these, to whatever value, wants lines that are only appended. See https://no-color.org."""
_COLUMNS = 80
"""Of a terminal that does not tell."""
_VI: Final = r"^\s*set\s+editing-mode\s+vi\s*$"


def chat(target: Target) -> ExitStatus:
    """Run one session for a person at a terminal and return the exit status."""
    try:
        target, config = configured(target)
    except ConfigError as error:
        say_error(error)
        return error.status
    hide_in_tracebacks(config.redactor)
    warner = Warner()
    try:
        with remembering(config, target.goes_on_with, warner.warn) as remembered:
            run = _Chat(target=target, config=config, warner=warner, remembered=remembered)
            run.run(prompted=not target.plain and wants_prompt(os.environ))
    except GeppettoError as error:
        say_error(error, config.redactor)
        return error.status
    return finish(target, config, run.metrics, run.outcome)


def wants_prompt(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal can draw, and the person wants that: a screen reader is lost in what is redrawn."""
    return environ.get("TERM", "") not in _CANNOT_DRAW and not any(environ.get(name) for name in _PLAIN)


class Warner(msgspec.Struct):
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

    def run(self, *, prompted: bool) -> None:
        """Run it to its end, at a prompt or in plain lines; `outcome` is filled in."""
        trio.run(run_with_signals, self.stopper, lambda: self._ending(self._talk(prompted=prompted)))

    async def _ending(self, talk: Coroutine[object, object, None]) -> None:
        try:
            await talk
        except GeppettoError as error:
            self.outcome.error = error

    async def _talk(self, *, prompted: bool) -> None:
        import platformdirs

        from geppetto.repl.earlier import Earlier
        from geppetto.repl.run import run_repl

        earlier = Earlier(path=platformdirs.user_state_path("geppetto") / "history", clean=self.config.redactor.clean)
        face = self._prompt(earlier) if prompted else self._lines(earlier)

        def note_log(path: Path) -> None:
            self.outcome.log_path = path

        self.warner.show = face.say
        try:
            await run_repl(
                face,
                self.target.server(self.config),
                self.stopper,
                self.metrics,
                earlier=earlier,
                quiet=self.target.quiet,
                logs=note_log,
                goes_on=self.remembered.notice,
                history=self.remembered.history,
                keeper=self.remembered.kept,
            )
        finally:
            self.warner.show = say

    def _prompt(self, earlier: Earlier) -> Face:
        from geppetto.repl.prompt.desk import Desk
        from geppetto.repl.prompt.face import PromptFace
        from geppetto.repl.prompt.prompt import Prompt
        from geppetto.repl.prompt.scene import Scene

        def completer() -> Completer:
            from geppetto.repl.prompt.completion import make_completer  # in the prompt's thread; see `Prompt`

            return make_completer()

        def columns() -> int:
            try:
                return os.get_terminal_size(STDOUT_FD).columns or _COLUMNS
            except OSError:
                return _COLUMNS

        redactor = self.config.redactor
        desk = Desk(
            stdin_fd=STDIN_FD,
            stdout_fd=STDOUT_FD,
            term=os.environ["TERM"],
            reflows=reflows(os.environ),
            vi=prefers_vi(os.environ),
            editor=editor_command(os.environ),
            history_file=earlier.path,
            write=_write,
        )
        scene = Scene(columns, quiet=self.target.quiet, redactor=redactor)
        return PromptFace(Prompt(desk, scene, redactor, completer), scene)

    def _lines(self, earlier: Earlier) -> Face:
        from geppetto.repl.editor import Editor
        from geppetto.repl.plain.face import Plain
        from geppetto.repl.plain.scene import PlainScene

        return Plain(
            PlainScene(quiet=self.target.quiet, redactor=self.config.redactor),
            self.stopper,
            stdin_fd=STDIN_FD,
            write=_write,
            editor=Editor(editor_command(os.environ)),
            earlier=earlier,
        )


def _write(text: str) -> None:
    write_stdout(text.encode("utf-8", "replace"))


def editor_command(environ: Mapping[str, str]) -> list[str]:
    """Return the command of the person's editor."""
    import shlex

    return shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "") or ["vi"]


def prefers_vi(environ: Mapping[str, str]) -> bool:
    """Return whether the person edits lines as in vi everywhere: readline's file says so."""
    file = Path(environ.get("INPUTRC") or Path.home() / ".inputrc")
    try:
        return bool(re.search(_VI, file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE))
    except OSError:
        return False
