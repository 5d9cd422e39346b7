"""
The flags of the command line, made from the tables of settings; `geppetto.cli.flags` has what commands get of them.

All of this is imported for `--help`, so it knows no more than click and the table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geppetto.cli.completion import COMPLETERS
from geppetto.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from geppetto.setting import Setting

    Command = Callable[..., None]


def _option(setting: Setting) -> Callable[[Command], Command]:
    """Return the option for one row of the table of settings."""
    if setting.kind is bool:
        return click.option(setting.flag, setting.name, is_flag=True, default=None, help=setting.help)
    kind: Any = click.Choice(setting.choices) if setting.choices else setting.kind
    if setting.kind is Path:
        kind = click.Path(path_type=Path)
    metavar = setting.metavar or {Path: "DIR", int: "N", float: "N"}.get(setting.kind)
    return click.option(
        setting.flag,
        setting.name,
        type=kind,
        default=None,
        metavar=metavar,
        help=setting.help,
        shell_complete=COMPLETERS.get(setting.name),
    )


_SERVER = (
    click.option(
        "--profile",
        metavar="NAME",
        default=None,
        help="Settings of [profile.NAME] in your files, or a provider such as xai.",
    ),
    click.option(
        "--offline",
        is_flag=True,
        default=None,
        envvar="GEPPETTO_OFFLINE",
        help="Talk to the embedded server: no key, no internet.",
    ),
    click.option(
        "--offline-lead",
        "offline_lead_s",
        type=click.FloatRange(min=0),
        default=None,
        metavar="N",
        help="Seconds of audio that the embedded server sends ahead of real time; 0 is no limit.  [default: 2.0]",
    ),
    click.option(
        "--key-env",
        metavar="NAME",
        envvar="GEPPETTO_KEY_ENV",
        shell_complete=COMPLETERS["key_env"],
        help="Variable that holds the key for the server of --url.",
    ),
    click.option(
        "--metrics",
        "metrics_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the figures as JSON.",
    ),
    click.option(
        "--quiet",
        "-q",
        is_flag=True,
        default=None,
        help="Only warnings and errors on stderr; of a script, one line for each question on stdout.",
    ),
    click.option(
        "--continue",
        "-c",
        "continue_last",
        is_flag=True,
        default=None,
        help="Go on with the last conversation of the chat.",
    ),
    click.option(
        "--plain",
        is_flag=True,
        default=None,
        envvar="GEPPETTO_PLAIN",
        help="At a terminal: plain lines, nothing is drawn anew. For screen readers.",
    ),
)
"""What every run takes beside the settings."""

_SCRIPT = (
    click.option("--json", "as_json", is_flag=True, default=None, help="One JSON object for each answer on stdout."),
    click.option(
        "--input",
        "input_format",
        type=click.Choice(["auto", "lines", "jsonl"]),
        default=None,
        help="What the questions are: lines, or JSON objects.  [default: auto]",
    ),
    click.option(
        "--jobs",
        "-j",
        type=int,
        default=None,
        metavar="N",
        help="Sessions side by side, each question in a fresh context.  [default: 1]",
    ),
    click.option("--independent", is_flag=True, default=None, help="Each question in a fresh context."),
    click.option(
        "--context",
        type=click.Choice(["conversation", "response", "session"]),
        default=None,
        help="What an answer knows of the others: all before it; nothing; nothing, in a session of its own.",
    ),
    click.option(
        "--unordered", is_flag=True, default=None, help="Results as they come, not in the order of the input."
    ),
    click.option(
        "--output-template",
        metavar="TEXT",
        default=None,
        help="Names of the audio files, such as {index:04d}-{slug}.",
    ),
    click.option(
        "--audio-out",
        type=click.Choice(["-"]),
        default=None,
        help="The audio on stdout as it arrives, the words on stderr.",
    ),
    click.option(
        "--audio-format",
        type=click.Choice(["pcm", "wav"]),
        default=None,
        help="What --audio-out writes: PCM16, mono, 24,000 Hz, bare or behind a WAV header.  [default: pcm]",
    ),
    click.option(
        "--manifest",
        type=click.Path(path_type=Path),
        default=None,
        metavar="FILE",
        help="One durable line for each answer.  [default: beside the audio, for more than one question]",
    ),
    click.option("--no-manifest", is_flag=True, default=None, help="Keep no manifest."),
    click.option(
        "--resume",
        is_flag=False,
        flag_value="",
        default=None,
        metavar="[ID]",
        help="Of a script: skip what its manifest has answers for. Of a chat: go on with conversation ID.",
    ),
    click.option(
        "--progress", is_flag=True, default=None, help="Show how far the run is, also where stderr is no terminal."
    ),
    click.option(
        "--dry-run", is_flag=True, default=None, help="Check the input, estimate tokens and cost, ask nothing."
    ),
    click.option("--max-cost", type=float, default=None, metavar="USD", help="Ask nothing more once this is spent."),
    click.option("--max-minutes", type=float, default=None, metavar="N", help="Ask nothing more after this time."),
    click.option("--expect", metavar="REGEX", default=None, help="What must be found in each answer."),
    click.option(
        "--max-first-audio-ms", type=float, default=None, metavar="N", help="How soon each answer must be heard."
    ),
    click.option(
        "--junit",
        type=click.Path(path_type=Path),
        default=None,
        metavar="FILE",
        help="Write the results for CI as XML.",
    ),
)
"""What scripted runs take beside that."""


def run_options(function: Command) -> Command:
    """Give a command the flags of all runs: the server, the script, the settings."""
    for option in reversed(_SERVER + _SCRIPT):
        function = option(function)
    for setting in reversed(SETTINGS):
        function = _option(setting)(function)
    return function


def setting_options(*names: str) -> Callable[[Command], Command]:
    """Return what gives a command the flags of those settings that *names* lists."""

    def give(function: Command) -> Command:
        for setting in reversed(SETTINGS):
            function = _option(setting)(function) if setting.name in names else function
        return function

    return give


def server_options(function: Command) -> Command:
    """Give a command the flags of all runs but those of the script: the server, the settings."""
    for option in reversed(_SERVER):
        function = option(function)
    for setting in reversed(SETTINGS):
        function = _option(setting)(function)
    return function
