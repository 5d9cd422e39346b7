"""`geppetto doctor`: what works and what does not, in words or as JSON, and a bundle for whoever helps."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click
import trio

from geppetto.cli.flags import read_flags
from geppetto.cli.headings import Headed
from geppetto.cli.options import server_options
from geppetto.cli.saying import hide_in_tracebacks, say, say_error
from geppetto.cli.terminals import beside
from geppetto.config import OPENAI_KEY_VARIABLE
from geppetto.doctor.check import Examination, Finding, check_of, examine, exit_status, worst
from geppetto.doctor.machine import (
    directory_examinations,
    examine_key,
    examine_versions,
    extra_examinations,
    system,
    versions,
)
from geppetto.errors import ConfigError, Ending, GeppettoError, OutputFailed
from geppetto.keystore.store import KeyStore
from geppetto.redaction import Redactor
from geppetto.status import ExitStatus
from geppetto.stopper import Stopper
from geppetto.text import escape_line

if TYPE_CHECKING:
    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig
    from geppetto.doctor.check import Check
    from geppetto.doctor.turn import Turn

_NAME_CHARS = 13


@click.command("doctor", cls=Headed, context_settings={"max_content_width": 100})
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--audio", is_flag=True, help="Ask the question for a voice; without it for text, which is cheaper.")
@click.option("--no-turn", is_flag=True, help="Ask nothing: no check costs anything then.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.zip",
    help="Make a bundle for whoever helps: without the key, and without what was said.",
)
@click.option("--with-texts", is_flag=True, help="Keep questions and answers in the bundle.")
@server_options
@click.pass_context
def doctor_command(
    here: click.Context,
    /,
    *,
    as_json: bool,
    audio: bool,
    no_turn: bool,
    bundle: Path | None,
    with_texts: bool,
    **flags: object,
) -> None:
    """
    Check everything between this machine and an answer.

    One short question is asked, which costs a fraction of a cent; --no-turn leaves that out. The server and its
    flags are those of `geppetto` itself. Exits with 0 when no check failed, otherwise with the status of the first
    that did.
    """
    above = here.parent.params if here.parent is not None else None
    target, _ = read_flags(flags, above)
    doctor = Doctor(target=target, shows_words=not as_json, audio=audio, asks=not no_turn)
    doctor.prepare()
    hide_in_tracebacks(doctor.redactor)
    try:
        stopped = doctor.run()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the flush at exit would fail once more
        if isinstance(error, BrokenPipeError):
            here.exit(ExitStatus.BROKEN_PIPE)  # not raised: click would make 1 of it
        say_error(OutputFailed(f"stdout cannot be written ({error.strerror}). Check where it leads."))
        here.exit(OutputFailed.status)
    if as_json:
        click.echo(json.dumps(doctor.report(), indent=2, ensure_ascii=False))
    status = exit_status(doctor.checks)
    if not as_json:
        click.echo(doctor.closing_line())
    if bundle is not None:
        try:
            doctor.bundle(bundle, texts=with_texts)
        except GeppettoError as error:
            say_error(error, doctor.redactor)
            status = status or error.status
        else:
            say(f"The bundle is in {escape_line(str(bundle))}. Look through it before you hand it on.")
    here.exit(stopped or status)


@attrs.define(kw_only=True)
class Doctor:
    """One run of all checks."""

    target: Target
    shows_words: bool
    audio: bool
    asks: bool
    """Whether a question is asked."""
    config: ClientConfig | None = attrs.field(default=None, init=False)
    """None when there is none."""
    redactor: Redactor = attrs.field(factory=Redactor, init=False)
    checks: list[Check] = attrs.field(factory=list, init=False)
    turn: Turn | None = attrs.field(default=None, init=False)
    _key: Finding | None = attrs.field(default=None, init=False)
    _trouble: Finding | None = attrs.field(default=None, init=False)
    """What is wrong with the configuration."""
    _stopper: Stopper = attrs.field(factory=Stopper, init=False)
    _unheard: OSError | None = attrs.field(default=None, init=False)
    """Why stdout cannot be written."""

    @property
    def embedded(self) -> bool:
        """Whether the embedded server is the one to look at."""
        return self.config is not None and self.config.provider == "offline"

    def prepare(self) -> None:
        """Read the settings; a missing key is a finding, and no reason to check nothing else."""
        secrets = _known_secrets()
        try:
            self.config = self.target.configure()
            self._key = examine_key(self.config, str(self.config.sources.get("api_key", "settings")))
        except ConfigError as error:
            try:
                self.config = attrs.evolve(self.target.configure(needs_key=False), api_key=None)
                self._key = Finding.of(error)
            except ConfigError:
                self._trouble = Finding.of(error)
        self.redactor = Redactor.of([*secrets, *(self.config.secrets if self.config is not None else ())])

    def run(self) -> ExitStatus | None:
        """
        Make the checks; return the status of the signal that stopped them, if one did.

        Raises:
            OSError: stdout cannot be written; BrokenPipeError: nobody reads it any more.
        """
        from geppetto.chat import run_with_signals

        stopper = self._stopper

        async def main() -> None:
            with trio.CancelScope() as scope, stopper.cancels(scope):
                await self._check()

        trio.run(run_with_signals, stopper, main)
        if self._unheard is not None:
            raise self._unheard  # here, where no nursery puts it into a group
        if stopper.ending is None or stopper.ending.error is None:
            return None
        say_error(stopper.ending.error)
        return stopper.ending.status

    async def _check(self) -> None:
        await self._make(_given("versions", examine_versions()))
        if self._trouble is not None:
            await self._make(_given("settings", self._trouble))
        config = self.config
        if config is not None:
            if self._key is not None and not self.embedded:
                await self._make(_given("key", self._key))
            started_s = trio.current_time()
            try:
                async with self.target.server(config) as (ready, name):
                    if self.embedded:
                        said = Finding(verdict="ok", sentence=f"The embedded server runs ({name}).")
                        await self._add(said, "server", started_s)
                        self.redactor = Redactor.of([*_known_secrets(), *ready.secrets])
                    await self._check_way(ready)
            except GeppettoError as error:  # the embedded server, which needs its voice
                await self._add(Finding.of(error), "server", started_s)
            await self._make(*directory_examinations(config))
        await self._make(*extra_examinations())

    async def _check_way(self, config: ClientConfig) -> None:
        from geppetto.doctor.network import Network
        from geppetto.doctor.turn import Turn

        self.turn = Turn(config=config, audio=self.audio)
        if self.asks:
            turn = Examination(name="turn", look=self.turn.look, needs=("session",))
        else:
            turn = _given("turn", Finding(verdict="skipped", sentence="No question was asked: --no-turn."))
        await self._make(*Network(config=config).examinations(), turn)

    async def _make(self, *examinations: Examination) -> None:
        await examine(examinations, self._tell, self.redactor, before=tuple(self.checks))

    async def _add(self, finding: Finding, name: str, started_s: float) -> None:
        await self._tell(check_of(name, finding, trio.current_time() - started_s, self.redactor))

    async def _tell(self, check: Check) -> None:
        self.checks.append(check)
        if not self.shows_words:
            return
        try:
            await trio.to_thread.run_sync(click.echo, "\n".join(_rows(check)))
        except OSError as error:
            self._unheard = error
            self._stopper.stop(Ending(ExitStatus.OK, ""))
            await trio.lowlevel.checkpoint()  # the scope of the run is cancelled now

    def report(self) -> dict[str, object]:
        """Return what was found, for programs."""
        return {
            "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "geppetto": versions()["geppetto"],
            "server": "offline" if self.embedded else self.config.host if self.config is not None else None,
            "verdict": worst(self.checks),
            "exit_status": int(exit_status(self.checks)),
            "checks": [check.as_json() for check in self.checks],
        }

    def closing_line(self) -> str:
        """Return what all of it comes to, in one line."""
        count = {verdict: sum(check.verdict == verdict for check in self.checks) for verdict in _COUNTED}
        return " · ".join(f"{number} {verdict}" for verdict, number in count.items() if number)

    def bundle(self, path: Path, *, texts: bool) -> None:
        """
        Write the support bundle.

        Raises:
            GeppettoError: *path* exists, or cannot be written.
        """
        from geppetto.doctor.bundle import bundle_settings, log_tail, newest_log, read_tail, write_bundle

        files: dict[str, object] = {
            "doctor.json": self.report(),
            "versions.json": {"versions": versions(), "system": system(), "time_zone": time.strftime("%z")},
        }
        left_out: list[str] = []
        if self.config is not None:
            files["settings.json"] = bundle_settings(self.config)
            log = newest_log(self.config.log_dir)
            try:
                if log is None:
                    left_out.append("wire-log.jsonl: there is no wire log yet.")
                else:
                    files["wire-log.jsonl"] = log_tail(read_tail(log), self.redactor, texts=texts)
            except OSError as error:
                left_out.append(f"wire-log.jsonl: it cannot be read ({error.strerror}).")
        if self.turn is not None and self.turn.wire_log:
            files["doctor-log.jsonl"] = log_tail(self.turn.wire_log, self.redactor, texts=texts)
        write_bundle(path, files, self.redactor, home=str(Path.home()), left_out=left_out)


_COUNTED = ("ok", "warning", "failed", "skipped")


def _rows(check: Check) -> list[str]:
    """Return *check* in words: its sentence and its next step."""
    head = f"{check.verdict:7}  {check.name:{_NAME_CHARS}}  "
    texts = [f"{escape_line(check.sentence)} ({check.duration_s:.2f} s)"]
    texts += [escape_line(check.next_step)] if check.next_step else []
    return beside(head, texts)


def _given(name: str, finding: Finding) -> Examination:
    """Return the check of something that is known already."""

    async def look() -> Finding:
        return finding

    return Examination(name=name, look=look)


def _known_secrets() -> list[str]:
    """
    Return the keys of this machine's files and variables, so that none of them gets into a report.

    Those in the keyring of the system are left there: it would ask for a password. The one that is used is known.
    """
    secrets = [os.environ.get(OPENAI_KEY_VARIABLE, "").strip()]
    with suppress(ConfigError):  # a file that cannot be used is told where a key is looked for
        secrets += KeyStore.of(os.environ).read().keys.values()
    return [secret for secret in secrets if secret]
