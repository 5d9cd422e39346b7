"""`geppetto history`: the kept conversations."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from geppetto.audio.wav import cannot_write
from geppetto.cli.interrupts import cleaned_up
from geppetto.cli.saying import say, say_error
from geppetto.errors import ConfigError, GeppettoError
from geppetto.memory.export import FORMATS, export, facts, format_of, heading, remark, summary_json
from geppetto.memory.place import database_path
from geppetto.memory.store import PAGE, Memory
from geppetto.text import escape, escape_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.memory.export import Format
    from geppetto.memory.kept import Conversation

_STDIO: Final = Path("-")
_page = click.option("--page", type=click.IntRange(min=1), default=1, metavar="N", help="Which page of the list.")
_limit = click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 10_000),
    default=PAGE,
    metavar="N",
    show_default=True,
    help="Length of a page.",
)


@click.group("history", invoke_without_command=True)
@click.pass_context
def history_command(context: click.Context) -> None:
    """
    List, search, show, export, name and delete the kept conversations.

    ID is an ID as the list shows it, so much of its beginning as is unique, or a name.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_conversations)


@history_command.command("list")
@_limit
@_page
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
@cleaned_up()
def list_conversations(context: click.Context, limit: int = PAGE, page: int = 1, as_json: bool = False) -> None:
    """List the conversations, the newest first."""
    with _opened(context) as memory:
        found = [] if memory is None else memory.conversations(limit=limit + 1, offset=limit * (page - 1))
        if not found and not as_json:
            say("No conversation is kept yet." if page == 1 else "There is no such page.")
        for conversation in found[:limit]:
            click.echo(json.dumps(summary_json(conversation)) if as_json else _line(conversation))
        if len(found) > limit and not as_json:
            say(f"There are more: `geppetto history list --page {page + 1}`.")


@history_command.command("search")
@click.argument("words", nargs=-1, required=True)
@_limit
@_page
@click.pass_context
@cleaned_up()
def search(context: click.Context, words: tuple[str, ...], limit: int, page: int) -> None:
    """List what was said with all of WORDS in it, the newest first: whole words, or their beginnings."""
    with _opened(context) as memory:
        hits = [] if memory is None else memory.search(" ".join(words), limit=limit + 1, offset=limit * (page - 1))
        if not hits:
            say("Nothing was found.")
        for hit in hits[:limit]:
            who = "you" if hit.item.role == "user" else "geppetto"
            name = f" ({escape_line(hit.name)})" if hit.name is not None else ""
            when = f"{hit.item.at.astimezone():%Y-%m-%d %H:%M}"
            click.echo(f"{hit.conversation_id}{name}  {when}  {who}: {_encodable(hit.excerpt)}")
        if len(hits) > limit:
            say(f"There is more: add `--page {page + 1}`.")


@history_command.command("show")
@click.argument("conversation", metavar="ID")
@click.pass_context
@cleaned_up()
def show(context: click.Context, conversation: str) -> None:
    """Print what was said in a conversation."""
    with _opened(context) as memory:
        found = _find(memory, conversation)
        assert memory is not None
        click.echo(_encodable(f"{heading(found)}\n{facts(found)}\n"))
        for item in memory.items(found.id):
            who = "You" if item.role == "user" else "Geppetto"
            click.echo(_encodable(f"{who}: {escape(item.text)}"))
            if item.answer is not None and (about := remark(item.answer)):
                click.echo(_encodable(f"  {about}"))


@history_command.command("export")
@click.argument("conversation", metavar="ID")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Otherwise what --output's name says, or md.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=_STDIO, metavar="FILE", help="Instead of stdout."
)
@click.option("--force", is_flag=True, help="Let --output replace an existing file.")
@click.pass_context
@cleaned_up()
def export_conversation(
    context: click.Context, conversation: str, form: Format | None, output: Path, force: bool
) -> None:
    """Write a conversation as Markdown, JSON or HTML."""
    with _opened(context) as memory:
        found = _find(memory, conversation)
        assert memory is not None
        text = export(found, memory.items(found.id), form or format_of(output))
        if output == _STDIO:
            click.echo(text.encode(), nl=False)
            return
        _write(output, text.encode(), force)
        say(f"{escape_line(str(output))} holds the conversation {found.id}.")


