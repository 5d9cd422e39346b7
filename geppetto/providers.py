"""
Servers that need no introduction: where each is, how it takes a key, and how it differs from OpenAI's.

Source: the vendors' references and recorded sessions, as of 2026-11. Names of variables are those that the vendors'
own programs read, where they have any.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import msgspec

from geppetto.errors import ConfigError
from geppetto.keys import server_of
from geppetto.realtime.compatible import AZURE, HUGGINGFACE, LOCALAI, SPEACHES, XAI
from geppetto.realtime.dialects import BETA, GA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.realtime.dialects import Dialect

OPENAI_URL: Final = "wss://api.openai.com/v1/realtime"
OPENAI_KEY_VARIABLE: Final = "OPENAI_API_KEY"
OFFLINE_URL: Final = "ws://127.0.0.1/v1/realtime"
"""Of the embedded server, until it has its port."""
_PLACEHOLDER: Final = r"\{([a-z_]+)\}"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
"""One label of a host name, so that what fills a placeholder can't make another host of it. Source: RFC 1123, 2.1."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A server, or a kind of server, that is known by name."""

    name: str
    what: str
    """What it is, for people."""
    url: str
    """With `{placeholders}` where each account has a host of its own."""
    dialect: Dialect = GA
    key_variable: str | None = None
    auth: Literal["bearer", "api-key"] = "bearer"
    own: bool = False
    """Whether people run it themselves: then its key goes to wherever they say that it is."""
    model_is: str = ""
    """What a model is called there, if each server has its own and one must be named; empty if there is a default."""
    model_parameter: str = "model"
    """The parameter of the query that names the model."""
    always_speaks: bool = False
    opening_s: float = 0.0
    """How long a session may take to open there, in seconds, if that is longer than `connect_timeout`."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What has to be filled in: `("resource",)`."""
        return tuple(re.findall(_PLACEHOLDER, self.url))

    def fill(self, values: Mapping[str, object]) -> str:
        """
        Return the URL, its placeholders filled from *values*.

        Raises:
            ConfigError: one is missing, or is not one label of a host name.
        """
        url = self.url
        for name in self.placeholders:
            value = values.get(name)
            if value is None:
                msg = (
                    f'The provider {self.name} needs {name}: its address is {self.url}. Say {name} = "…" in the '
                    f"table [profile.{self.name}] of your settings (`geppetto config edit`), or name the --url."
                )
                raise ConfigError(msg)
            url = url.replace(f"{{{name}}}", check_label(name, str(value)))
        return url

    def serves(self, url: str) -> bool:
        """Return whether *url* is at a host of this provider: for one that people run, where it is by default."""
        if self.own:
            return server_of(url) == server_of(self.url)
        host = re.escape(urlsplit(self.url).netloc)
        pattern = re.sub(r"\\\{[a-z_]+\\\}", lambda _: _LABEL, host)
        return re.fullmatch(pattern, urlsplit(url).hostname or "", re.IGNORECASE) is not None

    def auth_header(self, key: str) -> tuple[str, str]:
        """Return the header of the opening handshake that shows *key*."""
        return ("api-key", key) if self.auth == "api-key" else ("Authorization", f"Bearer {key}")


def check_label(name: str, value: str) -> str:
    """
    Return *value*, which fills the placeholder *name*.

    Raises:
        ConfigError: it is more than one label of a host name.
    """
    if not re.fullmatch(_LABEL, value):
        msg = f"{name} is {value[:80]!r}, but must be one part of a host name: letters, digits, hyphens."
        raise ConfigError(msg)
    return value


_ALL: Final = (
    Provider(name="openai", what="OpenAI", url=OPENAI_URL, key_variable=OPENAI_KEY_VARIABLE),
    Provider(
        # An api-version in the query would be answered by 401.
        name="azure",
        what="Azure OpenAI, GA",
        url="wss://{resource}.openai.azure.com/openai/v1/realtime",
        dialect=AZURE,
        key_variable="AZURE_OPENAI_API_KEY",
        auth="api-key",
        model_is="deployment",
    ),
    Provider(
        name="azure-preview",
        what="Azure OpenAI, preview of 2025-04-01",
        url="wss://{resource}.openai.azure.com/openai/realtime?api-version=2025-04-01-preview",
        dialect=BETA,
        key_variable="AZURE_OPENAI_API_KEY",
        auth="api-key",
        model_is="deployment",
        model_parameter="deployment",
    ),
    Provider(
        name="xai",
        what="xAI Grok Voice",
        url="wss://api.x.ai/v1/realtime",
        dialect=XAI,
        key_variable="XAI_API_KEY",
        always_speaks=True,
    ),
    Provider(
        name="localai",
        what="LocalAI on this machine",
        url="ws://localhost:8080/v1/realtime",
        dialect=LOCALAI,
        key_variable="LOCALAI_API_KEY",
        own=True,
        model_is="pipeline",
        opening_s=300.0,  # it loads its models first
    ),
    Provider(
        name="speaches",
        what="speaches on this machine",
        url="ws://localhost:8000/v1/realtime",
        dialect=SPEACHES,
        key_variable="SPEACHES_API_KEY",
        own=True,
        model_is="language model",
    ),
    Provider(
        name="huggingface",
        what="Hugging Face speech-to-speech on this machine",
        url="ws://127.0.0.1:8765/v1/realtime",
        dialect=HUGGINGFACE,
        own=True,
    ),
    Provider(
        name="litellm",
        what="LiteLLM proxy on this machine",
        url="ws://localhost:4000/v1/realtime",
        key_variable="LITELLM_PROXY_API_KEY",
        own=True,
        model_is="model",
    ),
    Provider(name="offline", what="the embedded server: no key, no internet", url=OFFLINE_URL),
)
PROVIDERS: Final[Mapping[str, Provider]] = {provider.name: provider for provider in _ALL}
UNKNOWN: Final = Provider(name="", what="a server by its address", url=OPENAI_URL)
"""Any other server: a bearer token, and the dialect as it is written."""
