"""
Every setting, as users give it: by a flag, by a variable, or in a file.

`SETTINGS` is the one table that the flags, the variables, the files and `ClientConfig` are made from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class Setting(NamedTuple):
    """
    One row of the table: a field of `ClientConfig` that users can set.

    The help is made from these, and does without the 25 ms in which attrs is imported.
    """

    name: str
    kind: type
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    """What the value is called in the help, where its kind does not tell."""

    @property
    def flag(self) -> str:
        """`--read-timeout`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """`GEPPETTO_READ_TIMEOUT`."""
        return "GEPPETTO_" + self.name.upper()

    def parse(self, text: str) -> object:
        """
        Return the value of an environment variable.

        Raises:
            ConfigError: *text* is none.
        """
        from geppetto.errors import ConfigError  # not for --help, as above

        if self.kind is bool:
            lowered = text.strip().lower()
            if lowered not in _TRUE | _FALSE:
                msg = f"{self.variable} is {text!r}, but must be one of: 1, 0, true, false."
                raise ConfigError(msg)
            return lowered in _TRUE
        try:
            return cast("Callable[[str], object]", self.kind)(text)
        except ValueError as error:
            kind = "a whole number" if self.kind is int else "a number"
            msg = f"{self.variable} is {text!r}, but must be {kind}."
            raise ConfigError(msg) from error


_PROVIDERS: Final = (
    "openai",
    "azure",
    "azure-preview",
    "xai",
    "localai",
    "speaches",
    "huggingface",
    "litellm",
    "offline",
)
"""The names in `geppetto.providers.PROVIDERS`, which a test compares: the help does without the protocol."""

SETTINGS: tuple[Setting, ...] = (
    Setting(name="provider", kind=str, help="Server that is known by name.", choices=_PROVIDERS),
    Setting(name="url", kind=str, help="Server to talk to (ws:// or wss://)."),
    Setting(name="proxy", kind=str, metavar="URL", help="Proxy to go through (http, https, socks5, socks5h)."),
    Setting(name="ca_file", kind=Path, metavar="FILE", help="More authorities to trust (PEM)."),
    Setting(name="model", kind=str, help="Model; the dialect has a default."),
    Setting(name="dialect", kind=str, help="Generation of the API.", choices=("ga", "beta")),
    Setting(name="modality", kind=str, help="Answer with voice and text, or text.", choices=("audio", "text")),
    Setting(name="voice", kind=str, help="Voice of the answers, such as marin; empty: the server's."),
    Setting(name="instructions", kind=str, help="How the model should behave."),
    Setting(name="transcription_model", kind=str, help="Model that writes down spoken questions; empty: none."),
    Setting(name="speed", kind=float, help="Speed of the voice, 0.25 to 1.5."),
    Setting(name="temperature", kind=float, help="Sampling temperature (beta dialect)."),
    Setting(name="max_output_tokens", kind=int, help="Longest answer, in tokens."),
    Setting(name="connect_timeout", kind=float, help="Seconds for the connection to stand."),
    Setting(name="read_timeout", kind=float, help="Seconds that an answer may stall."),
    Setting(name="write_timeout", kind=float, help="Seconds for one message or piece to be taken."),
    Setting(name="ping_interval", kind=float, help="Seconds between pings."),
    Setting(name="pong_timeout", kind=float, help="Seconds that a pong may take."),
    Setting(name="shutdown_timeout", kind=float, help="Seconds that the shutdown may take."),
    Setting(name="max_retries", kind=int, help="Tries in a row for a connection; 0: no reconnect."),
    Setting(name="buffer_size", kind=int, help="Messages that each channel holds."),
    Setting(name="history_budget", kind=int, help="Characters of history told to a new session."),
    Setting(name="rollover_margin", kind=float, help="Seconds before the session limit to reconnect."),
    Setting(name="max_message_bytes", kind=int, help="Largest message that is accepted."),
    Setting(name="audio_output_dir", kind=Path, help="Where WAVs and transcripts go."),
    Setting(name="log_dir", kind=Path, help="Where wire logs go."),
    Setting(name="prices_file", kind=Path, metavar="FILE", help="Prices of models (TOML), before the known ones."),
    Setting(name="no_memory", kind=bool, help="Keep no record of the chat for later."),
    Setting(name="log_audio", kind=bool, help="Keep audio payloads in the wire log."),
    Setting(name="shared_files", kind=bool, help="Leave it to the umask who may read the files."),
    Setting(name="insecure_key", kind=bool, help="Send the key over ws:// to another machine, too."),
)
