"""`geppetto ask`: one question."""

from __future__ import annotations

import click

from geppetto.batch.source import one_question, whole_question
from geppetto.cli.flags import read_flags
from geppetto.cli.headings import Headed
from geppetto.cli.options import run_options
from geppetto.cli.scripted import scripted


@click.command("ask", cls=Headed, context_settings={"max_content_width": 100})
@click.argument("question")
@run_options
@click.pass_context
def ask_command(here: click.Context, /, question: str, **flags: object) -> None:
    """
    Ask QUESTION, show and keep the answer, and leave; `-` takes all of stdin as the question.

    The flags are those of `geppetto` itself.
    """
    above = here.parent.params if here.parent is not None else None
    target, script = read_flags(flags, above)
    if question == "-":
        here.exit(scripted(target, script, lambda: whole_question(0), single=True))
    if not question.strip():
        msg = "the question is empty"
        raise click.BadParameter(msg, param_hint="QUESTION")
    here.exit(scripted(target, script, lambda: one_question(question), single=True))
