"""Keys go to the host they are for, whatever the settings of a directory say: it may be a cloned repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geppetto.errors import ConfigError
from geppetto.providers import PROVIDERS
from tests.settings.test_loading import Places

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "wss://evil.example/v1/realtime"
KEYS = {one.key_variable: f"key-{one.key_variable}" for one in PROVIDERS.values() if one.key_variable is not None} | {
    "MY_KEY": "key-MY"
}
AZURE = "provider = 'azure'\nresource = 'mine'\nmodel = 'd'\n"
LITELLM = "[profile.corp]\nprovider = 'litellm'\nurl = 'wss://llm.corp.example/v1/realtime'\nmodel = 'm'\n"
BOX = "[profile.box]\nurl = 'wss://box.example/v1'\nkey_env = 'MY_KEY'\n"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Empty places."""
    return Places(tmp_path)


def key(
    places: Places,
    *,
    project: str = "",
    user: str = "",
    profile: str | None = None,
    key_env: str | None = None,
    **flags: object,
) -> str | None:
    """Return the key that a run sends, with all variables set."""
    config = places.load(project=project, user=user, environ=KEYS, profile=profile, key_env=key_env, **flags)  # type: ignore[arg-type]  # flags are settings
    return config.api_key


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({}, "key-OPENAI_API_KEY"),
        ({"profile": "xai"}, "key-XAI_API_KEY"),
        ({"profile": "localai", "model": "m"}, "key-LOCALAI_API_KEY"),
        ({"profile": "huggingface"}, None),
        ({"profile": "offline"}, None),
        ({"user": AZURE}, "key-AZURE_OPENAI_API_KEY"),
        ({"user": AZURE, "url": "wss://mine.openai.azure.com/openai/v1/realtime"}, None),
        ({"user": AZURE, "url": "wss://h.example/", "provider": "azure", "model": "d"}, None),
        ({"url": "wss://r.openai.azure.com/x", "provider": "azure", "model": "d"}, "key-AZURE_OPENAI_API_KEY"),
        ({"url": "wss://llm.example/x", "provider": "litellm", "model": "d"}, "key-LITELLM_PROXY_API_KEY"),
        ({"user": LITELLM, "profile": "corp"}, "key-LITELLM_PROXY_API_KEY"),
        ({"user": LITELLM, "profile": "corp", "url": "wss://other.example/"}, None),
        ({"user": BOX, "profile": "box"}, "key-MY"),
        ({"user": BOX, "profile": "box", "url": "wss://other.example/"}, None),
        ({"user": BOX, "profile": "box", "url": "wss://api.openai.com/v1"}, "key-OPENAI_API_KEY"),
        ({"user": "key_env = 'MY_KEY'\n[profile.a]\nurl = 'wss://a.example/'", "profile": "a"}, None),
        ({"user": "key_env = 'MY_KEY'"}, "key-MY"),
    ],
)
def test_the_users_own_settings_send_keys(places: Places, more: dict[str, Any], sent: str | None) -> None:
    """The variable of a provider goes to the provider, one of a table to the server of that table."""
    assert key(places, **more) == sent


@pytest.mark.parametrize(
    ("project", "more", "sent"),
    [
        (f"url = '{EVIL}'", {}, None),
        (f"url = '{EVIL}'\nprovider = 'openai'", {}, None),
        (f"url = '{EVIL}'\nprovider = 'litellm'\nmodel = 'm'", {}, None),
        (f"url = '{EVIL}'", {"user": AZURE}, None),
        (f"[profile.corp]\nurl = '{EVIL}'\n", {"user": LITELLM, "profile": "corp"}, None),
        (
            f"[profile.corp]\nurl = '{EVIL}'\nprovider = 'litellm'\nmodel = 'm'",
            {"user": LITELLM, "profile": "corp"},
            None,
        ),
        (f"[profile.box]\nurl = '{EVIL}'\n", {"user": BOX, "profile": "box"}, None),
        (f"default_profile = 'openai'\n[profile.openai]\nurl = '{EVIL}'", {}, None),
        ("url = 'wss://api.openai.com.evil.example/'", {}, None),
        ("url = 'wss://mine.openai.azure.com.evil.example/'\nprovider='azure'\nmodel='d'", {"user": AZURE}, None),
        # another of the user's own servers gets its own key, and no other
        ("default_profile = 'box'", {"user": BOX}, "key-MY"),
        ("default_profile = 'corp'", {"user": LITELLM}, "key-LITELLM_PROXY_API_KEY"),
        ("default_profile = 'xai'", {}, "key-XAI_API_KEY"),
        ("url = 'wss://api.openai.com/v1/realtime?model=x'", {"user": BOX}, "key-OPENAI_API_KEY"),
        ("voice = 'x'", {"user": AZURE}, "key-AZURE_OPENAI_API_KEY"),
    ],
)
def test_the_settings_of_a_directory_send_no_key_elsewhere(
    places: Places, project: str, more: dict[str, Any], sent: str | None
) -> None:
    """A host that only they name gets no key; one that the user knows gets the key that is for it."""
    assert key(places, project=project, **more) == sent


