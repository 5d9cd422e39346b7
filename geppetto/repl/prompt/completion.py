"""What Tab offers: commands, files, voices, models, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.completion import Completer, Completion, PathCompleter, ThreadedCompleter
from prompt_toolkit.document import Document

from geppetto.catalogue import MODELS, VOICES
from geppetto.repl.commands import COMMANDS, find
from geppetto.repl.settings import CHANGEABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prompt_toolkit.completion import CompleteEvent


class CommandCompleter(Completer):
    """Completes lines that begin with a slash, and nothing else."""

    def __init__(self) -> None:
        """Know the commands."""
        self._paths = PathCompleter(expanduser=True)
        self._words = {
            "voice": [voice.name for voice in VOICES],
            "model": [model.name for model in MODELS],
            "modality": ["audio", "text"],
            "setting": list(CHANGEABLE),
        }

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what may stand at the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/"):
            return
        name, space, rest = text[1:].partition(" ")
        if not space:
            for command in COMMANDS:
                if command.name.startswith(name):
                    yield Completion(command.name, -len(name), display=command.usage, display_meta=command.help)
            return
        known = find(name)
        if known is None:
            return
        if known.argument == "file":
            yield from self._paths.get_completions(Document(rest), complete_event)
        for word in self._words.get(known.argument, ()):
            if word.startswith(rest):
                yield Completion(word, -len(rest))


def make_completer() -> Completer:
    """Return it in a thread: a directory on the network may take its time."""
    return ThreadedCompleter(CommandCompleter())