@history_command.command("delete")
@click.argument("conversations", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
@cleaned_up()
def delete(context: click.Context, conversations: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Delete conversations for good. The audio and the transcripts of their answers stay."""
    with _opened(context) as memory:
        if bool(conversations) is everything:
            raise ConfigError("Name the conversations to delete, or say --all.")
        found = [_find(memory, each) for each in conversations]
        if memory is not None and everything:
            found = memory.conversations(limit=-1)
        found = list({conversation.id: conversation for conversation in found}.values())
        if memory is None or not found:
            say("No conversation is kept.")
            return
        if not yes:
            _ask(found, everything)
        n = memory.delete([conversation.id for conversation in found])
        say(f"{n} conversation{' is' if n == 1 else 's are'} deleted.")


@history_command.command("name")
@click.argument("conversation", metavar="ID")
@click.argument("name", metavar="NAME")
@click.pass_context
@cleaned_up()
def name_conversation(context: click.Context, conversation: str, name: str) -> None:
    """Call a conversation NAME, by which `--resume` finds it; an empty NAME takes it away."""
    with _opened(context) as memory:
        found = _find(memory, conversation)
        assert memory is not None
        memory.name(found.id, name or None)
        say(f"{found.id} is called {escape_line(name.strip())}." if name else f"{found.id} has no name.")


@history_command.command("path")
def path() -> None:
    """Print where the conversations are kept."""
    click.echo(os.fsencode(database_path(os.environ)))


@contextmanager
def _opened(context: click.Context) -> Iterator[Memory | None]:
    """Open the database if there is one, and show an expected error as its sentence."""
    try:
        where = database_path(os.environ)
        if not _is_there(where):  # who only looks makes no file
            yield None
            return
        with Memory.open(where) as memory:
            if memory.moved is not None:
                moved = escape_line(str(memory.moved))
                say(f"geppetto: the kept conversations were damaged. A new file is begun; the old one is {moved}.")
            yield memory
    except GeppettoError as error:
        say_error(error)
        context.exit(error.status)


def _is_there(where: Path) -> bool:
    try:
        where.stat()
    except FileNotFoundError:
        return False
    except OSError:  # to open it says what is wrong
        return True
    return True


def _find(memory: Memory | None, conversation: str) -> Conversation:
    if memory is None:
        raise ConfigError("No conversation is kept yet.")
    return memory.find(conversation)


def _line(conversation: Conversation) -> str:
    when = f"{conversation.changed.astimezone():%Y-%m-%d %H:%M}"
    n = conversation.n_answers
    return _encodable(f"{conversation.id}  {when}  {n:>3} answer{' ' if n == 1 else 's'}  {heading(conversation)}")


def _ask(found: list[Conversation], everything: bool) -> None:
    """
    Let a person say whether these are the right ones.

    Raises:
        ConfigError: they are not; or all are to go, and there is nobody to ask.
    """
    if not os.isatty(0) or sys.stdin is None:
        if everything:
            raise ConfigError("Deleting all conversations needs --yes where nobody can be asked.")
        return
    for conversation in found[:PAGE]:
        say(_line(conversation))
    if not click.confirm(f"Delete {len(found)} conversation{'' if len(found) == 1 else 's'} for good?", err=True):
        raise ConfigError("Nothing was deleted.")


def _write(output: Path, content: bytes, force: bool) -> None:
    try:
        flags = os.O_TRUNC if force else os.O_EXCL
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | flags, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise ConfigError(f"{escape_line(str(output))} exists already. --force replaces it.") from error
    except OSError as error:
        raise cannot_write(output, error) from error


def _encodable(text: str) -> str:
    r"""Return *text* with what stdout cannot encode as `\u1234`."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
