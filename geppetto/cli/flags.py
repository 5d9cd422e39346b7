"""What commands get of the flags: the server that is meant, and what was said of the script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from geppetto.cli.servers import Target
from geppetto.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geppetto.batch.plan import Context
    from geppetto.batch.questions import InputFormat


class ScriptFlags(msgspec.Struct, frozen=True, kw_only=True):
    """The flags of a scripted run, by the names in `geppetto.cli.options`; None is not given."""

    as_json: bool | None = None
    input_format: InputFormat | None = None
    jobs: int | None = None
    independent: bool | None = None
    context: Context | None = None
    unordered: bool | None = None
    output_template: str | None = None
    audio_out: str | None = None
    audio_format: str | None = None
    manifest: Path | None = None
    no_manifest: bool | None = None
    resume: str | None = None
    """Of a chat the conversation; empty where none was named."""
    progress: bool | None = None
    dry_run: bool | None = None
    max_cost: float | None = None
    max_minutes: float | None = None
    expect: str | None = None
    max_first_audio_ms: float | None = None
    junit: Path | None = None

    @property
    def any(self) -> bool:
        """Whether one of them was given."""
        return any(value is not None for value in msgspec.structs.astuple(self))


def read_flags(given: Mapping[str, object], above: Mapping[str, Any] | None = None) -> tuple[Target, ScriptFlags]:
    """Sort the flags of a command; what was not given to it may have been given to the command *above*."""
    flags: dict[str, Any] = dict(above or {})
    flags.update({name: value for name, value in given.items() if value is not None})
    lead_s = flags.get("offline_lead_s")
    target = Target(
        settings={setting.name: flags.get(setting.name) for setting in SETTINGS},
        offline=bool(flags.get("offline")),
        offline_lead_s=2.0 if lead_s is None else lead_s,
        key_env=flags.get("key_env"),
        metrics_file=flags.get("metrics_file"),
        quiet=bool(flags.get("quiet")),
        plain=bool(flags.get("plain")),
        profile=flags.get("profile"),
        goes_on_with="" if flags.get("continue_last") else flags.get("resume") or None,
    )
    return target, ScriptFlags(**{name: flags.get(name) for name in ScriptFlags.__struct_fields__})
