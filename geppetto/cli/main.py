"""The `geppetto` command: its options, and its subcommands, each imported only when it is used."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import NoReturn

import click

from geppetto import __version__
from geppetto.cli.headings import Headed
from geppetto.cli.options import run_options
from geppetto.status import ExitStatus

_COMMANDS = {
    "ask": ("geppetto.cli.ask", "ask_command", "Ask one question, and leave."),
    "batch": ("geppetto.cli.batch", "batch_command", "Ask every question of a file."),
    "completion": ("geppetto.cli.completion", "completion_command", "Print the completion script of a shell."),
    "doctor": ("geppetto.cli.doctor", "doctor_command", "Check what is between this machine and an answer."),
    "history": ("geppetto.cli.history", "history_command", "List, search, show and delete kept conversations."),
    "config": ("geppetto.cli.config", "config_command", "Show, find, write and edit the settings."),
    "keys": ("geppetto.cli.keys", "keys_command", "Store the keys of servers, for you alone."),
    "log": ("geppetto.cli.log", "log_command", "Print the wire log of a session, for people to read."),
    "models": ("geppetto.cli.models", "models_command", "List the models of a server."),
    "repair": ("geppetto.cli.repair", "repair_command", "Finish the files that a killed session left behind."),
    "serve": ("geppetto.cli.serve", "serve_command", "Run the embedded server alone, for other clients."),
    "voices": ("geppetto.cli.voices", "voices_command", "List the voices that are known."),
}


class LazyGroup(Headed, click.Group):
    """A group whose commands are imported when they are asked for: `--help` and the chat need none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command *cmd_name*."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _help = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        _collect_garbage()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in sorted(_COMMANDS)])


_YOUNG = 10_000
"""
New objects after which the garbage collector looks through them. With the 700 of Python that takes a twentieth of the
time in which the prompt is imported, and next to nothing here needs the collector to be freed.
"""
_EPILOG = (
    "Every setting is also a variable: GEPPETTO_READ_TIMEOUT=30 is --read-timeout 30. OpenAI's key is taken from "
    "OPENAI_API_KEY and goes to api.openai.com alone; --key-env names the variable with another server's key, and "
    "`geppetto keys set` stores one for a server."
)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="geppetto %(version)s")
@run_options
@click.pass_context
def cli(here: click.Context, /, **flags: object) -> None:
    """
    Talk with a realtime voice model in the terminal, or pipe questions through it, one a line.

    The words of the answers go to stdout as they arrive. Each answer is kept as a WAV and a transcript in
    audio_output/, and every wire message in logs/.
    """
    if here.invoked_subcommand is not None:
        return
    import msgspec  # with the next line half of what --help would cost

    from geppetto.cli.flags import read_flags

    target, script = read_flags(flags)
    # Of a chat, --resume names one.
    script_flags = msgspec.structs.replace(script, resume=None) if script.resume else script
    if os.isatty(0) and os.isatty(1) and not script_flags.any:
        from geppetto.cli.chat import chat

        _collect_garbage()
        here.exit(chat(target))
    from geppetto.cli.scripted import piped

    _collect_garbage()
    here.exit(piped(target, script))


def run() -> NoReturn:
    """
    Run the command line and exit with its status.

    The entry point has switched the garbage collector off; it goes on when the command is imported.
    """
    _fill_standard_descriptors()
    try:
        status = cli.main(prog_name="geppetto", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.Abort:
        status = ExitStatus.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the flush at exit would fail once more
        status = ExitStatus.BROKEN_PIPE
    gc.freeze()  # the process ends: twice it would look through everything for what nobody needs
    sys.exit(status if isinstance(status, int) else ExitStatus.OK)


def _collect_garbage() -> None:
    """Look for garbage from now on, but not among what is imported: it stays, and is most of what there is."""
    if not gc.isenabled():  # of a program that calls this, it is not our business
        gc.freeze()
        gc.set_threshold(_YOUNG)
        gc.enable()


def _fill_standard_descriptors() -> None:
    """Put /dev/null where stdin, stdout or stderr was closed, so that no socket or log gets its number."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
