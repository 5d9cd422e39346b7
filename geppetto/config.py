"""
Every setting of a session: its name, unit, default and where it came from.

The order is flag > `GEPPETTO_…` variable > `./geppetto.toml` > user's file > provider > default. Nothing here reads
the environment: callers hand it in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from geppetto import validators
from geppetto.connection.proxy import parse_proxy, proxy_secrets, shown_proxy
from geppetto.errors import ConfigError
from geppetto.keys import travels_openly
from geppetto.providers import OPENAI_KEY_VARIABLE as OPENAI_KEY_VARIABLE
from geppetto.providers import OPENAI_URL as OPENAI_URL
from geppetto.providers import PROVIDERS, UNKNOWN
from geppetto.realtime.client_events import SessionSettings
from geppetto.realtime.dialects import DIALECTS
from geppetto.records.modes import PRIVATE, FileModes
from geppetto.redaction import Redactor
from geppetto.setting import SETTINGS as SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.keystore.store import KeyStore
    from geppetto.providers import Provider
    from geppetto.realtime.client_events import Modality
    from geppetto.realtime.dialects import Dialect
    from geppetto.settings.layers import Files
    from geppetto.settings.source import Source

DEFAULT_INSTRUCTIONS = (
    "You are a warm, cheerful companion who enjoys helping. Talk the way people talk: short sentences, plain "
    "words, a light touch. Answer the question first, then add what is useful, and say so when you don't know."
)


@attrs.frozen(kw_only=True)
class ClientConfig:
    """
    Every setting of a session. `ClientConfig()` has the defaults; it holds no key, so OpenAI would refuse it.

    Raises:
        ConfigError: a value is out of its range; the sentence names it.
    """

    provider: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(validators.one_of(*PROVIDERS))
    )
    """A server that is known by name: its address, its header for the key, its dialect and ways; None: by `url`."""
    url: str = attrs.field(
        default=attrs.Factory(lambda self: self.served_by.fill({}), takes_self=True),
        validator=validators.websocket_url,
    )
    """`ws://` or `wss://`; `model` is added to its query unless it is there. By default the provider's."""
    api_key: str | None = attrs.field(default=None, repr=False, validator=validators.key)
    """Sent to `url` in the header that the provider wants, and nowhere else. Never in a repr, a log or an error."""
    insecure_key: bool = False
    """Let the key go over `ws://` to another machine, where everyone on the way can read it."""
    proxy: str | None = attrs.field(
        default=None, converter=validators.given_or_none, validator=validators.proxy, repr=shown_proxy
    )
    """`http://`, `https://`, `socks5://` or `socks5h://`, with credentials; None is directly."""
    ca_file: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))
    """PEM file with authorities to trust besides the default ones."""
    dialect: Literal["ga", "beta"] = attrs.field(
        default=attrs.Factory(lambda self: self.served_by.dialect.name, takes_self=True),
        validator=validators.one_of(*DIALECTS),
    )
    model: str | None = None
    """None is the dialect's default model."""
    modality: Modality = attrs.field(default="audio", validator=validators.one_of("audio", "text"))
    """`audio` brings the transcript with it."""
    voice: str | None = None
    """None is the dialect's default voice; empty leaves it to the server."""
    instructions: str = DEFAULT_INSTRUCTIONS
    transcription_model: str | None = None
    """Writes down what is said in spoken questions. None is the dialect's default model; empty switches it off."""
    speed: float | None = attrs.field(default=None, validator=validators.number(0.25, 1.5))
    temperature: float | None = attrs.field(default=None, validator=validators.number(0.0, 2.0))
    """Beta only; None is its usual 0.8."""
    max_output_tokens: int | None = attrs.field(default=None, validator=validators.number(1, 1_000_000))
    """Of one answer; None is no limit."""

    connect_timeout: float = attrs.field(default=15.0, validator=validators.number(0, validators.DAY_S, above=True))
    """Seconds for TCP, TLS and the opening handshake together, and again for `session.created`."""
    read_timeout: float = attrs.field(default=60.0, validator=validators.number(0, validators.DAY_S, above=True))
    """Seconds that an answer may stall."""
    write_timeout: float = attrs.field(default=10.0, validator=validators.number(0, validators.DAY_S, above=True))
    """Seconds for one message to be taken by the network, one piece by the disk or the terminal."""
    ping_interval: float = attrs.field(default=20.0, validator=validators.number(0, validators.DAY_S, above=True))
    """Seconds between pings."""
    pong_timeout: float = attrs.field(default=60.0, validator=validators.number(0, validators.DAY_S, above=True))
    """Seconds that a pong may take."""
    shutdown_timeout: float = attrs.field(default=5.0, validator=validators.number(0, 3600, above=True))
    """Seconds that the whole shutdown may take: files, screen, Close frame, log."""
    max_retries: int = attrs.field(default=3, validator=validators.number(0, 1000))
    """How many times in a row a connection is tried, and a rate-limited answer; 0 is once, with no reconnect."""
    buffer_size: int = attrs.field(default=100, validator=validators.number(1, 100_000))
    """How many messages each channel between two tasks holds."""
    history_budget: int = attrs.field(default=100_000, validator=validators.number(0, 100_000_000))
    """Characters of the conversation that a new session is told after a reconnect; older ones are cut."""
    rollover_margin: float = attrs.field(default=120.0, validator=validators.number(0, validators.DAY_S))
    """Seconds before the server's time limit at which the connection is replaced, between two answers."""
    max_message_bytes: int = attrs.field(default=64 * 1024 * 1024, validator=validators.number(1024, 1 << 31))
    """The largest WebSocket message that is accepted."""

    prices_file: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))
    """TOML file with prices that go before those that Geppetto knows; see docs/pricing.md."""

    audio_output_dir: Path = attrs.field(default=Path("audio_output"), converter=Path)
    log_dir: Path = attrs.field(default=Path("logs"), converter=Path)
    no_memory: bool = False
    """Keep nothing of a chat in the database of conversations."""
    log_audio: bool = False
    """Keep audio payloads in the wire log instead of `[trimmed: N bytes]`."""
    shared_files: bool = False
    """Leave it to the umask who may read the files, instead of keeping them for the user alone."""

    sources: Mapping[str, Source] = attrs.field(factory=dict, eq=False, repr=False)
    """Where each setting came from, and the key, by name; only what `load_config` made has it."""

    def __attrs_post_init__(self) -> None:
        """Check what one field cannot know alone."""
        if self.temperature is not None and self.protocol.default_temperature is None:
            msg = "temperature is set, but the GA dialect has none. Leave it out, or use --dialect beta."
            raise ConfigError(msg)
        if self.modality == "text" and self.served_by.always_speaks:
            msg = f"{self.provider} always speaks. Leave out --modality text."
            raise ConfigError(msg)
        plain = urlsplit(self.url).scheme == "ws"
        if self.proxy is not None and self.api_key is not None and plain and not self.insecure_key:
            msg = (
                f"The key for {self.host} would go through the proxy {parse_proxy(self.proxy).shown} unencrypted. "
                "Use a wss:// address, or leave out the proxy."
            )
            raise ConfigError(msg)
        if self.api_key is not None and not self.insecure_key and travels_openly(self.url):
            msg = (
                f"A key would go to {self.host} unencrypted. Use a wss:// address, or --insecure-key if everyone on "
                "the way may read it."
            )
            raise ConfigError(msg)

    @property
    def protocol(self) -> Dialect:
        """The dialect as an object, with the provider's ways."""
        theirs = self.served_by.dialect
        return theirs if theirs.name == self.dialect else DIALECTS[self.dialect]

    @property
    def served_by(self) -> Provider:
        """The provider as an object."""
        return PROVIDERS.get(self.provider or "", UNKNOWN)

    @property
    def model_name(self) -> str:
        """The model that is asked for: the setting, or what the URL names, or the dialect's default."""
        named = dict(parse_qsl(urlsplit(self.url).query))
        return self.model or named.get("model") or named.get("deployment") or self.protocol.default_model

    @property
    def endpoint(self) -> str:
        """The URL with the model in its query."""
        parts = urlsplit(self.url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        parameter = self.served_by.model_parameter
        if self.model is not None:
            query = [(name, value) for name, value in query if name != parameter]
        named = {name for name, _ in query}
        if self.model is not None or not named & {"model", "deployment", "call_id"}:
            query.append((parameter, self.model or self.protocol.default_model))
        return urlunsplit(parts._replace(query=urlencode(query, errors="replace"), fragment=""))

    @property
    def opening_timeout(self) -> float:
        """Seconds from the handshake to `session.created`."""
        return max(self.connect_timeout, self.served_by.opening_s)

    @property
    def host(self) -> str:
        """`host` or `host:port`, as sentences name the server."""
        return urlsplit(self.url).netloc

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key and the proxy's password, which nobody may see who does not need them."""
        return (*(() if self.api_key is None else (self.api_key,)), *proxy_secrets(self.proxy))

    @property
    def redactor(self) -> Redactor:
        """What takes the secrets out of a text that the server, or a bug, may have put them into."""
        return Redactor.of(self.secrets)

    @property
    def file_modes(self) -> FileModes:
        """The permissions of logs, transcripts, WAVs and figures, and of their directories."""
        return FileModes.shared() if self.shared_files else PRIVATE

    @property
    def transcribes_with(self) -> str | None:
        """The model that writes down spoken questions; None for none."""
        chosen = self.transcription_model
        return (self.protocol.default_transcription_model if chosen is None else chosen) or None

    @property
    def session_settings(self) -> SessionSettings:
        """What `session.update` carries."""
        return SessionSettings(
            modality=self.modality,
            instructions=self.instructions,
            voice=(self.protocol.default_voice if self.voice is None else self.voice) or None,
            speed=self.speed,
            max_output_tokens=self.max_output_tokens,
            temperature=self.protocol.default_temperature if self.temperature is None else self.temperature,
        )


def load_config(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    key_env: str | None = None,
    stored_keys: KeyStore | None = None,
    files: Files | None = None,
    profile: str | None = None,
    needs_key: bool = True,
) -> ClientConfig:
    """
    Return the configuration of one run.

    The key comes from the variable that *key_env* names; without it from the one that the user's file names for its
    server, or that the provider is known for (`OPENAI_API_KEY` for api.openai.com); without that from *stored_keys*,
    for exactly this host and port. A key goes to the host it is for, and no other: the file of a directory never
    leads one elsewhere.

    The proxy is the one of the setting, which an empty flag switches off; without it, the one that `proxy_for`
    finds. From the environment and from files none is taken for a server on this machine.

    Args:
        flags: by field name; None and missing mean "not given".
        environ: the process environment.
        stored_keys: read only if no variable has the key, which blocks; None: no key is stored.
        files: what `geppetto.settings.loading.read_files` read; None: there are none.
        profile: the one of `--profile`, before that of `GEPPETTO_PROFILE` and those of the files.
        needs_key: False for whoever does not connect: no key is looked for.

    Raises:
        ConfigError: a value is wrong, there is no such profile, a variable that was named for the key is not set, the
            key would go over the network unencrypted, or the stored keys cannot be trusted.
    """
    from geppetto.settings.loading import load  # which makes a ClientConfig

    return load(
        flags,
        environ,
        key_env=key_env,
        stored_keys=stored_keys,
        files=files,
        profile=profile,
        needs_key=needs_key,
    )
