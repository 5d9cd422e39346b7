"""The memory of a chat at a terminal: what it goes on with, and where its answers are kept."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import msgspec

from geppetto.errors import ConfigError, GeppettoError
from geppetto.memory.keeping import Keeping, NoMemory
from geppetto.memory.place import database_path
from geppetto.settings.source import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig
    from geppetto.memory.kept import Conversation
    from geppetto.realtime.history import Said


@attrs.frozen(kw_only=True)
class Remembered:
    """The conversation that a chat goes on with, and who keeps what comes."""

    kept: Keeping | NoMemory
    history: Sequence[Said] = ()
    """What the server is told first."""
    notice: str = ""
    """A line for the user; empty for a new conversation."""


def configured(target: Target) -> tuple[Target, ClientConfig]:
    """
    Return the server of a chat, and its configuration; blocks.

    It is that of the settings. Without a key for that one a conversation with the embedded server goes on there,
    unless the settings say which server or whose key is meant.

    Raises:
        ConfigError: a value is wrong, or the key is missing.
    """
    try:
        return target, target.configure()
    except ConfigError:
        if target.goes_on_with is None or target.offline or target.key_env is not None:
            raise
        sources = target.configure(needs_key=False).sources
        if any(sources[name] != DEFAULT for name in ("url", "provider")):
            raise
        embedded = msgspec.structs.replace(target, offline=True)
        config = embedded.configure()
        if config.no_memory or not _was_at(config, target.goes_on_with):
            raise
    return embedded, config


def _was_at(config: ClientConfig, wanted: str) -> bool:
    """Return whether there is the conversation *wanted*, and was with the server of *config*."""
    try:
        found, _ = _find(config, wanted)
    except GeppettoError:  # told when it is looked for
        return False
    return found.about.host == config.host


@contextmanager
def remembering(config: ClientConfig, goes_on_with: str | None, warn: Callable[[str], None]) -> Iterator[Remembered]:
    """
    Yield the memory of one chat; blocks, also on leaving, when the database is closed.

    Args:
        config: of the chat.
        goes_on_with: a conversation, by id or name; empty is the last one, None a new one.
        warn: is told, in any thread, when answers cannot be kept. The chat goes on.

    Raises:
        ConfigError: there is no such conversation, or nothing is kept.
        OutputFailed: the database cannot be read, which matters only where something is to be found in it.
    """
    if config.no_memory:
        if goes_on_with is not None:
            msg = "Nothing is kept with --no-memory, so there is nothing to go on with. Leave it out."
            raise ConfigError(msg)
        yield Remembered(kept=NoMemory())
        return
    found, history = _find(config, goes_on_with) if goes_on_with is not None else (None, ())
    from geppetto.memory.export import heading
    from geppetto.memory.kept import About

    about = About(
        model=config.model_name, host=config.host, voice=config.voice or "", instructions=config.instructions
    )
    kept = Keeping(
        database_path(os.environ),
        about,
        warn=warn,
        redactor=config.redactor,
        conversation_id=None if found is None else found.id,
    )
    notice = "" if found is None else f"going on with {found.id}: {heading(found)}"
    try:
        yield Remembered(kept=kept, history=history, notice=notice)
    finally:
        kept.close()


def _find(config: ClientConfig, wanted: str) -> tuple[Conversation, Sequence[Said]]:
    from geppetto.memory.store import Memory

    path = database_path(os.environ)
    with Memory.open(path, redactor=config.redactor) as memory:
        found = memory.find(wanted) if wanted else memory.last()
        if found is None:
            what = f"{wanted!r}" if wanted else "to go on with"
            raise ConfigError(f"There is no conversation {what}. `geppetto history` lists those that are kept.")
        return found, memory.history(found.id)
