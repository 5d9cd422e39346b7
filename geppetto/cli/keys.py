"""`geppetto keys`: the stored keys of servers."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from geppetto.cli.interrupts import cleaned_up
from geppetto.cli.saying import say, say_error
from geppetto.config import OPENAI_URL
from geppetto.errors import ConfigError, GeppettoError
from geppetto.keys import KeyStore, check_key, masked, parse_server, server_of
from geppetto.providers import PROVIDERS
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENAI: Final = server_of(OPENAI_URL)
_READ_BYTES: Final = 64 * 1024


@click.group("keys")
def keys_command() -> None:
    """
    Store keys of servers, for you alone.

    A stored key is sent to exactly the HOST (host or host:port) that it was stored for; the name of a provider,
    such as xai, is its host. The variable of a provider, such as OPENAI_API_KEY, goes before a stored key, and
    --key-env before both.
    """


@keys_command.command("set")
@click.argument("host", default=_OPENAI, metavar=f"[HOST={_OPENAI}]")
@click.pass_context
@cleaned_up()
def set_key(context: click.Context, host: str) -> None:
    """Ask for the key of HOST without showing it, or read one line from a pipe, and store it."""
    with _sentences(context):
        server = _server(host)
        store = KeyStore.of(os.environ)
        store.load()  # says what is wrong with the file before the key is asked for
        store.set(server, check_key(_read_key(server)))
        say(f"The key for {escape_line(server)} is stored in {escape_line(str(store.path))}.")


@keys_command.command("list")
@click.pass_context
def list_keys(context: click.Context) -> None:
    """Print each server and the ends of its key."""
    with _sentences(context):
        store = KeyStore.of(os.environ)
        keys = store.load()
        if not keys:
            say("No key is stored. `geppetto keys set` stores one.")
        width = max(map(len, keys), default=0)
        for server, key in sorted(keys.items()):
            click.echo(f"{escape_line(server):{width}}  {masked(key)}")


@keys_command.command("delete")
@click.argument("host")
@click.pass_context
@cleaned_up()
def delete_key(context: click.Context, host: str) -> None:
    """Forget the key of HOST."""
    with _sentences(context):
        server = _server(host)
        store = KeyStore.of(os.environ)
        if not store.delete(server):
            msg = f"No key is stored for {server}. `geppetto keys list` shows the stored ones."
            raise ConfigError(msg)
        say(f"The key for {escape_line(server)} is deleted.")


def _server(text: str) -> str:
    """
    Return the server that *text* names: by a provider's name, or as `parse_server` has it.

    Raises:
        ConfigError: it names none, or a provider whose host is another for each account, or that takes no key.
    """
    known = PROVIDERS.get(text)
    if known is None:
        return parse_server(text)
    if known.placeholders:
        example = server_of(known.url).replace("{", "").replace("}", "").replace("resource", "RESOURCE", 1)
        msg = f"Each account of {known.name} has a host of its own. Name yours: `geppetto keys set {example}`."
        raise ConfigError(msg)
    if known.name == "offline":
        msg = "The embedded server needs no key. `geppetto --offline` talks to it."
        raise ConfigError(msg)
    return server_of(known.url)


@contextmanager
def _sentences(context: click.Context) -> Iterator[None]:
    """Show an expected error as its sentence, and exit with its status."""
    try:
        yield
    except GeppettoError as error:
        say_error(error)
        context.exit(error.status)


def _read_key(server: str) -> str:
    if sys.stdin is None:
        msg = "stdin is closed, so no key can be read. Pipe it in, or run this in a terminal."
        raise ConfigError(msg)
    if os.isatty(0):
        try:
            return getpass.getpass(f"Key for {server} (not shown): ").strip()
        except EOFError as error:
            msg = "No key was typed, and nothing was stored."
            raise ConfigError(msg) from error
        except UnicodeDecodeError:
            return check_key("")
    try:
        return sys.stdin.buffer.readline(_READ_BYTES).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return check_key("")  # the same sentence as for every other text that is no key
    except OSError as error:
        msg = f"No key can be read from stdin ({error.strerror})."
        raise ConfigError(msg) from error
