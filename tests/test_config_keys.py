"""Which server gets which key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geppetto.config import ClientConfig, load_config
from geppetto.connection.proxy import parse_proxy
from geppetto.errors import ConfigError
from geppetto.keystore.file import Content
from geppetto.keystore.store import KeyStore, StoredKey
from geppetto.settings.keys import FoundKey, KeyRing
from geppetto.settings.source import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

OPENAI = {"OPENAI_API_KEY": "openai-key"}
MY = {"MY_KEY": "my-key"}


@pytest.fixture
def stored(tmp_path: Path) -> KeyStore:
    """A store with keys for a few servers."""
    store = KeyStore(tmp_path / "keys.json")
    for server in ("api.openai.com", "voice.example", "voice.example:9", "127.0.0.1:8765", "plain.example:80"):
        store.set(server, f"stored-for-{server}")
    return store


@pytest.mark.parametrize(
    ("url", "environ", "key_env", "key"),
    [
        (None, OPENAI, None, "openai-key"),
        (None, {**OPENAI, **MY}, "MY_KEY", "my-key"),
        (None, {}, None, "stored-for-api.openai.com"),
        (None, {"OPENAI_API_KEY": "  "}, None, "stored-for-api.openai.com"),
        ("wss://API.OPENAI.com/v1", OPENAI, None, "openai-key"),
        ("wss://api.openai.com.evil.example", OPENAI, None, None),
        ("wss://api-openai.com", OPENAI, None, None),
        ("wss://voice.example/v1", OPENAI, None, "stored-for-voice.example"),
        ("wss://voice.example:443/v1", OPENAI, None, "stored-for-voice.example"),
        ("wss://voice.example:9/v1", OPENAI, None, "stored-for-voice.example:9"),
        ("wss://voice.example:10/v1", OPENAI, None, None),
        ("wss://sub.voice.example/v1", OPENAI, None, None),
        ("wss://voice.example/v1", MY, "MY_KEY", "my-key"),
        ("ws://127.0.0.1:8765/v1", OPENAI, None, "stored-for-127.0.0.1:8765"),
        ("ws://127.0.0.1:8766/v1", OPENAI, None, None),
        ("ws://localhost:8765/v1", OPENAI, None, None),
        ("ws://localhost:8765/v1", MY, "MY_KEY", "my-key"),
        ("ws://other.example/v1", OPENAI, None, None),
    ],
)
def test_a_key_goes_to_the_server_it_is_for(
    stored: KeyStore, url: str | None, environ: dict[str, str], key_env: str | None, key: str | None
) -> None:
    """--key-env before OPENAI_API_KEY before a stored key of exactly that host and port; nobody else gets one."""
    assert load_config({"url": url}, environ, key_env=key_env, stored_keys=stored).api_key == key


@pytest.mark.parametrize(
    ("url", "environ", "key_env"),
    [
        ("ws://api.openai.com/v1/realtime", OPENAI, None),
        ("ws://voice.example/v1", {}, None),
        ("ws://voice.example:443/v1", {}, None),
        ("ws://plain.example:80/v1", {}, None),
        ("ws://other.example/v1", MY, "MY_KEY"),
        ("ws://127.0.0.1.example/v1", MY, "MY_KEY"),
    ],
)
def test_no_key_travels_openly_unless_told_so(
    stored: KeyStore, url: str, environ: dict[str, str], key_env: str | None
) -> None:
    """A ws:// address on another machine gets a key with --insecure-key alone."""
    with pytest.raises(ConfigError, match=r"unencrypted.*--insecure-key") as caught:
        load_config({"url": url}, environ, key_env=key_env, stored_keys=stored)
    assert "-key." not in str(caught.value)
    assert not any(key in str(caught.value) for key in (*OPENAI.values(), *MY.values(), "stored-for"))
    flags = {"url": url, "insecure_key": True}
    assert load_config(flags, environ, key_env=key_env, stored_keys=stored).api_key is not None


def test_the_sentence_for_a_missing_key_names_every_way(tmp_path: Path) -> None:
    """Whoever has no key is told the three ways on."""
    with pytest.raises(ConfigError) as caught:
        load_config({}, {}, stored_keys=KeyStore(tmp_path / "keys.json"))
    assert str(caught.value) == (
        "OPENAI_API_KEY is not set. Set it, store one with `geppetto keys set`, or try `geppetto --offline`, "
        "which needs no key."
    )


def test_a_variable_needs_no_file_of_keys(stored: KeyStore) -> None:
    """A damaged file of keys is no trouble for a run whose key comes from a variable, and ends one that needs it."""
    stored.path.write_text("{")
    assert load_config({}, OPENAI, stored_keys=stored).api_key == "openai-key"
    with pytest.raises(ConfigError, match="is damaged"):
        load_config({}, {}, stored_keys=stored)


@pytest.mark.parametrize("bad", ["two words", "two\nlines", "schlüssel", "a\x7f"])
def test_a_key_that_is_none_is_not_shown(bad: str) -> None:
    """The sentence about a bad key does not repeat it."""
    with pytest.raises(ConfigError, match=r"^The key is empty or holds spaces") as caught:
        load_config({}, {"OPENAI_API_KEY": bad})
    assert bad not in str(caught.value)


def test_a_key_in_the_url_is_refused_unseen() -> None:
    """A user name or a password in the URL would be on the command line; it is refused and not repeated."""
    with pytest.raises(ConfigError, match="user name or a password") as caught:
        ClientConfig(url="wss://me:secret@voice.example/v1")
    assert "secret" not in str(caught.value)


def test_the_configuration_shows_no_key() -> None:
    """Its repr, which a log may print, has no key."""
    assert "openai-key" not in repr(load_config({}, OPENAI))


@pytest.mark.parametrize(
    "value",
    [
        StoredKey(key="secret", place="file"),
        FoundKey(key="secret", source=DEFAULT),
        KeyRing(environ={"OPENAI_API_KEY": "secret"}, key_env=None, stored=None),
        parse_proxy("http://me:secret@proxy.example"),
        parse_proxy("http://secret@proxy.example"),
        Content(keys={"voice.example": "secret"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_holds_a_key_does_not_show_it(value: object) -> None:
    """Nor does any value on the key's way, or the proxy's password's, which a traceback may print."""
    assert type(value).__name__ in repr(value)
    assert "secret" not in repr(value)


def test_who_may_read_the_files() -> None:
    """Files are the user's alone; --shared-files leaves it to the umask."""
    private, shared = ClientConfig().file_modes, ClientConfig(shared_files=True).file_modes
    assert (private.file, private.directory) == (0o600, 0o700)
    assert (shared.file, shared.directory) == (0o666, 0o777)
