"""What goes to a worker: the questions of one shard, and how they are to be asked. The key of a server does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from geppetto.config import SETTINGS
from geppetto.errors import ConfigError, Ending
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.batch.ask import Ask
    from geppetto.batch.plan import Plan
    from geppetto.config import ClientConfig
    from geppetto.errors import GeppettoError

DEFAULT_SHARD_SIZE: Final = 50
MAX_SHARD_SIZE: Final = 10_000
_PATHS: Final = ("ca_file", "audio_output_dir", "log_dir", "prices_file")


@attrs.frozen(kw_only=True)
class Orders:
    """What is the same for every shard of a run. Picklable, and shown in a dask worker's log when a shard fails."""

    version: str
    """Geppetto's. Workers with another one refuse."""
    run: str
    """Names what the run keeps; no other run has it."""
    plan: Plan
    settings: Mapping[str, object]
    """By field of `ClientConfig`; see `settings_of`."""
    key_env: str | None
    """The variable of the *worker* that holds the key."""
    offline: bool
    """Whether each shard gets an embedded server of its own."""
    offline_lead_s: float
    output: str | None
    """The URL that files go to; None: they stay in the shared directory."""

    @property
    def topic(self) -> str:
        """Under which workers tell what they have done."""
        return f"geppetto-{self.run}"


@attrs.frozen(kw_only=True)
class Shard:
    """
    The questions from *first* to *last*, by index, that are not answered.

    Bounds are multiples of the size, whatever was answered before: so a shard finds what an earlier run of it kept.
    """

    orders: Orders
    task: str
    """What dask calls this handing-out of it."""
    first: int
    last: int
    asks: tuple[Ask, ...] = attrs.field(repr=lambda asks: f"<{len(asks)} questions>")

    @property
    def name(self) -> str:
        """What it is called among the shards of its run."""
        return f"{self.first:06d}-{self.last:06d}"


class ShardFailed(Exception):
    """Why a shard could not be finished; it crosses the network. dask tries it again before anyone sees it."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence, status)
        self.sentence = sentence
        self.status = ExitStatus(status)

    @classmethod
    def of(cls, error: GeppettoError) -> ShardFailed:
        """Return what *error* is for the submitter."""
        return cls(str(error), int(error.status))

    @property
    def ending(self) -> Ending:
        """How it ends the run."""
        return Ending(self.status, self.sentence)


class ShardBug(Exception):
    """A programming error on a worker: its traceback as a text, without the worker's key."""


def settings_of(config: ClientConfig, *, proxy: str | None) -> dict[str, object]:
    """
    Return the settings that go to workers: everything that is set, paths absolute.

    Not the key. And not the proxy of this machine: a worker finds its own, unless *proxy* is given by a flag.

    Raises:
        ConfigError: *proxy* holds a password, which would go through the scheduler.
    """
    if proxy and config.secrets[(config.api_key is not None) :]:
        msg = (
            "--proxy holds a password, which would go through the scheduler of the cluster. Set GEPPETTO_PROXY for "
            "the workers instead."
        )
        raise ConfigError(msg)
    settings: dict[str, object] = {}
    for setting in SETTINGS:
        value = getattr(config, setting.name)
        if setting.name in _PATHS and value is not None:
            value = Path(value).absolute()
        settings[setting.name] = value
    settings["proxy"] = proxy
    return settings


def shipped(ask: Ask) -> Ask:
    """Return *ask* as another machine can ask it: the path of a spoken question is absolute."""
    return ask if ask.audio_file is None else msgspec.structs.replace(ask, audio_file=ask.audio_file.absolute())
