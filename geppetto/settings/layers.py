"""
Which of several places a setting is taken from, and which server they name together.

The order is flag > variable > `./geppetto.toml` > user's file > provider > default. A profile that was asked for goes
before what stands at the top of either file; one that only the user's file begins with, before the top of that file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from geppetto.errors import ConfigError
from geppetto.providers import OPENAI_URL, PROVIDERS
from geppetto.settings.source import DEFAULT, Source
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from geppetto.settings.file import SettingsFile

PROFILE_VARIABLE: Final = "GEPPETTO_PROFILE"
_OF_A_SERVER: Final = frozenset({"dialect", "model", "voice", "temperature"})
"""What one server knows and another does not: it is not taken from a table behind the one that names the server."""


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The files of settings that there are."""

    project: SettingsFile | None = None
    user: SettingsFile | None = None


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One place that settings come from."""

    values: Mapping[str, object]
    source: Callable[[str], Source]
    of_run: bool = False
    """Whether it holds for this run alone: flags and variables."""
    project: bool = False
    """Whether it stands in the file of a directory, which may be anybody's."""
    user: bool = False
    """Whether it stands in the user's file."""

    @property
    def names_server(self) -> bool:
        """Whether it says which server is meant."""
        return not self.values.keys().isdisjoint({"url", "provider"})


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The profile of a run."""

    name: str
    source: Source


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The server that layers name, and everything else that they say."""

    url: str
    provider: str | None
    values: Mapping[str, object]
    """By the name of the setting, with `url` and `provider`, as far as somebody said them."""
    sources: Mapping[str, Source]


def find_profile(flag: str | None, environ: Mapping[str, str], files: Files) -> Profile | None:
    """
    Return the profile that a run is to use, or None.

    Raises:
        ConfigError: there is none of this name; the sentence says where it was named, and what was meant.
    """
    named = [
        (flag, Source("flag", "--profile")),
        (environ.get(PROFILE_VARIABLE), Source("variable", PROFILE_VARIABLE)),
    ]
    present = [file for file in (files.project, files.user) if file is not None]
    named += [(file.default_profile, file.source("default_profile", None)) for file in present]
    for name, source in named:
        if name:
            _check_profile(name, source, files)
            return Profile(name=name, source=source)
    return None


def profile_names(files: Files) -> list[str]:
    """Return the names that `--profile` takes: those of tables, and of providers."""
    names = {name for file in (files.project, files.user) if file is not None for name in file.profiles}
    return sorted(names | PROVIDERS.keys())


def _check_profile(name: str, source: Source, files: Files) -> None:
    names = profile_names(files)
    if name not in names:
        from geppetto.settings.values import nearest  # hardly anybody mistypes

        close = nearest(name, names)
        hint = f"Perhaps {escape_line(close)} is meant." if close else f"There are: {escape_line(', '.join(names))}."
        msg = f"There is no profile {escape_line(name)[:80]} ({source}). {hint}"
        raise ConfigError(msg)


def file_layers(files: Files, profile: Profile | None) -> list[Layer]:
    """Return what the files say for *profile*, the nearest first."""

    def layer(file: SettingsFile, name: str | None) -> Layer:
        return Layer(
            values=file.top if name is None else file.profiles.get(name, {}),
            source=lambda setting: file.source(setting, name),
            project=file.project,
            user=not file.project,
        )

    project, user = files.project, files.user

    def top(file: SettingsFile | None) -> list[Layer]:
        return [] if file is None else [layer(file, None)]

    def table(file: SettingsFile | None) -> list[Layer]:
        return [] if file is None or profile is None else [layer(file, profile.name)]

    of_profile = [*table(project), *table(user)]
    known: list[Layer] = []
    if profile is not None and profile.name in PROVIDERS and not any(one.names_server for one in of_profile):
        # `--profile xai` needs no table, and [profile.xai] need not say what it is.
        known = [Layer(values={"provider": profile.name}, source=lambda _: Source("profile", profile.name))]
    if profile is not None and profile.source.kind == "user":
        return [*table(project), *top(project), *table(user), *known, *top(user)]
    return [*of_profile, *known, *top(project), *top(user)]


def choose(layers: Sequence[Layer]) -> Chosen:
    """
    Return what *layers*, the nearest first, say together.

    The nearest that names a server decides for both `url` and `provider`, so that an address never gets the ways of a
    provider that another table is about; only flags and variables are taken as one.

    Raises:
        ConfigError: the address of the provider has a placeholder that nobody fills, or the provider is unknown.
    """
    deciding = next((at for at, layer in enumerate(layers) if layer.names_server), len(layers))
    values: dict[str, object] = {}
    sources: dict[str, Source] = {}
    for at, layer in enumerate(layers):
        for name, value in layer.values.items():
            behind = at > deciding and not layer.of_run
            server = name in {"url", "provider"}
            if name in values or (behind and (server or name in _OF_A_SERVER)):
                continue
            if name == "url" and at > deciding and "provider" in values:
                continue  # --provider goes before GEPPETTO_URL
            values[name], sources[name] = value, layer.source(name)
    provider = values.get("provider")
    url = values.get("url")
    if provider is not None and provider in PROVIDERS and url is None:
        known = PROVIDERS[str(provider)]
        values["url"] = url = known.fill(values)
        filled = [sources[name] for name in known.placeholders]
        project = next((source for source in (*filled, sources["provider"]) if source.kind == "project"), None)
        sources["url"] = project or Source("provider", known.name)
    return Chosen(
        url=OPENAI_URL if url is None else str(url),
        provider=None if provider is None else str(provider),
        values=values,
        sources={"url": DEFAULT, **sources},
    )
