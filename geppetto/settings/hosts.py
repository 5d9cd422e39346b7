"""
Which host a provider has for this user: the one that its key is to be stored for.

Only the user's own file is asked. That of a directory may be anybody's, and the stored key of a host is sent wherever
the settings lead to that host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.errors import ConfigError
from geppetto.keys import server_of
from geppetto.settings.layers import Files, Profile, choose, file_layers
from geppetto.settings.source import DEFAULT

if TYPE_CHECKING:
    from geppetto.providers import Provider
    from geppetto.settings.file import SettingsFile


def host_of(known: Provider, user: SettingsFile | None, resource: str | None = None) -> str:
    """
    Return the `host` or `host:port` of *known*.

    It is that of `--profile NAME`, with the provider's name; where this says no resource, that of the one account
    which the other tables of the file name.

    Args:
        known: the provider.
        user: the user's own file; None if there is none.
        resource: goes before what the file says.

    Raises:
        ConfigError: nothing says what fills the placeholder in its address, several tables say it, or *known* has no
            placeholder for *resource*, or none that it can fill.
    """
    if resource is not None and known.placeholders != ("resource",):
        raise ConfigError(f"{known.name} has no resource: its host is the same for everybody. Leave out --resource.")
    if resource is not None:
        return server_of(known.fill({"resource": resource}))
    files = Files(user=user)
    own = _host_of_table(known, files, known.name)
    if own is not None:
        return own
    if not known.placeholders:
        return server_of(known.url)
    names = (None, *(user.profiles if user is not None else ()))
    hosts = {host for name in names if (host := _host_of_table(known, files, name)) is not None}
    if len(hosts) == 1:
        return hosts.pop()
    if hosts:
        msg = (
            f"Your settings name several hosts of {known.name}: {', '.join(sorted(hosts))}. Name one of them instead "
            f"of {known.name}."
        )
        raise ConfigError(msg)
    msg = (
        f"Each account of {known.name} has a host of its own, and your own settings name none. Say --resource NAME "
        f'here, or resource = "NAME" there, in the table [profile.{known.name}] (`geppetto config edit`).'
    )
    raise ConfigError(msg)


def _host_of_table(known: Provider, files: Files, name: str | None) -> str | None:
    """Return where the profile *name* leads (None: the top of the file), if that is a host of *known*."""
    try:
        profile = None if name is None else Profile(name=name, source=DEFAULT)
        chosen = choose(file_layers(files, profile))
    except ConfigError:  # nobody fills the placeholder
        return None
    if chosen.provider == known.name:
        return server_of(chosen.url)
    return server_of(chosen.url) if known.placeholders and known.serves(chosen.url) else None
