"""
Every setting of a session: its name, unit, default and where it came from.

The order is flag > `GEPPETTO_…` variable > default. `SETTINGS` is the one table that the flags, the variables and
`ClientConfig` are made from. Nothing here reads the environment: callers hand it in.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from geppetto.errors import ConfigError
from geppetto.realtime.dialects import DIALECTS
from geppetto.realtime.events import SessionSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.realtime.dialects import Dialect
    from geppetto.realtime.events import Modality

OPENAI_URL = "wss://api.openai.com/v1/realtime"
OPENAI_KEY_VARIABLE = "OPENAI_API_KEY"
DEFAULT_INSTRUCTIONS = (
    "You are a warm, cheerful companion who enjoys helping. Talk the way people talk: short sentences, plain "
    "words, a light touch. Answer the question first, then add what is useful, and say so when you don't know."
)


T = TypeVar("T", float, int, float | None, int | None)


def _check_url(_instance: object, _attribute: object, value: str) -> None:
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        msg = f"{value!r} is not a URL ({error}). It should look like {OPENAI_URL}."
        raise ConfigError(msg) from error
    if parts.scheme not in {"ws", "wss"} or not host:
        msg = f"{value!r} is not a WebSocket URL. It should look like {OPENAI_URL}."
        raise ConfigError(msg)
    if any(character.isspace() or not character.isprintable() for character in value):
        msg = f"{value!r} holds characters that no URL has. It should look like {OPENAI_URL}."
        raise ConfigError(msg)
    if parts.username is not None or parts.password is not None:
        msg = "The URL holds a user name or a password. Leave them out: the key goes in a variable (--key-env)."
        raise ConfigError(msg)


def _number(low: float, high: float, *, above: bool = False) -> Callable[[object, attrs.Attribute[T], T], None]:
    """Return a validator for a finite number from *low* (or above it) to *high*."""

    def check(_instance: object, attribute: attrs.Attribute[T], value: T) -> None:
        if value is None:
            return
        too_low = value <= low if above else value < low
        if not math.isfinite(value) or too_low or value > high:
            lower = f"more than {low:g}" if above else f"{low:g}"
            msg = f"{attribute.name} is {value:g}, but must be from {lower} to {high:g}."
            raise ConfigError(msg)

    return check


def _one_of(*choices: str) -> Callable[[object, attrs.Attribute[str], str], None]:
    def check(_instance: object, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in choices:
            msg = f"{attribute.name} is {value!r}, but must be one of: {', '.join(choices)}."
            raise ConfigError(msg)

    return check


def _check_key(_instance: object, _attribute: object, value: str | None) -> None:
    if value is not None and (not value or not value.isascii() or not value.isprintable() or " " in value):
        msg = "The key is empty or holds spaces, line breaks or characters beyond ASCII. Copy it again."
        raise ConfigError(msg)  # never with the key itself


_DAY_S = 86_400.0


@attrs.frozen(kw_only=True)
class ClientConfig:
    """
    Every setting of a session. `ClientConfig()` has the defaults; it holds no key, so OpenAI would refuse it.

    Raises:
        ConfigError: a value is out of its range; the sentence names it.
    """

    url: str = attrs.field(default=OPENAI_URL, validator=_check_url)
    """`ws://` or `wss://`; `model` is added to its query unless it is there."""
    api_key: str | None = attrs.field(default=None, repr=False, validator=_check_key)
    """Sent as `Authorization: Bearer` to `url`, and nowhere else. Never in a repr, a log or an error."""
    dialect: Literal["ga", "beta"] = attrs.field(default="ga", validator=_one_of(*DIALECTS))
    model: str | None = None
    """None is the dialect's default model."""
    modality: Modality = attrs.field(default="audio", validator=_one_of("audio", "text"))
    """`audio` brings the transcript with it."""
    voice: str | None = None
    """None is the dialect's default voice; empty leaves it to the server."""
    instructions: str = DEFAULT_INSTRUCTIONS
    speed: float | None = attrs.field(default=None, validator=_number(0.25, 1.5))
    temperature: float | None = attrs.field(default=None, validator=_number(0.0, 2.0))
    """Beta only; None is its usual 0.8."""
    max_output_tokens: int | None = attrs.field(default=None, validator=_number(1, 1_000_000))
    """Of one answer; None is no limit."""

    connect_timeout: float = attrs.field(default=15.0, validator=_number(0, _DAY_S, above=True))
    """Seconds for TCP, TLS and the opening handshake together, and again for `session.created`."""
    read_timeout: float = attrs.field(default=60.0, validator=_number(0, _DAY_S, above=True))
    """Seconds that an answer may stall."""
    write_timeout: float = attrs.field(default=10.0, validator=_number(0, _DAY_S, above=True))
    """Seconds for one message to be taken by the network, one piece by the disk or the terminal."""
    ping_interval: float = attrs.field(default=20.0, validator=_number(0, _DAY_S, above=True))
    """Seconds between pings."""
    pong_timeout: float = attrs.field(default=60.0, validator=_number(0, _DAY_S, above=True))
    """Seconds that a pong may take."""
    shutdown_timeout: float = attrs.field(default=5.0, validator=_number(0, 3600, above=True))
    """Seconds that the whole shutdown may take: files, screen, Close frame, log."""
    max_retries: int = attrs.field(default=3, validator=_number(1, 1000))
    """How many times a connection is tried."""
    buffer_size: int = attrs.field(default=100, validator=_number(1, 100_000))
    """How many messages each channel between two tasks holds."""
    max_message_bytes: int = attrs.field(default=64 * 1024 * 1024, validator=_number(1024, 1 << 31))
    """The largest WebSocket message that is accepted."""

    audio_output_dir: Path = attrs.field(default=Path("audio_output"), converter=Path)
    log_dir: Path = attrs.field(default=Path("logs"), converter=Path)
    log_audio: bool = False
    """Keep audio payloads in the wire log instead of `[trimmed: N bytes]`."""

    def __attrs_post_init__(self) -> None:
        """Check what one field cannot know alone."""
        if self.temperature is not None and self.protocol.default_temperature is None:
            msg = "temperature is set, but the GA dialect has none. Leave it out, or use --dialect beta."
            raise ConfigError(msg)

    @property
    def protocol(self) -> Dialect:
        """The dialect as an object."""
        return DIALECTS[self.dialect]

    @property
    def endpoint(self) -> str:
        """The URL with the model in its query."""
        parts = urlsplit(self.url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        if self.model is not None:
            query = [(name, value) for name, value in query if name != "model"]
        named = {name for name, _ in query}
        if self.model is not None or not named & {"model", "deployment", "call_id"}:
            query.append(("model", self.model or self.protocol.default_model))
        return urlunsplit(parts._replace(query=urlencode(query), fragment=""))

    @property
    def host(self) -> str:
        """`host` or `host:port`, as sentences name the server."""
        return urlsplit(self.url).netloc

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


@attrs.frozen(kw_only=True)
class Setting:
    """One row of the table: a field of `ClientConfig` that users can set."""

    name: str
    kind: type
    help: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """`--read-timeout`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """`GEPPETTO_READ_TIMEOUT`."""
        return "GEPPETTO_" + self.name.upper()


SETTINGS: tuple[Setting, ...] = (
    Setting(name="url", kind=str, help="Server to talk to (ws:// or wss://)."),
    Setting(name="model", kind=str, help="Model; the dialect has a default."),
    Setting(name="dialect", kind=str, help="Generation of the API.", choices=tuple(DIALECTS)),
    Setting(name="modality", kind=str, help="Answer with voice and text, or text.", choices=("audio", "text")),
    Setting(name="voice", kind=str, help="Voice of the answers, such as marin; empty: the server's."),
    Setting(name="instructions", kind=str, help="How the model should behave."),
    Setting(name="speed", kind=float, help="Speed of the voice, 0.25 to 1.5."),
    Setting(name="temperature", kind=float, help="Sampling temperature (beta dialect)."),
    Setting(name="max_output_tokens", kind=int, help="Longest answer, in tokens."),
    Setting(name="connect_timeout", kind=float, help="Seconds for the connection to stand."),
    Setting(name="read_timeout", kind=float, help="Seconds that an answer may stall."),
    Setting(name="write_timeout", kind=float, help="Seconds for one message or piece to be taken."),
    Setting(name="ping_interval", kind=float, help="Seconds between pings."),
    Setting(name="pong_timeout", kind=float, help="Seconds that a pong may take."),
    Setting(name="shutdown_timeout", kind=float, help="Seconds that the shutdown may take."),
    Setting(name="max_retries", kind=int, help="How many times a connection is tried."),
    Setting(name="buffer_size", kind=int, help="Messages that each channel holds."),
    Setting(name="max_message_bytes", kind=int, help="Largest message that is accepted."),
    Setting(name="audio_output_dir", kind=Path, help="Where WAVs and transcripts go."),
    Setting(name="log_dir", kind=Path, help="Where wire logs go."),
    Setting(name="log_audio", kind=bool, help="Keep audio payloads in the wire log."),
)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _parse(setting: Setting, text: str) -> object:
    """Return the value of an environment variable."""
    if setting.kind is bool:
        lowered = text.strip().lower()
        if lowered not in _TRUE | _FALSE:
            msg = f"{setting.variable} is {text!r}, but must be one of: 1, 0, true, false."
            raise ConfigError(msg)
        return lowered in _TRUE
    try:
        return cast("Callable[[str], object]", setting.kind)(text)
    except ValueError as error:
        kind = "a whole number" if setting.kind is int else "a number"
        msg = f"{setting.variable} is {text!r}, but must be {kind}."
        raise ConfigError(msg) from error


def load_config(
    flags: Mapping[str, object], environ: Mapping[str, str], *, key_env: str | None = None
) -> ClientConfig:
    """
    Return the configuration of one run.

    The key comes from the variable that *key_env* names; without it from `OPENAI_API_KEY`, but only for
    api.openai.com over TLS: a key goes to the host it is for, and no other.

    Args:
        flags: by field name; None and missing mean "not given".
        environ: the process environment.

    Raises:
        ConfigError: a value is wrong, or the variable that *key_env* names is not set.
    """
    values: dict[str, object] = {}
    for setting in SETTINGS:
        given = flags.get(setting.name)
        if given is None:
            text = environ.get(setting.variable, "")
            given = _parse(setting, text) if text else None
        if given is not None:
            values[setting.name] = given
    config = ClientConfig(**values)  # type: ignore[arg-type]  # the table's kinds are the fields' types; a test checks it
    return attrs.evolve(config, api_key=_find_key(config, environ, key_env))


def _find_key(config: ClientConfig, environ: Mapping[str, str], key_env: str | None) -> str | None:
    parts = urlsplit(config.url)
    if key_env is not None:
        key = environ.get(key_env, "").strip()
        if not key:
            msg = f"The variable {key_env}, which --key-env names, is not set. Set it to the key of {config.host}."
            raise ConfigError(msg)
        if parts.scheme == "ws" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
            msg = f"A key would go to {config.host} unencrypted. Use a wss:// address."
            raise ConfigError(msg)
        return key
    if parts.scheme == "wss" and parts.hostname == urlsplit(OPENAI_URL).hostname:
        key = environ.get(OPENAI_KEY_VARIABLE, "").strip()
        if not key:
            msg = f"{OPENAI_KEY_VARIABLE} is not set. Set it, or try `geppetto --offline`, which needs no key."
            raise ConfigError(msg)
        return key
    return None
