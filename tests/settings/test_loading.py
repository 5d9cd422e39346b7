"""Which of several places a setting comes from, and what it is told to be from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from geppetto.config import SETTINGS, load_config
from geppetto.errors import ConfigError
from geppetto.keystore.store import KeyStore
from geppetto.settings.listing import rows, without_secrets
from geppetto.settings.loading import read_files
from geppetto.settings.source import PROJECT_FILE, USER_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.config import ClientConfig

LOCAL = 'url = "ws://127.0.0.1:1/"\n'


class Places:
    """Two files, a store of keys, and what a run makes of them."""

    def __init__(self, tmp_path: Path) -> None:
        """Use directories below *tmp_path*."""
        self.project = tmp_path / "project"
        self.home = tmp_path / "home"
        self.stored = KeyStore(tmp_path / "keys.json")
        for path in (self.project, self.home):
            path.mkdir(exist_ok=True)

    def load(
        self,
        *,
        project: str = "",
        user: str = "",
        environ: dict[str, str] | None = None,
        profile: str | None = None,
        key_env: str | None = None,
        needs_key: bool = True,
        **flags: object,
    ) -> ClientConfig:
        """Load with *project* and *user* as the two files."""
        (self.project / PROJECT_FILE).write_text(project)
        (self.home / USER_FILE).write_text(user)
        (self.home / USER_FILE).chmod(0o600)
        return load_config(
            flags,
            environ or {},
            files=read_files(self.project, self.home),
            stored_keys=self.stored,
            profile=profile,
            key_env=key_env,
            needs_key=needs_key,
        )


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Empty places."""
    return Places(tmp_path)


def test_the_order_of_places(places: Places) -> None:
    """Flag, variable, the directory's file, the user's file, provider, default: one taken away shows the next."""
    file: dict[str, Any] = {"project": "voice = 'c'\n", "user": LOCAL + "voice = 'd'\n"}
    environ = {"GEPPETTO_VOICE": "b"}

    def voice(config: ClientConfig) -> tuple[str | None, str]:
        return config.voice, str(config.sources["voice"])

    load = places.load
    assert voice(load(**file, environ=environ, voice="a")) == ("a", "flag --voice")
    assert voice(load(**file, environ=environ)) == ("b", "variable GEPPETTO_VOICE")
    assert voice(load(**file)) == ("c", f"{places.project / PROJECT_FILE}:1")
    assert voice(load(user=file["user"])) == ("d", f"{places.home / USER_FILE}:2")
    assert voice(load(user=LOCAL)) == (None, "default")


def test_a_provider_brings_its_address_and_dialect(places: Places) -> None:
    """They are told to be the provider's; what is said beside it goes before."""
    config = places.load(profile="huggingface")
    assert (config.url, config.dialect) == ("ws://127.0.0.1:8765/v1/realtime", "ga")
    assert [str(config.sources[name]) for name in ("provider", "url", "dialect")] == [
        "profile huggingface",
        "provider huggingface",
        "provider huggingface",
    ]
    assert config.session_settings.voice is None
    config = places.load(user='[profile.huggingface]\ndialect = "beta"', profile="huggingface")
    assert (config.provider, config.dialect, config.protocol.name) == ("huggingface", "beta", "beta")


PROFILES = "model = 'top'\nspeed = 1.25\n[profile.a]\nmodel = 'a'\n[profile.b]\nmodel = 'b'\n"


@pytest.mark.parametrize(
    ("flag", "environ", "project", "user", "model"),
    [
        (None, {}, "", LOCAL + PROFILES, "top"),
        ("a", {"GEPPETTO_PROFILE": "b"}, "", LOCAL + PROFILES, "a"),
        (None, {"GEPPETTO_PROFILE": "b"}, "default_profile = 'a'", LOCAL + PROFILES, "b"),
        (None, {}, "default_profile = 'a'", LOCAL + "default_profile = 'b'\n" + PROFILES, "a"),
        (None, {}, "", LOCAL + "default_profile = 'b'\n" + PROFILES, "b"),
        # one that was asked for goes before both tops; one that the user's file begins with, before its own
        ("b", {}, "model = 'project'", LOCAL + PROFILES, "b"),
        (None, {}, "model = 'project'", LOCAL + "default_profile = 'b'\n" + PROFILES, "project"),
        ("b", {}, "[profile.b]\nmodel = 'near'", LOCAL + PROFILES, "near"),
    ],
)
def test_profiles(
    places: Places, flag: str | None, environ: dict[str, str], project: str, user: str, model: str
) -> None:
    """Flag, variable, the directory's file, the user's file name it; what it leaves out is that of the top."""
    config = places.load(project=project, user=user, environ=environ, profile=flag)
    assert (config.model, config.speed) == (model, 1.25)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("wrok", r"^There is no profile wrok \(flag --profile\). Perhaps work is meant\.$"),
        ("zzzzz", r"^There is no profile zzzzz \(flag --profile\). There are: azure, .*work"),
        (None, r"^There is no profile xia \(.*geppetto.toml:2\). Perhaps xai is meant\.$"),
    ],
)
def test_a_profile_that_is_none(places: Places, profile: str | None, said: str) -> None:
    """The sentence says where it was named, and what was probably meant."""
    with pytest.raises(ConfigError, match=said):
        places.load(project="\ndefault_profile = 'xia'", user="[profile.work]", profile=profile)


