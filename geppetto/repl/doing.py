"""What each command does."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs
import msgspec
import trio

from geppetto.errors import ConfigError, GeppettoError
from geppetto.repl import reports
from geppetto.repl.cells import cut
from geppetto.repl.commands import find, help_text, unknown
from geppetto.repl.request import Material, spoken, to_be_said
from geppetto.repl.saving import Exchange, play, save
from geppetto.repl.settings import change
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics
    from geppetto.repl.earlier import Earlier
    from geppetto.repl.request import Request
    from geppetto.repl.status_line import Status

_KEPT = 10_000
"""Exchanges that `/save` can go back."""
_ALL_COLUMNS = 1_000
"""Nothing of the status is left out."""
_FOUND = 10
"""As many of the questions that `/search` finds are shown, each with so much of it:"""
_FOUND_CELLS = 200


class Talker(Protocol):
    """What commands may do with the conversation."""

    @property
    def config(self) -> ClientConfig | None:
        """The settings; None before the server is known."""

    @property
    def busy(self) -> bool:
        """Whether an answer comes, or a session is being opened."""

    @property
    def keys(self) -> Sequence[tuple[str, str]]:
        """The keys that mean something, for the help."""

    @property
    def status(self) -> Status:
        """How it stands now."""

    def ask(self, request: Request) -> None:
        """Ask, now or when there is a session."""

    def ask_now(self, words: str) -> None:
        """Interrupt the answer that comes, and ask."""

    def cancel(self) -> None:
        """Cancel the answer that comes; raises `ConfigError` if none does."""

    def gather(self) -> None:
        """Make one question of the lines that follow."""

    async def edit(self) -> None:
        """Ask what is written in the editor."""

    async def change(self, name: str, config: ClientConfig) -> None:
        """Go on with *config*, in which *name* is another; say what has become of it."""

    def say(self, text: str) -> None:
        """Show lines."""

    def notice(self, text: str) -> None:
        """Show a remark."""

    def leave(self) -> None:
        """End it."""


class Commands:
    """Does what is typed with a slash, and keeps what commands need."""

    def __init__(self, talker: Talker, metrics: Metrics, earlier: Earlier) -> None:
        """Act on *talker*; what was typed before is in *earlier*."""
        self._talker = talker
        self._metrics = metrics
        self._earlier = earlier
        self._said: deque[Exchange] = deque(maxlen=_KEPT)
        self._last: Request | None = None
        self._material = Material()
        self.log_path: Path | None = None
        """The wire log of the present session."""

    def answered(self, answer: Answer) -> None:
        """Keep *answer*; for `Hooks.commit`, in whichever thread."""
        self._said.append(Exchange.now(answer))

    def heard(self, index: int, text: str) -> None:
        """Keep *text* as what was said in question *index*, whose answer may be kept already; in whichever thread."""
        for place, one in reversed(list(enumerate(self._said))):
            if one.answer.index == index and one.answer.spoken:
                self._said[place] = attrs.evolve(one, answer=msgspec.structs.replace(one.answer, heard=text))
                return

    def question(self, typed: str) -> Request:
        """Return the question that *typed* makes together with the files that were named before it."""
        self._last = self._material.request(typed)
        return self._last

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
                self._talker.say(help_text(self._talker.keys))
            case "status":
                self._talker.say(f"  {self._talker.status.line(_ALL_COLUMNS)}")
            case "retry":
                self._retry()
            case "now":
                self._talker.ask_now(argument)
            case "cancel":
                self._talker.cancel()
            case "multi":
                self._talker.gather()
            case "edit":
                await self._talker.edit()
            case "search":
                await self._search(argument)
            case "audio":
                self._ask(await spoken(_path(argument)))
            case "say":
                self._ask(to_be_said(argument))
            case "image":
                self._talker.notice(await self._image(_path(argument)))
            case "file":
                self._talker.notice(await self._material.add_text(_path(argument)))
            case "set":
                key, _, value = argument.partition(" ")
                await self._set(key, value.strip())
            case "voice" | "model" | "instructions" | "modality" | "speed" | "temperature":
                await self._set(name, argument)
            case "info":
                self._talker.say(reports.settings(self._config(), self.log_path))
            case "stats":
                self._talker.say(reports.figures(self._metrics))
            case "cost":
                self._talker.say(reports.money(self._metrics))
            case "history":
                self._talker.say(reports.conversation(self._exchanges()))
            case "save":
                await self._save(argument)
            case "open":
                await self._open()
            case _:
                self._talker.leave()

    def _retry(self) -> None:
        if self._last is None:
            raise ConfigError("nothing was asked yet.")
        self._talker.ask(self._last)

    def _ask(self, request: Request) -> None:
        self._last = request
        self._talker.ask(request)

    async def _image(self, path: Path) -> str:
        protocol = self._config().protocol
        if not protocol.images:
            raise ConfigError(f"The {protocol.name} dialect takes no pictures.")
        return await self._material.add_image(path)

    async def _set(self, name: str, value: str) -> None:
        config = self._config()
        if self._talker.busy:
            raise ConfigError("an answer is coming. Wait for its end, or press Ctrl+C.")
        await self._talker.change(name, change(config, name, value))

    async def _search(self, words: str) -> None:
        found = await trio.to_thread.run_sync(self._earlier.find, words, _FOUND, abandon_on_cancel=True)
        if not found:
            raise ConfigError("none of your questions has these words.")
        self._talker.say("\n".join(f"  {cut(escape_line(text), _FOUND_CELLS)}" for text in found))

    async def _save(self, name: str) -> None:
        path = _path(name)
        config = self._config()
        said = self._exchanges()

        def write() -> None:
            save(path, said, config, self._metrics, config.redactor)

        await trio.to_thread.run_sync(write, abandon_on_cancel=True)
        self._talker.notice(f"{path} has the conversation: {len(said)} answer{'' if len(said) == 1 else 's'}")

    async def _open(self) -> None:
        files = [one.answer.audio_file for one in list(self._said) if one.answer.audio_file is not None]
        if not files:
            raise ConfigError("there is no audio yet.")
        await trio.to_thread.run_sync(play, files[-1], abandon_on_cancel=True)

    def _exchanges(self) -> list[Exchange]:
        said = list(self._said)
        if not said:
            raise ConfigError("nothing was said yet.")
        return said

    def _config(self) -> ClientConfig:
        config = self._talker.config
        if config is None:
            raise ConfigError("the server is not known yet. Try again in a moment.")
        return config


def _path(name: str) -> Path:
    return Path(name).expanduser()
