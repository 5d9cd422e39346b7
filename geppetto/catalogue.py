"""
The models and voices that are known without asking anybody, with the day on which they were checked.

Only for people to choose from: both are open lists, and whatever is asked for goes to the server as it is.

Source: OpenAI's list of realtime models, voices and deprecations, and xAI's voice list, as of `CHECKED`.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

if TYPE_CHECKING:
    from geppetto.config import ClientConfig

CHECKED: Final = date(2026, 11, 21)
"""The day on which this page was compared with its sources."""
_SUCCESSOR_DAY: Final = date(2027, 1, 20)
_BETA_ENDED: Final = date(2026, 5, 12)


@attrs.frozen(kw_only=True)
class Model:
    """A model that converses over the Realtime protocol."""

    name: str
    provider: str = "openai"
    note: str = ""
    shuts_down: date | None = None
    """The day that its provider has announced, also one that has passed."""


@attrs.frozen(kw_only=True)
class Voice:
    """A voice of a provider."""

    name: str
    provider: str
    dialects: tuple[str, ...]
    """The generations of the API that have it."""
    note: str = ""

    @property
    def ga_only(self) -> bool:
        """Whether the beta has no such voice."""
        return self.dialects == ("ga",)


MODELS: Final = (
    Model(name="gpt-realtime-2.1", note="128k tokens of context; the default"),
    Model(name="gpt-realtime-2.1-mini", note="128k tokens of context; the cheapest"),
    Model(name="gpt-realtime-2", note="128k tokens of context"),
    Model(name="gpt-realtime-1.5", note="32k tokens of context"),
    Model(name="gpt-realtime", note="32k tokens of context; then gpt-realtime-2.1", shuts_down=_SUCCESSOR_DAY),
    Model(name="gpt-realtime-2025-08-28", note="snapshot of gpt-realtime", shuts_down=_SUCCESSOR_DAY),
    Model(
        name="gpt-realtime-mini",
        note="32k tokens of context; then gpt-realtime-2.1-mini",
        shuts_down=_SUCCESSOR_DAY,
    ),
    Model(name="gpt-realtime-mini-2025-10-06", note="snapshot of gpt-realtime-mini", shuts_down=_SUCCESSOR_DAY),
    Model(name="gpt-realtime-mini-2025-12-15", note="snapshot of gpt-realtime-mini", shuts_down=_SUCCESSOR_DAY),
    Model(name="gpt-4o-realtime-preview", note="beta", shuts_down=_BETA_ENDED),
    Model(name="gpt-4o-mini-realtime-preview", note="beta", shuts_down=_BETA_ENDED),
    Model(name="grok-voice-latest", provider="xai"),
    Model(name="grok-voice-think-fast-2.0", provider="xai"),
)

VOICES: Final = (
    Voice(name="marin", provider="openai", dialects=("ga",), note="recommended; the default of GA"),
    Voice(name="cedar", provider="openai", dialects=("ga",), note="recommended"),
    Voice(name="alloy", provider="openai", dialects=("ga", "beta"), note="the default of the beta"),
    *(
        Voice(name=name, provider="openai", dialects=("ga", "beta"))
        for name in ("ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
    ),
    Voice(name="eve", provider="xai", dialects=("ga",), note="its default"),
    *(Voice(name=name, provider="xai", dialects=("ga",)) for name in ("ara", "rex", "sal", "leo")),
)

_NAMED: Final = {"openai": "openai", "azure": "openai", "xai": "xai"}
_PROVIDERS: Final = {
    "api.openai.com": "openai",
    ".api.openai.com": "openai",
    ".openai.azure.com": "openai",
    "api.x.ai": "xai",
}
"""By host, or by the end of one. Azure has OpenAI's models, under the names of its deployments."""


def provider_of(config: ClientConfig) -> str | None:
    """Return whose models and voices the server of *config* has; None is not known."""
    if config.provider is not None and config.provider.partition("-")[0] in _NAMED:
        return _NAMED[config.provider.partition("-")[0]]
    host = (urlsplit(config.url).hostname or "").rstrip(".")
    return next(
        (
            provider
            for name, provider in _PROVIDERS.items()
            if host == name or (name.startswith(".") and host.endswith(name))
        ),
        None,
    )


def is_realtime_model(name: str) -> bool:
    """Return whether *name* sounds like a model that converses over the Realtime protocol."""
    lowered = name.lower()
    other = any(word in lowered for word in ("whisper", "transcribe", "translate"))
    return not other and any(word in lowered for word in ("realtime", "grok-voice"))