def test_an_account_of_somebody_else_gets_no_key(places: Places) -> None:
    """Another resource at the same provider is another host; the sentence says how to send a key there."""
    with pytest.raises(ConfigError, match=r"^AZURE_OPENAI_API_KEY is not sent to theirs\.openai\.azure\.com"):
        key(places, project="resource = 'theirs'", user=AZURE)
    places.stored.set("theirs.openai.azure.com", "stored-for-theirs")
    assert key(places, project="resource = 'theirs'", user=AZURE) == "stored-for-theirs"


@pytest.mark.parametrize(
    ("project", "user"),
    [(f"url = '{EVIL}'", ""), ("default_profile = 'box'", BOX), ("provider = 'xai'", "")],
)
def test_a_key_of_this_run_does_not_follow_a_directory(places: Places, project: str, user: str) -> None:
    """--key-env is for the server that the user meant; where a directory names another one, it is refused."""
    with pytest.raises(ConfigError, match=r"^--key-env names a key, but it is the settings of this dir") as caught:
        key(places, project=project, user=user, key_env="MY_KEY")
    assert "key-MY" not in str(caught.value)
    assert key(places, project=project, user=user, key_env="MY_KEY", url=EVIL) == "key-MY"


def test_a_key_goes_unencrypted_only_where_the_user_said_so(places: Places) -> None:
    """insecure_key of the user's file is for the user's addresses, not for the same host over ws://."""
    places.stored.set("plain.example:80", "stored")
    user = "insecure_key = true\n"
    for url in ("ws://api.openai.com/v1/realtime", "ws://plain.example:80/"):
        with pytest.raises(ConfigError, match="unencrypted"):
            key(places, project=f"url = '{url}'", user=user)
        assert key(places, user=user, url=url) is not None


HOSTS = ["evil.example", "api.openai.com", "api.x.ai", "mine.openai.azure.com", "theirs.openai.azure.com"]
URLS = st.sampled_from([f"{scheme}://{host}/v1?model=m" for host in HOSTS for scheme in ("ws", "wss")])
LINES = st.one_of(
    URLS.map(lambda url: f"url = '{url}'"),
    st.sampled_from([*PROVIDERS]).map(lambda name: f"provider = '{name}'"),
    st.sampled_from(["mine", "theirs", "evil"]).map(lambda name: f"resource = '{name}'"),
    st.just("model = 'm'"),
)
TABLES = st.lists(LINES, max_size=3, unique_by=lambda line: line.split()[0]).map("\n".join)
DEFAULTS = st.sampled_from(
    ["", "default_profile = 'corp'\n", "default_profile = 'box'\n", "default_profile = 'xai'\n"]
)
PROJECTS = st.tuples(DEFAULTS, TABLES, st.sampled_from(["corp", "box", "xai", "azure"]), TABLES).map(
    lambda parts: f"{parts[0]}{parts[1]}\n[profile.{parts[2]}]\n{parts[3]}\n"
)
MAY = {
    "key-OPENAI_API_KEY": {"api.openai.com"},
    "key-XAI_API_KEY": {"api.x.ai"},
    "key-AZURE_OPENAI_API_KEY": {"mine.openai.azure.com"},
    "key-LITELLM_PROXY_API_KEY": {"llm.corp.example", "localhost"},
    "key-LOCALAI_API_KEY": {"localhost"},
    "key-SPEACHES_API_KEY": {"localhost"},
    "key-MY": {"box.example"},
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(PROJECTS, st.sampled_from([None, "box", "corp", "xai", "azure"]), st.sampled_from(["", AZURE]))
def test_no_directory_sends_a_key_to_a_stranger(tmp_path: Path, project: str, profile: str | None, user: str) -> None:
    """Whatever it says, each key goes to the hosts that it is for, encrypted or to this machine, or nowhere."""
    places = Places(tmp_path)
    try:
        config = places.load(project=project, user=user + LITELLM + BOX, environ=KEYS, profile=profile)
    except ConfigError:
        return
    if config.api_key is not None:
        parts = urlsplit(config.endpoint)
        assert parts.hostname in MAY[config.api_key]
        assert parts.scheme == "wss" or parts.hostname == "localhost"
