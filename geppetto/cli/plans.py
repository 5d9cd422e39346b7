"""What the flags of a scripted run mean together, and which of them go against each other."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING

from geppetto.batch.checks import Checks
from geppetto.batch.plan import AHEAD, Plan
from geppetto.errors import ConfigError

if TYPE_CHECKING:
    from geppetto.batch.plan import Context
    from geppetto.cli.flags import ScriptFlags
    from geppetto.config import ClientConfig
    from geppetto.records.template import NameTemplate

_BOTH = "{} and {} go against each other. Leave out one of them."


def make_plan(flags: ScriptFlags, config: ClientConfig, *, single: bool, live: bool) -> Plan:
    """
    Return what *flags* mean.

    Args:
        flags: of the script.
        config: of its sessions.
        single: whether there is one question.
        live: whether its words are shown as they arrive.

    Raises:
        ConfigError: a value is wrong, or two go against each other.
    """
    _check(flags, config, single=single)
    jobs = 1 if flags.jobs is None else flags.jobs
    independent = flags.independent or jobs > 1
    apart: Context = "response" if config.protocol.out_of_band else "session"
    return Plan(
        jobs=jobs,
        context=flags.context or (apart if independent else "conversation"),
        ordered=not flags.unordered,
        checks=Checks(expect=flags.expect, max_first_audio_ms=flags.max_first_audio_ms),
        max_usd=None if flags.max_cost is None else Decimal(str(flags.max_cost)),
        max_s=None if flags.max_minutes is None else flags.max_minutes * 60,
        names=None if flags.output_template is None else _names(flags.output_template),
        words=live,
        sound=flags.audio_out is not None,
        # Else the line about one answer would stand between the words of the next.
        ahead=1 if live and _same_place() else AHEAD,
    )


def _names(template: str) -> NameTemplate:
    from geppetto.records.template import NameTemplate  # few runs have one

    return NameTemplate.parse(template)


def _check(flags: ScriptFlags, config: ClientConfig, *, single: bool) -> None:
    if flags.independent and flags.context == "conversation":
        raise ConfigError(_BOTH.format("--independent", "--context conversation"))
    if flags.context == "response" and not config.protocol.out_of_band:
        msg = f"{config.provider} puts every answer into the conversation. Use --context session."
        raise ConfigError(msg)
    if flags.audio_out is not None and flags.as_json:
        raise ConfigError("--json and --audio-out both want stdout. Leave out one of them.")
    if flags.audio_format is not None and flags.audio_out is None:
        raise ConfigError("--audio-format is the one of --audio-out, which is not given. Add `--audio-out -`.")
    if flags.audio_out is not None and config.modality == "text":
        raise ConfigError(_BOTH.format("--audio-out", "--modality text"))
    if flags.resume:
        msg = f"--resume {flags.resume} goes on with a conversation at a terminal. A manifest is named by --manifest."
        raise ConfigError(msg)
    if flags.resume is not None and flags.no_manifest:
        raise ConfigError("--resume needs the manifest that --no-manifest leaves out. Leave out one of them.")
    if flags.resume is not None and single and flags.manifest is None:
        raise ConfigError(
            "One question has no run to resume. Name a manifest with --manifest, or leave out --resume."
        )
    for name, limit in (("--max-cost", flags.max_cost), ("--max-minutes", flags.max_minutes)):
        if limit is not None and not 0 < limit < float("inf"):
            raise ConfigError(f"{name} is {limit:g}, but must be a number above zero.")
    for name, file in (("--manifest", flags.manifest), ("--junit", flags.junit)):
        if file is not None and file.is_dir():
            raise ConfigError(f"{name} {file} is a directory. Name a file.")


def _same_place() -> bool:
    """Return whether stdout and stderr are one terminal, or one file."""
    try:
        return os.path.sameopenfile(1, 2)
    except OSError:
        return False
