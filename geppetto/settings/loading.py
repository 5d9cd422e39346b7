"""From flags, variables, files, profiles and providers to the configuration of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import attrs

from geppetto.config import SETTINGS, ClientConfig
from geppetto.connection.proxy import is_loopback, proxy_for
from geppetto.errors import ConfigError
from geppetto.keys import is_there
from geppetto.providers import PROVIDERS
from geppetto.settings.keys import KeyRing
from geppetto.settings.layers import Files, Layer, choose, file_layers, find_profile
from geppetto.settings.source import DEFAULT, PROJECT_FILE, USER_FILE, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geppetto.keystore.store import KeyStore
    from geppetto.setting import Setting
    from geppetto.settings.file import SettingsFile
    from geppetto.settings.layers import Chosen

_ROWS = {setting.name: setting for setting in SETTINGS}
_FIELDS = attrs.fields_dict(ClientConfig)


class _Vocabulary:
    """The settings of a session."""

    settings: Mapping[str, Setting] = _ROWS

    def check(self, name: str, value: object) -> None:
        """Ask the field's own validator."""
        field = _FIELDS[name]
        if field.validator is not None:
            field.validator(None, field, value)


def read_files(directory: Path, user_directory: Path) -> Files:
    """
    Read `geppetto.toml` of *directory* and `config.toml` of *user_directory*, which need not exist; blocks.

    Raises:
        ConfigError: something in them is wrong; the sentence names file, line and key.
    """
    return Files(
        project=_read_file(directory / PROJECT_FILE, project=True),
        user=read_user_file(user_directory),
    )


def read_user_file(user_directory: Path) -> SettingsFile | None:
    """
    Read `config.toml` of *user_directory* alone; None if there is none; blocks.

    Raises:
        ConfigError: something in it is wrong; the sentence names file, line and key.
    """
    return _read_file(user_directory / USER_FILE, project=False)


def _read_file(path: Path, *, project: bool) -> SettingsFile | None:
    if not is_there(path):
        return None
    from geppetto.settings.file import read_settings_file  # many have no such file

    return read_settings_file(path, _Vocabulary(), project=project)


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    key_env: str | None = None,
    stored_keys: KeyStore | None = None,
    files: Files | None = None,
    profile: str | None = None,
    needs_key: bool = True,
) -> ClientConfig:
    """See `geppetto.config.load_config`."""
    files = Files() if files is None else files
    run = _run_layers(flags, environ)
    selected = find_profile(profile, environ, files)
    layers = [*run, *file_layers(files, selected)]
    chosen = choose(layers)
    meant = _meant(run, profile, environ, files)
    values = {name: value for name, value in chosen.values.items() if name in _ROWS}
    sources = {name: source for name, source in chosen.sources.items() if name in _ROWS}
    elsewhere = meant is None or meant.url != chosen.url
    if elsewhere and "insecure_key" in values and sources["insecure_key"].kind != "flag":
        values["insecure_key"] = False  # the user agreed to it for another address
    config = ClientConfig(**values)  # type: ignore[arg-type]  # the table's kinds are the fields' types; a test checks it
    _check_model(config)
    if flags.get("proxy") is None:
        proxy = _find_proxy(config, environ)
        if proxy is None:
            sources.pop("proxy", None)
        elif proxy != config.proxy:
            sources["proxy"] = Source("variable", "of the system")
        config = attrs.evolve(config, proxy=proxy)
    if needs_key and config.provider != "offline":
        found = KeyRing(environ=environ, key_env=key_env, stored=stored_keys).find(chosen, layers, meant)
        if found is not None:
            sources["api_key"] = found.source
            config = attrs.evolve(config, api_key=found.key)
    if config.provider is not None:
        sources.setdefault("dialect", Source("provider", config.provider))
    return attrs.evolve(config, sources={**dict.fromkeys(_ROWS, DEFAULT), **sources})


def _run_layers(flags: Mapping[str, object], environ: Mapping[str, str]) -> list[Layer]:
    """Return what holds for this run: the flags, and the variables for what no flag says."""
    given = {name: flags[name] for name in _ROWS if flags.get(name) is not None}
    variables = {
        name: setting.parse(environ[setting.variable])
        for name, setting in _ROWS.items()
        if name not in given and environ.get(setting.variable)
    }
    return [
        Layer(values=given, source=lambda name: Source("flag", _ROWS[name].flag), of_run=True),
        Layer(values=variables, source=lambda name: Source("variable", _ROWS[name].variable), of_run=True),
    ]


def _meant(run: list[Layer], profile: str | None, environ: Mapping[str, str], files: Files) -> Chosen | None:
    """Return what is said without the file of the directory; None if that names no server."""
    own = Files(user=files.user)
    try:
        return choose([*run, *file_layers(own, find_profile(profile, environ, own))])
    except ConfigError:
        return None


def _check_model(config: ClientConfig) -> None:
    """
    Check that a model is named where each server has its own.

    Raises:
        ConfigError: none is.
    """
    known = PROVIDERS.get(config.provider or "")
    named = dict(parse_qsl(urlsplit(config.url).query)).keys() & {"model", "deployment", "call_id"}
    if known is not None and known.model_is and config.model is None and not named:
        msg = (
            f"The provider {known.name} has no model that everybody has. Name your {known.model_is}: --model NAME, "
            f'or model = "NAME" in [profile.{known.name}] of your settings.'
        )
        raise ConfigError(msg)


def _find_proxy(config: ClientConfig, environ: Mapping[str, str]) -> str | None:
    """Return the proxy of the environment for a run without --proxy: ours, or else everybody's."""
    if is_loopback(urlsplit(config.url).hostname or ""):
        return None  # not ours, either: `--offline` goes on working where it is set
    return config.proxy or proxy_for(config.url, environ)