def test_what_one_server_knows_is_not_said_to_another(places: Places) -> None:
    """Model, voice, dialect and temperature stay with the server that they stand beside; the rest is for all."""
    user = "url = 'wss://one.example/'\ndialect = 'beta'\nmodel = 'm'\nvoice = 'v'\ntemperature = 0.7\nspeed = 0.5\n"
    config = places.load(user=user + "[profile.two]\nurl = 'wss://two.example/'\n", profile="two")
    assert (config.url, config.dialect, config.model, config.voice) == ("wss://two.example/", "ga", None, None)
    assert config.speed == 0.5
    config = places.load(user=user, project="voice = 'near'")
    assert (config.url, config.model, config.voice) == ("wss://one.example/", "m", "near")
    config = places.load(user=user, url="ws://127.0.0.1/", environ={"GEPPETTO_MODEL": "e"})
    assert (config.dialect, config.model, config.voice) == ("ga", "e", None)


def test_an_address_does_not_get_the_ways_of_another_provider(places: Places) -> None:
    """A nearer address without a provider is a server by its address; flags and variables are one place."""
    user = "provider = 'azure'\nresource = 'r'\nmodel = 'm'\n[profile.box]\nurl = 'ws://127.0.0.1:2/'\n"
    assert places.load(user=user, needs_key=False).provider == "azure"
    cases: list[dict[str, Any]] = [
        {"profile": "box"},
        {"url": "ws://127.0.0.1:2/"},
        {"environ": {"GEPPETTO_URL": "ws://127.0.0.1:2/"}},
    ]
    for more in cases:
        config = places.load(user=user, **more)
        assert (config.provider, config.url) == (None, "ws://127.0.0.1:2/")
    config = places.load(environ={"GEPPETTO_PROVIDER": "xai"}, url="ws://127.0.0.1:2/")
    assert (config.provider, config.url) == ("xai", "ws://127.0.0.1:2/")
    config = places.load(environ={"GEPPETTO_URL": "ws://127.0.0.1:2/"}, provider="huggingface")
    assert config.url == "ws://127.0.0.1:8765/v1/realtime"


@pytest.mark.parametrize(
    ("profile", "endpoint"),
    [
        ("openai", "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"),
        ("azure", "wss://mine.openai.azure.com/openai/v1/realtime?model=d"),
        (
            "azure-preview",
            "wss://mine.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d",
        ),
        ("xai", "wss://api.x.ai/v1/realtime?model=grok-voice-latest"),
        ("localai", "ws://localhost:8080/v1/realtime?model=d"),
        ("speaches", "ws://localhost:8000/v1/realtime?model=d"),
        ("litellm", "ws://localhost:4000/v1/realtime?model=d"),
        ("offline", "ws://127.0.0.1/v1/realtime?model=gpt-realtime-2.1"),
    ],
)
def test_the_addresses_of_providers(places: Places, profile: str, endpoint: str) -> None:
    """With the model where each looks for it, and the resource filled in."""
    model = None if profile in {"openai", "xai", "offline"} else "d"
    assert places.load(user="resource = 'mine'", profile=profile, needs_key=False, model=model).endpoint == endpoint


def test_what_a_provider_lacks_is_told(places: Places) -> None:
    """A placeholder that nobody fills, a model that nobody names, a provider that there is not."""
    with pytest.raises(
        ConfigError, match=r'^The provider azure needs resource: .*Say resource = "…" in the table \['
    ):
        places.load(profile="azure")
    project = "\nresource = 'r'\nmodel = 'd'"
    config = places.load(project=project, user="provider = 'azure'", needs_key=False)
    assert str(config.sources["url"]) == f"{places.project / PROJECT_FILE}:2"
    with pytest.raises(ConfigError, match=r"^The provider azure has no model .* Name your deployment: --model NAME"):
        places.load(user="resource = 'r'", profile="azure")
    with pytest.raises(ConfigError, match=r"^provider is 'x', but must be one of: openai, azure"):
        places.load(environ={"GEPPETTO_PROVIDER": "x"})
    with pytest.raises(ConfigError, match="xai always speaks"):
        places.load(profile="xai", modality="text", needs_key=False)


def test_a_proxy_of_a_file(places: Places) -> None:
    """It is used for other machines, and not for this one."""
    user = "proxy = 'http://me:secret@proxy:1'\n"
    config = places.load(user=user + "url = 'wss://h/'")
    assert config.proxy == "http://me:secret@proxy:1"
    assert "secret" not in str(rows(config))
    assert places.load(user=user + LOCAL).proxy is None
    config = places.load(user="url = 'wss://h/'", environ={"https_proxy": "http://p:1"})
    assert (config.proxy, str(config.sources["proxy"])) == ("http://p:1", "variable of the system")


def test_the_list_has_every_setting_and_no_key(places: Places) -> None:
    """Each with its source; of the key only where it was."""
    places.stored.set("voice.example", "key-of-voice")
    config = places.load(user="url = 'wss://voice.example/?api-key=hidden&x=1&access_token=gone'")
    listed = {row.name: row for row in rows(config)}
    assert list(listed) == [*(setting.name for setting in SETTINGS), "endpoint", "api_key"]
    assert listed["url"].source == f"{places.home / USER_FILE}:1"
    assert listed["voice"].value == "marin"
    assert listed["api_key"].source == f"key store {places.stored.path}"
    assert not any(word in str(listed) for word in ("key-of-voice", "hidden", "gone"))
    assert without_secrets("wss://h/?a=1&KEY=x;sig=y#f") == "wss://h/?a=1&KEY=***;sig=***#f"
