"""A scripted run: from flags and a source of questions to an exit status."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import trio

from geppetto.batch.budget import Budget
from geppetto.batch.keeper import Keeper
from geppetto.batch.pacing import Pacing
from geppetto.batch.run import Batch
from geppetto.batch.source import questions_of
from geppetto.chat import run_with_signals
from geppetto.cli.outcome import Outcome, finish
from geppetto.cli.plans import make_plan
from geppetto.cli.reports import Reports
from geppetto.cli.saying import hide_in_tracebacks, say, say_error, standard_streams
from geppetto.cli.screen import TerminalScreen
from geppetto.cli.script_output import ScriptOutput
from geppetto.cli.sound import SoundScreen
from geppetto.clock import local_now
from geppetto.errors import ConfigError, GeppettoError
from geppetto.records.metrics import Metrics
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Sequence

    from geppetto.batch.ask import Ask, BadLine
    from geppetto.batch.elsewhere import Elsewhere
    from geppetto.batch.plan import Plan
    from geppetto.batch.tally import Tally
    from geppetto.cli.flags import ScriptFlags
    from geppetto.cli.screen import Streams
    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig
    from geppetto.realtime.history import Said
    from geppetto.tasks.display import Screen

    Source = Callable[[], AsyncIterable[Ask | BadLine]]


def piped(target: Target, flags: ScriptFlags) -> ExitStatus:
    """Ask what comes through stdin."""
    has_stdin = standard_streams().has_stdin
    return scripted(target, flags, lambda: questions_of(0 if has_stdin else None, flags.input_format or "auto"))


def scripted(
    target: Target, flags: ScriptFlags, source: Source, *, single: bool = False, elsewhere: Elsewhere | None = None
) -> ExitStatus:
    """
    Ask everything that *source* has, and return the exit status.

    Args:
        target: what the flags say of the server.
        flags: what they say of the run.
        source: makes the questions, in the event loop.
        single: whether there is one question, which needs no manifest unless it is named.
        elsewhere: who asks, if not sessions of this process.
    """
    try:
        if target.goes_on_with == "":
            raise ConfigError("--continue goes on with a conversation at a terminal. Leave it out for a script.")
        config = target.configure(needs_key=not flags.dry_run)
        live = flags.jobs in {None, 1} and elsewhere is None and not flags.as_json and not target.quiet
        plan = make_plan(flags, config, single=single, live=live)
        if flags.dry_run:
            from geppetto.cli.dry_run import dry_run

            return dry_run(config, plan, source, as_json=bool(flags.as_json))
        run = _Run(
            target=target,
            flags=flags,
            config=config,
            plan=plan,
            streams=standard_streams(),
            single=single,
            live=live,
            elsewhere=elsewhere,
        )
    except GeppettoError as error:
        say_error(error)
        return error.status
    hide_in_tracebacks(config.redactor)
    return run.run(source)


class _Run:
    """One run of the command line."""

    def __init__(
        self,
        *,
        target: Target,
        flags: ScriptFlags,
        config: ClientConfig,
        plan: Plan,
        streams: Streams,
        single: bool,
        live: bool,
        elsewhere: Elsewhere | None,
    ) -> None:
        """Put the output together; *live* is whether words are shown as they arrive."""
        self.target, self.flags, self.config, self.plan, self.elsewhere = target, flags, config, plan, elsewhere
        self.stopper, self.metrics, self.outcome = Stopper(), Metrics(), Outcome()
        self.tally: Tally | None = None
        redactor, quiet = config.redactor, target.quiet
        # A bar cannot stand below words that are still coming.
        bar = streams.stderr_is_tty and not (live and streams.stdout_is_tty)
        wanted = not single and not (quiet and not flags.progress)
        self.reports = Reports(junit=flags.junit, bar=bar and wanted, lines=bool(flags.progress) and not bar)
        self.words = TerminalScreen(
            msgspec.structs.replace(streams, stdin_is_tty=False),  # nobody types: no prompts, no names
            quiet=quiet or self.reports.bar,
            redactor=redactor,
            words=live,
            words_to_stderr=plan.sound,
            expects_audio=config.modality == "audio",
            say=self._say,
        )
        self.output = ScriptOutput(
            style="json" if flags.as_json else "live" if live or plan.sound else "lines" if quiet else "text",
            redactor=redactor,
            say=self.reports.say,
            above=self.reports.above,
            stdout_is_tty=streams.stdout_is_tty,
            on_results=[self.reports.add],
            on_tick=self.reports.tick,
        )
        self.screen: Screen = SoundScreen(self.words, wav=flags.audio_format == "wav") if plan.sound else self.words
        self.keeper = Keeper(flags.manifest, config.audio_output_dir, config.file_modes, redactor, local_now)
        if flags.no_manifest or (single and flags.manifest is None):
            self.keeper.switch_off()

    def run(self, source: Source) -> ExitStatus:
        """Run it, say how it ended, and return the exit status."""
        try:
            trio.run(self._main, source)
        finally:
            self.reports.close_bar()
            self.keeper.close()
        with suppress(GeppettoError):  # the reader of stdout may be gone, and then that is the outcome already
            self.words.close()
        self._explain()
        try:
            self.reports.write(self.config)
        except GeppettoError as error:
            self.outcome.error = self.outcome.error or error
        return finish(self.target, self.config, self.metrics, self.outcome)

    async def _main(self, source: Source) -> None:
        async def main() -> None:
            try:
                history = await trio.to_thread.run_sync(self._begin)
                async with self.target.server(self.config) as (config, _name):
                    await self._batch(config, source, history)
            except GeppettoError as error:
                self.outcome.error = error

        await run_with_signals(self.stopper, main)

    def _begin(self) -> Sequence[Said]:
        """Take up the run, or begin one, if its limits can be kept."""
        self._check_price()
        if self.flags.resume is not None:
            said = self.keeper.take_up(self.config.history_budget)
            kept = self.keeper.answered
            if not self.target.quiet:
                are = "answer is" if kept == 1 else "answers are"
                say(f"  {kept:,} {are} in {self.keeper.path}; asking for the rest")
            if self.keeper.moved:
                say(
                    f"  {self.keeper.moved:,} of them have files that are not where it says; they are not asked again"
                )
            return said if self.plan.context == "conversation" else ()
        if self.flags.manifest is not None and not self.flags.no_manifest:
            self.keeper.begin()
        return ()

    def _check_price(self) -> None:
        """
        Find out whether a limit of cost can be kept.

        Raises:
            ConfigError: nobody knows what the model costs.
        """
        config = self.config
        if self.plan.max_usd is None:
            return
        from geppetto.pricing.price_list import PriceList  # only where there is a limit

        prices = PriceList.load(config.prices_file, embedded=config.provider == "offline")
        if prices.price(config.model_name, provider_host=config.host, when=local_now().date()) is None:
            msg = (
                f"No price of {config.model_name} at {config.host} is known, so --max-cost cannot be kept. Give one "
                "with --prices-file, or leave out --max-cost."
            )
            raise ConfigError(msg)

    async def _batch(self, config: ClientConfig, source: Source, history: Sequence[Said]) -> None:
        plan = msgspec.structs.replace(self.plan, resume=self.flags.resume is not None)
        batch = Batch(
            config=config,
            plan=plan,
            source=source(),
            sink=self.output,
            keeper=self.keeper,
            budget=Budget(max_usd=plan.max_usd, max_s=plan.max_s, started_at=trio.current_time()),
            pacing=Pacing(),
            stopper=self.stopper,
            metrics=self.metrics,
            screen=self.screen,
            history=history,
            wait_for_room=self.screen.wait_for_room if isinstance(self.screen, SoundScreen) else None,
            elsewhere=self.elsewhere,
        )
        self.tally = batch.tally
        self.reports.begin(batch.tally)
        try:
            await batch.run()
            if isinstance(self.screen, SoundScreen):
                with trio.CancelScope() as scope, self.stopper.cancels(scope):
                    await trio.to_thread.run_sync(self.screen.drain, abandon_on_cancel=True)
        finally:
            self.outcome.log_path = batch.tally.log_path if batch.tally.sessions < 2 else config.log_dir
        if (sentence := verdict(batch.tally)) is not None:
            raise Unanswered(sentence)

    @property
    def _had_enough(self) -> bool:
        """Whether the reader of stdout went away, as `head` does: what that cuts short is nobody's worry."""
        return self.stopper.ending is not None and self.stopper.ending.status is ExitStatus.BROKEN_PIPE

    def _say(self, text: str) -> None:
        """Write lines about answers to stderr."""
        if not self._had_enough:
            self.reports.say(text)

    def _explain(self) -> None:
        """Say how to go on, if there is something to go on with."""
        path, tally = self.keeper.path, self.tally
        if path is None or tally is None or self._had_enough:
            return
        if tally.unasked or tally.failed or self.stopper.ending is not None:
            import shlex  # only for this sentence

            named = shlex.quote(str(path))
            say(escape_line(f"  the manifest is {path}; --resume --manifest {named} goes on with it"))
        elif tally.skipped and tally.skipped == tally.questions and not self.target.quiet:
            say("  nothing was left to ask")


class Unanswered(GeppettoError):
    """The run ended well, and some questions have no answer, or one that a check does not hold for."""

    status = ExitStatus.UNANSWERED


def verdict(tally: Tally) -> str | None:
    """Return what is wrong with a run that came to its end, as a sentence; None if nothing is."""
    cut_short = bool(tally.limit) and (bool(tally.unasked) or not tally.read_all)
    sentences = [tally.limit] if cut_short else []
    if tally.failed:
        sentences.append(
            f"{tally.failed:,} {'question was' if tally.failed == 1 else 'questions were'} not answered."
        )
    if tally.failed_checks:
        sentences.append(
            f"{tally.failed_checks:,} of {tally.done:,} {'answer' if tally.done == 1 else 'answers'} failed a check."
        )
    if cut_short and tally.unasked:
        what = "question that was read was" if tally.unasked == 1 else "questions that were read were"
        sentences.append(f"{tally.unasked:,} {what} not asked.")
    return " ".join(sentences) or None
