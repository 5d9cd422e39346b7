"""What was typed in this chat and those before, for who reads lines without prompt_toolkit: to keep, and to find."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from geppetto.errors import ConfigError
from geppetto.records.modes import PRIVATE, make_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_COMMAND_STARTS = ("/", ".")


@attrs.frozen(kw_only=True)
class Earlier:
    """
    The file that the prompt keeps its history in, which only its owner reads. Methods block.

    Its format is that of `prompt_toolkit.history.FileHistory`: a line with a time, then each line behind a `+`.
    """

    path: Path
    clean: Callable[[str], str]
    """Takes the key out."""

    def keep(self, text: str) -> None:
        """Append *text*; it may hold line breaks. What cannot be written is no reason to fail."""
        kept = self.clean(text).encode("utf-8", "replace").decode()
        lines = "".join(f"+{line}\n" for line in kept.split("\n"))
        try:
            make_directory(self.path.parent)
            self.path.touch(mode=PRIVATE.file)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n# {datetime.now()}\n{lines}")  # as prompt_toolkit writes it
        except OSError:
            return

    def find(self, words: str, most: int) -> list[str]:
        """
        Return the last *most* questions that have all of *words* in them, whatever their case, the newest last.

        Raises:
            ConfigError: the file cannot be read.
        """
        wanted = words.casefold().split()
        try:
            found = [text for text in self._load() if all(word in text.casefold() for word in wanted)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read ({error.strerror}).") from error
        newest_first = dict.fromkeys(text for text in reversed(found) if not text.startswith(_COMMAND_STARTS))
        return list(newest_first)[:most][::-1]

    def _load(self) -> Iterator[str]:
        lines: list[str] = []
        with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for row in file:
                if row.startswith("+"):
                    lines.append(row[1:].removesuffix("\n"))
                elif lines:
                    yield "\n".join(lines)
                    lines.clear()
        if lines:
            yield "\n".join(lines)
