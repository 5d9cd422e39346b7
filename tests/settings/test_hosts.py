"""Which host the name of a provider stands for when its key is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.config import load_config
from geppetto.errors import ConfigError
from geppetto.keys import server_of
from geppetto.providers import PROVIDERS
from geppetto.settings.hosts import host_of
from geppetto.settings.layers import Files
from geppetto.settings.loading import read_user_file
from geppetto.settings.source import USER_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.settings.file import SettingsFile


def user(tmp_path: Path, text: str) -> SettingsFile | None:
    """Return the user's file with *text*."""
    (tmp_path / USER_FILE).touch(0o600)
    (tmp_path / USER_FILE).write_text(text)
    return read_user_file(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "host"),
    [
        ("openai", "url = 'wss://box.example/'", "api.openai.com"),
        ("xai", "", "api.x.ai"),
        ("localai", "", "localhost:8080"),
        ("litellm", "[profile.litellm]\nurl = 'wss://llm.corp.example/'\nprovider = 'litellm'", "llm.corp.example"),
        ("litellm", "[profile.litellm]\nurl = 'wss://box.example/'", "localhost:4000"),
        ("azure", "[profile.azure]\nresource = 'mine'", "mine.openai.azure.com"),
        ("azure", "resource = 'top'", "top.openai.azure.com"),
        ("azure", "resource = 'top'\n[profile.azure]\nresource = 'mine'", "mine.openai.azure.com"),
        ("azure", "[profile.azure]\nprovider = 'azure'\nurl = 'wss://a.corp.example:9/'", "a.corp.example:9"),
        ("azure", "[profile.work]\nprovider = 'azure'\nresource = 'work'", "work.openai.azure.com"),
        ("azure", "default_profile = 'work'\n[profile.work]\nprovider='azure'\nresource='w'", "w.openai.azure.com"),
        ("azure", "[profile.work]\nurl = 'wss://w.openai.azure.com/openai/v1/realtime'", "w.openai.azure.com"),
        ("azure-preview", "[profile.azure]\nresource = 'mine'", "mine.openai.azure.com"),
        ("azure", "[profile.azure-preview]\nresource = 'mine'", "mine.openai.azure.com"),
        ("azure", "[profile.a]\nprovider='azure'\nresource='a'\n[profile.azure]\nresource='b'", "b.openai.azure.com"),
        ("azure", "[profile.a]\nprovider='azure'\nresource='A'\n[profile.b]\nprovider='azure'\nresource='a'",
         "a.openai.azure.com"),
    ],
)  # fmt: skip
def test_the_host_of_a_provider(tmp_path: Path, name: str, text: str, host: str) -> None:
    """It is that of its profile, without a resource there that of the one account in the file."""
    assert host_of(PROVIDERS[name], user(tmp_path, text)) == host


def test_a_resource_goes_before_the_file(tmp_path: Path) -> None:
    """What the user types is meant, and can't make another host of the provider's."""
    file = user(tmp_path, "[profile.azure]\nresource = 'mine'")
    assert host_of(PROVIDERS["azure"], file, "Other") == "other.openai.azure.com"
    for bad in ("evil.example/", "a.b", "", "x:1", "x@evil.example"):
        with pytest.raises(ConfigError, match="one part of a host name"):
            host_of(PROVIDERS["azure"], file, bad)
    with pytest.raises(ConfigError, match=r"^xai has no resource: .* Leave out --resource\.$"):
        host_of(PROVIDERS["xai"], None, "mine")


def test_a_host_that_nobody_names(tmp_path: Path) -> None:
    """The sentence has both ways to name it."""
    for file in (None, user(tmp_path, "voice = 'marin'\n[profile.box]\nurl = 'wss://box.example/'")):
        with pytest.raises(ConfigError, match=r"own settings name none\. Say --resource NAME .*\[profile\.azure\]"):
            host_of(PROVIDERS["azure"], file)


def test_several_accounts(tmp_path: Path) -> None:
    """None is guessed; each is named."""
    text = "".join(f"[profile.{name}]\nprovider = 'azure'\nresource = '{name}'\n" for name in ("one", "two"))
    with pytest.raises(
        ConfigError, match=r"hosts of azure: one\.openai\.azure\.com, two\.openai\.azure\.com\. Name one"
    ):
        host_of(PROVIDERS["azure"], user(tmp_path, text))


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "offline"])
def test_a_chat_goes_where_the_key_is_for(tmp_path: Path, name: str) -> None:
    """The host that the key is stored for is the one that `--profile NAME` talks to."""
    file = user(tmp_path, "resource = 'mine'\n[profile.speaches]\nprovider = 'speaches'\nurl = 'ws://127.0.0.1:9/'")
    config = load_config({"model": "m"}, {}, files=Files(user=file), profile=name, needs_key=False)
    assert host_of(PROVIDERS[name], file) == server_of(config.url)
