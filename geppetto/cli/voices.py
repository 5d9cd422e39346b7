"""`geppetto voices`: the voices that are known, by provider and dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from geppetto.catalogue import CHECKED, VOICES, provider_of
from geppetto.cli.flags import read_flags
from geppetto.cli.options import setting_options
from geppetto.cli.saying import say, say_error
from geppetto.errors import GeppettoError
from geppetto.text import escape_line

if TYPE_CHECKING:
    from geppetto.catalogue import Voice
    from geppetto.cli.servers import Target
    from geppetto.config import ClientConfig


@click.command("voices")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--offline", is_flag=True, default=None, envvar="GEPPETTO_OFFLINE", help="The embedded server's voice.")
@setting_options("provider", "url", "dialect")
@click.pass_context
def voices_command(here: click.Context, /, *, as_json: bool, **flags: object) -> None:
    """
    List the known voices: all of them, or those of the server and the dialect that the flags name.

    No server has a list to ask for, so these are the ones that were known on the day that is told with them.
    Whatever is in no list can be asked for all the same.
    """
    above: dict[str, Any] = dict(here.parent.params) if here.parent is not None else {}
    target, _ = read_flags(flags, above)
    try:
        config = target.configure(needs_key=False)
        embedded = config.provider == "offline"
        if embedded:
            shown: list[dict[str, object]] = [_embedded()]
            remark = "The embedded server has this one voice, whatever name it is asked for."
        else:
            voices, remark = _known(target, config)
            shown = [_as_json(voice) for voice in voices]
    except GeppettoError as error:
        say_error(error)
        here.exit(error.status)
    if as_json:
        checked = None if embedded else CHECKED.isoformat()
        click.echo(json.dumps({"checked": checked, "voices": shown, "remark": remark}, indent=2, ensure_ascii=False))
        return
    for voice in shown:
        told = "; ".join(part for part in ("GA only" if voice["ga_only"] else "", str(voice["note"])) if part)
        click.echo(f"{voice['name']:8}  {voice['provider']:8}  {told}".rstrip())
    say(escape_line(remark))


def _known(target: Target, config: ClientConfig) -> tuple[list[Voice], str]:
    """Return the voices that *target* leaves, and what is to be said of them."""
    given = target.settings
    voices = list(VOICES)
    dated = f"These were known on {CHECKED}."
    if given.get("url") is not None or config.provider is not None:
        provider = provider_of(config)
        if provider is None:
            dated += f" Which of them {config.host} has is not known."
        else:
            voices = [voice for voice in voices if voice.provider == provider]
    if given.get("dialect") is not None:
        voices = [voice for voice in voices if config.dialect in voice.dialects]
    return voices, dated


def _as_json(voice: Voice) -> dict[str, object]:
    return {
        "name": voice.name,
        "provider": voice.provider,
        "dialects": list(voice.dialects),
        "ga_only": voice.ga_only and voice.provider == "openai",
        "note": voice.note,
    }


def _embedded() -> dict[str, object]:
    from geppetto.offline.voice import HeartVoice

    note = "American English"
    return {
        "name": HeartVoice.name,
        "provider": "offline",
        "dialects": ["ga", "beta"],
        "ga_only": False,
        "note": note,
    }
