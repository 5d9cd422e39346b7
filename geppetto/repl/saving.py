"""What was said at the prompt, as a file; and files that become part of a question."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.errors import ConfigError, OutputFailed
from geppetto.memory.kept import About, Answered, Conversation, Item

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics
    from geppetto.redaction import Redactor

MAX_FILE_BYTES: Final = 256 * 1024
"""A larger file is no part of a question: models take less."""
_PLAYERS: Final = ("xdg-open", "open")


@attrs.frozen
class Exchange:
    """A question with its answer."""

    at: datetime
    """When the answer was over."""
    answer: Answer

    @classmethod
    def now(cls, answer: Answer) -> Exchange:
        """Return *answer* with the present time."""
        return cls(datetime.now(UTC), answer)


def save(path: Path, said: Sequence[Exchange], config: ClientConfig, metrics: Metrics, redactor: Redactor) -> None:
    """
    Write the conversation to *path*, a new file; its suffix says in which format. Blocks.

    Raises:
        OutputFailed: there is a file already, or it cannot be written.
    """
    items: list[Item] = []
    for exchange in said:
        answer = exchange.answer
        kept = Answered(
            status=answer.status,
            reason=answer.reason,
            audio_file=answer.audio_file,
            transcript_file=answer.transcript_file,
            audio_ms=answer.audio_ms,
            latency=answer.latency,
            usage=answer.usage,
            cost=answer.cost,
            response_id=answer.response_id,
            session_id=answer.session_id,
            attempts=answer.attempts,
        )
        items.append(
            Item(
                number=len(items) + 1,
                role="user",
                text=answer.heard or answer.question,
                at=exchange.at,
                spoken=answer.spoken,
                heard=bool(answer.heard),
            )
        )
        items.append(Item(number=len(items) + 1, role="assistant", text=answer.text, at=exchange.at, answer=kept))
    cost = metrics.cost
    conversation = Conversation(
        id=said[0].answer.session_id,
        name=None,
        begun=said[0].at,
        changed=said[-1].at,
        about=About(
            model=config.model_name,
            host=config.host,
            voice=config.session_settings.voice or "",
            instructions=config.instructions,
        ),
        title=said[0].answer.question,
        n_answers=len(said),
        audio_ms=sum(exchange.answer.audio_ms for exchange in said),
        usd=None if cost is None else float(cost.usd),
        all_priced=not metrics.unpriced_answers,
    )
    from geppetto.memory.export import export, format_of  # not before somebody saves

    text = redactor.clean(export(conversation, items, format_of(path)))
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            path.chmod(config.file_modes.file)
            file.write(text)
    except FileExistsError as error:
        raise OutputFailed(f"{path} is there already. Name another file.") from error
    except OSError as error:
        raise OutputFailed(f"{path} cannot be written ({error.strerror}).") from error


def read_text(path: Path) -> str:
    """
    Return the text of *path*. Blocks.

    Raises:
        ConfigError: it is not a file, too large, or not text.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"{path} is not a file.")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} has more than {MAX_FILE_BYTES // 1024} KiB. Take a part of it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8.") from error
    if "\x00" in text:
        raise ConfigError(f"{path} is not text.")
    return text.replace("\r\n", "\n").rstrip("\n")


def play(path: Path) -> None:
    """
    Open *path* in the player of the system, and leave that alone.

    Raises:
        ConfigError: there is none.
    """
    player = next((found for name in _PLAYERS if (found := shutil.which(name)) is not None), None)
    if player is None:
        raise ConfigError(f"there is neither {' nor '.join(_PLAYERS)} on this machine. The file is {path}.")
    nothing = subprocess.DEVNULL
    try:
        subprocess.Popen([player, path], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)  # noqa: S603
    except OSError as error:
        raise ConfigError(f"{player} cannot be started ({error.strerror}). The file is {path}.") from error
