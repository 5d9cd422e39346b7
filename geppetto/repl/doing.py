"""What each command does."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import trio

from geppetto.errors import ConfigError, GeppettoError
from geppetto.repl.commands import find, help_text, unknown
from geppetto.repl.saving import Exchange, play, read_text, save
from geppetto.repl.settings import change, shown

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics

_KEPT = 10_000
"""Exchanges that `/save` can go back."""


class Talker(Protocol):
    """What commands may do with the conversation."""

    @property
    def config(self) -> ClientConfig | None:
        """The settings; None before the server is known."""

    @property
    def busy(self) -> bool:
        """Whether an answer comes, or a session is being opened."""

    def ask(self, question: str) -> None:
        """Ask, now or when there is a session."""

    def reopen(self, config: ClientConfig) -> None:
        """Go on in a new session with *config*, which is told what was said."""

    def say(self, text: str) -> None:
        """Show lines."""

    def notice(self, text: str) -> None:
        """Show a remark."""

    def leave(self) -> None:
        """End it."""


class Commands:
    """Does what is typed with a slash, and keeps what commands need."""

    def __init__(self, talker: Talker, metrics: Metrics) -> None:
        """Act on *talker*."""
        self._talker = talker
        self._metrics = metrics
        self._said: deque[Exchange] = deque(maxlen=_KEPT)
        self._last_question = ""
        self._files: list[str] = []
        self.log_path: Path | None = None
        """The wire log of the present session."""

    def answered(self, answer: Answer) -> None:
        """Keep *answer*; for `Hooks.commit`, in whichever thread."""
        self._said.append(Exchange.now(answer))

    def question(self, typed: str) -> str:
        """Return the question that *typed* makes together with the files that were named before it."""
        files, self._files = self._files, []
        self._last_question = "\n\n".join((*files, typed))
        return self._last_question

    async def run(self, line: str) -> None:
        """Do *line*, a command with its slash; what goes wrong is said."""
        name, _, argument = line[1:].partition(" ")
        name, argument = name.strip(), argument.strip()
        command = find(name)
        if command is None:
            self._talker.notice(unknown(name))
        elif command.argument and not argument:
            self._talker.notice(f"{command.usage}: {command.help}")
        else:
            try:
                await self._run(name, argument)
            except GeppettoError as error:
                self._talker.notice(str(error))

    async def _run(self, name: str, argument: str) -> None:
        match name:
            case "help":
                self._talker.say(help_text())
            case "retry":
                self._retry()
            case "file":
                await self._file(argument)
            case "set":
                key, _, value = argument.partition(" ")
                self._set(key, value.strip())
            case "voice" | "model" | "instructions" | "modality" | "speed" | "temperature":
                self._set(name, argument)
            case "info":
                self._info()
            case "stats":
                self._stats()
            case "cost":
                self._cost()
            case "history":
                self._history()
            case "save":
                await self._save(argument)
            case "open":
                await self._open()
            case _:
                self._talker.leave()

    def _retry(self) -> None:
        if not self._last_question:
            raise ConfigError("nothing was asked yet.")
        self._talker.ask(self._last_question)

    async def _file(self, name: str) -> None:
        path = _path(name)
        text = await trio.to_thread.run_sync(read_text, path, abandon_on_cancel=True)
        self._files.append(f"{path.name}:\n\n{text}")
        self._talker.notice(f"{path.name} goes with the next question: {len(text):,} characters")

    def _set(self, name: str, value: str) -> None:
        config = self._config()
        if self._talker.busy:
            raise ConfigError("an answer is coming. Wait for its end, or press Ctrl+C.")
        self._talker.reopen(change(config, name, value))
        self._talker.notice(
            f"{name} is now {value or 'left to the server'}: a new session goes on with what was said"
        )

    def _info(self) -> None:
        config = self._config()
        log = "" if self.log_path is None else f"\n  {'log':<18}{self.log_path}"
        self._talker.say(f"  {'server':<18}{config.host}\n{shown(config)}{log}")

    def _stats(self) -> None:
        metrics = self._metrics
        rows = [f"  {metrics.summary_line(None)}"]
        for what, series in (("first words", metrics.first_text), ("first audio", metrics.first_audio)):
            if series.median_ms is not None:
                rows.append(f"  {what} after {series.median_ms / 1000:.2f} s, the median of {series.count}")
        rows.append(f"  {metrics.messages_sent:,} messages sent, {metrics.messages_received:,} received")
        self._talker.say("\n".join(rows))

    def _cost(self) -> None:
        usage, cost = self._metrics.usage, self._metrics.cost
        cached = f"{usage.cached_tokens:,} of them cached"
        rows = [
            f"  {usage.input_tokens:,} tokens in, {cached}, {usage.output_tokens:,} out",
            "  no price is known for what was used" if cost is None else f"  {cost}, by {cost.source}",
        ]
        if cost is not None and self._metrics.unpriced_answers:
            rows.append(f"  {self._metrics.unpriced_answers} of the answers are not in it: their price is not known")
        self._talker.say("\n".join(rows))

    def _history(self) -> None:
        if not self._said:
            raise ConfigError("nothing was said yet.")
        rows = [f"You: {one.answer.question}\nGeppetto: {one.answer.text}" for one in list(self._said)]
        self._talker.say("\n".join(rows))

    async def _save(self, name: str) -> None:
        path = _path(name)
        config = self._config()
        said = list(self._said)
        if not said:
            raise ConfigError("nothing was said yet.")

        def write() -> None:
            save(path, said, config, self._metrics, config.redactor)

        await trio.to_thread.run_sync(write, abandon_on_cancel=True)
        self._talker.notice(f"{path} has the conversation: {len(said)} answer{'' if len(said) == 1 else 's'}")

    async def _open(self) -> None:
        files = [one.answer.audio_file for one in list(self._said) if one.answer.audio_file is not None]
        if not files:
            raise ConfigError("there is no audio yet.")
        await trio.to_thread.run_sync(play, files[-1], abandon_on_cancel=True)

    def _config(self) -> ClientConfig:
        config = self._talker.config
        if config is None:
            raise ConfigError("the server is not known yet. Try again in a moment.")
        return config


def _path(name: str) -> Path:
    return Path(name).expanduser()
