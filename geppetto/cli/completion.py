"""
Completion: the scripts for shells, and what stands for a voice or a model.

click does it: the script calls `geppetto` with the line so far in variables (`_GEPPETTO_COMPLETE`). Nobody is asked
over the network at a Tab, so voices and models are those of the table in the package. All flags name what is here,
so that what a Tab needs is imported at the Tab.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

VARIABLE: Final = "_GEPPETTO_COMPLETE"
_INSTALL: Final = {
    "bash": "echo 'eval \"$(geppetto completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(geppetto completion zsh)\"' >> ~/.zshrc",
    "fish": "geppetto completion fish > ~/.config/fish/completions/geppetto.fish",
}


@click.command("completion", epilog="For good: " + "; ".join(f"{line}" for line in _INSTALL.values()))
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion_command(shell: str) -> None:
    """
    Print the script that lets SHELL complete commands, flags, voices, models and files.

    For this shell alone: eval "$(geppetto completion bash)", or `geppetto completion fish | source`.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    # Not `source()`, which starts bash to ask for its version, also where another machine's is meant.
    names = {"complete_func": "_geppetto_completion", "complete_var": VARIABLE, "prog_name": "geppetto"}
    click.echo(kind.source_template % names)


def complete_voices(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the known voices that begin with *incomplete*: those of the dialect, where the line names one."""
    from click.shell_completion import CompletionItem

    from geppetto.catalogue import VOICES

    dialect = _given(context, "dialect")
    return [
        CompletionItem(voice.name, help=f"{voice.provider}{', GA only' if voice.ga_only else ''}")
        for voice in VOICES
        if voice.name.startswith(incomplete) and (dialect is None or dialect in voice.dialects)
    ]


def complete_models(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the known models that begin with *incomplete*."""
    from click.shell_completion import CompletionItem

    from geppetto.catalogue import MODELS

    return [CompletionItem(model.name, help=model.note) for model in MODELS if model.name.startswith(incomplete)]


def complete_variables(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of the variables that may hold a key; never what is in them."""
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name)
        for name in sorted(os.environ)
        if name.startswith(incomplete) and (incomplete or name.endswith(("KEY", "TOKEN")))
    ]


COMPLETERS: Final[dict[str, Completer]] = {
    "voice": complete_voices,
    "model": complete_models,
    "key_env": complete_variables,
}
"""By the name of the parameter."""


def _given(context: click.Context, name: str) -> object:
    """Return what the line has for the parameter *name* so far, also before the command; None if nothing."""
    here: click.Context | None = context
    while here is not None:
        if here.params.get(name) is not None:
            return here.params[name]
        here = here.parent
    return None
