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
from geppetto.keys import check_key, config_directory, masked, parse_server, server_of
from geppetto.keystore.store import KeyStore
from geppetto.providers import PROVIDERS
from geppetto.settings.hosts import host_of
from geppetto.settings.loading import read_user_file
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from geppetto.keystore.store import Place

    Command = Callable[..., None]

_OPENAI: Final = server_of(OPENAI_URL)
_READ_BYTES: Final = 64 * 1024


@click.group("keys")
def keys_command() -> None:
    """
    Store keys of servers, for you alone.

    A stored key is sent to exactly the HOST (host or host:port) that it was stored for. The name of a provider, such
    as xai or azure, is its host; that of Azure is the one of your own settings, or of --resource. The variable of a
    provider, such as OPENAI_API_KEY, goes before a stored key, and --key-env before both.
    """


def _resource(command: Command) -> Command:
    return click.option("--resource", metavar="NAME", help="Your Azure resource: the first part of its host.")(
        command
    )


@keys_command.command("set")
@click.argument("host", default=_OPENAI, metavar=f"[HOST={_OPENAI}]")
@_resource
@click.option(
    "--keyring/--file",
    "in_keyring",
    default=None,
    help="Keep it in the keyring of the system, or in a file that you alone may read. By default where the key of "
    "HOST is already, otherwise in the file.",
)
@click.pass_context
@cleaned_up()
def set_key(context: click.Context, host: str, resource: str | None, in_keyring: bool | None) -> None:
    """Ask for the key of HOST without showing it, or read one line from a pipe, and store it."""
    with _sentences(context):
        server = _server(host, resource)
        store = KeyStore.of(os.environ)
        place: Place = store.place_of(server) if in_keyring is None else "keyring" if in_keyring else "file"
        store.check(server, place)  # says what is wrong with it before the key is asked for
        older = store.set(server, check_key(_read_key(server)), place)
        where = "the keyring of the system" if place == "keyring" else escape_line(str(store.path))
        say(f"The key for {escape_line(server)} is stored in {where}.")
        if older is not None:
            say(f"The older one could not be deleted. {escape_line(str(older))}")


@keys_command.command("list")
@click.pass_context
def list_keys(context: click.Context) -> None:
    """
    Print each server, the ends of its key, where that is stored, and the provider.

    What is in the keyring of the system is not asked for, and no part of it shown.
    """
    with _sentences(context):
        content = KeyStore.of(os.environ).read()
        rows = [(escape_line(server), masked(key), "file") for server, key in content.keys.items()]
        rows += [(escape_line(server), "****", "keyring") for server in content.in_keyring]
        if not rows:
            say("No key is stored. `geppetto keys set` stores one.")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in sorted(rows):
            cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)]
            click.echo("  ".join([*cells, _providers_of(row[0])]).rstrip())


@keys_command.command("delete")
@click.argument("host")
@_resource
@click.pass_context
@cleaned_up()
def delete_key(context: click.Context, host: str, resource: str | None) -> None:
    """Forget the key of HOST, wherever it is stored."""
    with _sentences(context):
        server = _server(host, resource)
        store = KeyStore.of(os.environ)
        if not store.delete(server):
            msg = f"No key is stored for {server}. `geppetto keys list` shows the stored ones."
            raise ConfigError(msg)
        say(f"The key for {escape_line(server)} is deleted.")


def _server(text: str, resource: str | None) -> str:
    """
    Return the server that *text* names: by a provider's name, or as `parse_server` has it.

    Raises:
        ConfigError: it names none, or a provider whose host nobody knows, or that takes no key.
    """
    known = PROVIDERS.get(text)
    if known is None:
        if resource is not None:
            raise ConfigError("--resource goes with the name of a provider. Name azure, or leave out --resource.")
        return parse_server(text)
    if known.name == "offline":
        msg = "The embedded server needs no key. `geppetto --offline` talks to it."
        raise ConfigError(msg)
    one_for_all = not known.own and not known.placeholders  # needs no settings, which may be out of order
    user = None if one_for_all or resource is not None else read_user_file(config_directory(os.environ))
    return host_of(known, user, resource)


def _providers_of(server: str) -> str:
    """Return the names of the providers that have this very host and port."""
    named = ":" in server.rpartition("]")[2]  # a port, which only servers that people run themselves have
    known = [one for one in PROVIDERS.values() if one.name != "offline" and (one.own or not named)]
    try:
        return ", ".join(one.name for one in known if one.serves(f"wss://{server}"))
    except ValueError:  # anything may be in the file
        return ""


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
