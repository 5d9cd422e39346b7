"""Keys in the keyring of the system: in one place at a time, found there, and never in the file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest

from geppetto.config import load_config
from geppetto.errors import ConfigError, MissingExtra, OutputFailed
from geppetto.keystore.file import Content, KeyFile
from geppetto.keystore.store import KeyStore, StoredKey
from tests.fakes.keyring_backend import FileKeyring, environment, secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "sk-abcdefghijklmnopqrstuvwxyz"
NEWER = "sk-zyxwvutsrqponmlkjihgfedcba"
HOST = "api.openai.com"
INSTALL = r'extra package keyring\. Run `python3 -m pip install "geppetto\[keyring\]"`\.$'


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """A store without a file."""
    return KeyStore(tmp_path / "config" / "keys.json")


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A keyring for this process, empty; its file."""
    file = tmp_path / "ring.json"
    for name, value in environment(file).items():
        monkeypatch.setenv(name, value)
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield file
    keyring.set_keyring(before)


def test_a_key_goes_to_the_keyring_alone(store: KeyStore, ring: Path) -> None:
    """The file has its server's name and nothing of it; it is found for exactly this host and port."""
    assert store.set("voice.example:9", KEY, "keyring") is None
    assert secrets(ring) == {"geppetto voice.example:9": KEY}
    assert KEY[:6] not in store.path.read_text()
    assert store.read() == Content(in_keyring=frozenset({"voice.example:9"}))
    assert store.find("voice.example:9") == StoredKey(key=KEY, place="keyring")
    assert store.find("voice.example") is None


def test_a_run_sends_it_to_its_host_and_says_where_it_was(store: KeyStore, ring: Path) -> None:
    """A key of the keyring is bound as one of the file is; a variable goes before it, and then nobody asks there."""
    store.set(HOST, KEY, "keyring")
    store.set("voice.example:9", NEWER, "keyring")
    config = load_config({}, {}, stored_keys=store)
    assert config.api_key == KEY
    assert str(config.sources["api_key"]) == "keyring of the system"
    for server, key in (("voice.example:9", NEWER), ("voice.example", None), ("voice.example:10", None)):
        assert load_config({"url": f"wss://{server}/v1"}, {}, stored_keys=store).api_key == key
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    assert load_config({}, {"OPENAI_API_KEY": "variable"}, stored_keys=store).api_key == "variable"
    assert load_config({"url": "wss://voice.example/v1"}, {}, stored_keys=store).api_key is None


def test_a_key_is_in_one_place(store: KeyStore, ring: Path) -> None:
    """What is stored in the other place is deleted in this one; a newer key goes where the older is."""
    store.set(HOST, KEY)
    store.set(HOST, KEY, "keyring")
    assert store.read() == Content(in_keyring=frozenset({HOST}))
    assert store.place_of(HOST) == "keyring"
    store.set(HOST, NEWER, "file")
    assert store.read() == Content(keys={HOST: NEWER})
    assert secrets(ring) == {}
    assert store.place_of(HOST) == "file"


def test_delete_forgets_it_everywhere(store: KeyStore, ring: Path) -> None:
    """The keyring and the file are as they were, and other keys stay."""
    store.set("other.test", KEY, "keyring")
    store.set(HOST, KEY, "keyring")
    KeyFile(store.path).change(lambda content: content.with_key(HOST, NEWER))  # an older Geppetto
    assert store.delete(HOST)
    assert not store.delete(HOST)
    assert secrets(ring) == {"geppetto other.test": KEY}
    assert store.read() == Content(in_keyring=frozenset({"other.test"}))


def test_a_key_that_somebody_took_out(store: KeyStore, ring: Path) -> None:
    """The sentence says how to store it again, also where it is no key any more; it can be deleted and replaced."""
    store.set(HOST, KEY, "keyring")
    for there in ({}, {f"geppetto {HOST}": " \n"}, {f"geppetto {HOST}": "no key"}):
        ring.write_text(json.dumps(there))
        with pytest.raises(
            ConfigError, match=r"holds no key for api\.openai\.com any more\. Store it again: `geppetto"
        ):
            store.find(HOST)
    store.set(HOST, NEWER, "keyring")
    assert store.find(HOST) == StoredKey(key=NEWER, place="keyring")
    ring.write_text("{}")
    assert store.delete(HOST)


def test_a_key_that_somebody_put_in_with_a_line_break(store: KeyStore, ring: Path) -> None:
    """What surrounds the key is left away, as for variables."""
    store.set(HOST, KEY, "keyring")
    ring.write_text(json.dumps({f"geppetto {HOST}": f" {NEWER}\n"}))
    assert store.find(HOST) == StoredKey(key=NEWER, place="keyring")


def test_a_file_that_cannot_be_written_keeps_the_keyring(store: KeyStore, ring: Path, tmp_path: Path) -> None:
    """No key is left in the keyring that nothing names, and an older one is put back."""
    (tmp_path / "config").touch()
    with pytest.raises(OutputFailed):
        store.set(HOST, KEY, "keyring")
    assert secrets(ring) == {}
    ring.write_text(json.dumps({f"geppetto {HOST}": KEY}))
    with pytest.raises(OutputFailed):
        store.set(HOST, NEWER, "keyring")
    assert secrets(ring) == {f"geppetto {HOST}": KEY}


def test_a_file_that_cannot_be_trusted_keeps_the_keyring(store: KeyStore, ring: Path) -> None:
    """Nothing is stored in, read from or deleted in the keyring by the word of a file that others could write."""
    store.set(HOST, KEY, "keyring")
    store.path.chmod(0o666)
    uses: list[Callable[[], object]] = [
        lambda: store.find(HOST),
        lambda: store.set(HOST, NEWER, "keyring"),
        lambda: store.delete(HOST),
        lambda: store.check(HOST, "keyring"),
    ]
    for use in uses:
        with pytest.raises(ConfigError, match="chmod 600"):
            use()
    assert secrets(ring) == {f"geppetto {HOST}": KEY}


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("locked", r"is locked\. Unlock it and try again\."),
        ("init", r"failed \(InitError\)"),
        ("babbles-get", r"failed \(RuntimeError\)"),
    ],
)
def test_a_keyring_that_fails(
    store: KeyStore, ring: Path, monkeypatch: pytest.MonkeyPatch, mood: str, said: str
) -> None:
    """It is one sentence with another way, and nothing of what the library said; the key stays where it is."""
    store.set(HOST, KEY, "keyring")
    monkeypatch.setenv("TEST_KEYRING_MOOD", mood)
    other = (
        rf"^The keyring of the system {said}.* `geppetto keys set api\.openai\.com --file` keeps the key in a file"
    )
    for use in (lambda: store.find(HOST), lambda: store.set(HOST, NEWER, "keyring")):
        with pytest.raises(ConfigError, match=other):
            use()
    with pytest.raises(ConfigError, match=rf"^The keyring of the system {said}.*stays in it, under geppetto"):
        store.delete(HOST)
    monkeypatch.setenv("TEST_KEYRING_MOOD", "")
    assert store.find(HOST) == StoredKey(key=KEY, place="keyring")


@pytest.mark.parametrize("call", ["set", "delete"])
def test_what_a_library_says_is_not_repeated(
    store: KeyStore, ring: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A backend that puts the key into its error does not get it onto the screen."""
    store.set(HOST, KEY, "keyring")
    monkeypatch.setenv("TEST_KEYRING_MOOD", f"babbles-{call}")
    with pytest.raises(ConfigError, match="RuntimeError") as caught:
        store.set(HOST, NEWER, "keyring") if call == "set" else store.delete(HOST)
    assert not any(key in str(caught.value) for key in (KEY, NEWER))


def test_the_file_is_a_way_out_of_a_broken_keyring(
    store: KeyStore, ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key goes to the file and is used; the reason why the older one is still in the keyring is handed back."""
    store.set(HOST, KEY, "keyring")
    monkeypatch.setenv("TEST_KEYRING_MOOD", "locked")
    why = store.set(HOST, NEWER, "file")
    assert "stays in it, under geppetto, until you delete it there" in str(why)
    assert store.read() == Content(keys={HOST: NEWER})
    assert store.delete(HOST)


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (keyring.backends.fail.Keyring, "There is no keyring on this system"),
        (keyring.backends.null.Keyring, r"system \(null Keyring\) does not keep what it is given"),
    ],
)
def test_a_system_without_a_keyring(
    store: KeyStore, ring: Path, backend: Callable[[], FileKeyring], said: str
) -> None:
    """Where none is there, or one that forgets, nothing is stored."""
    keyring.set_keyring(backend())
    with pytest.raises(ConfigError, match=rf"{said}.*--file` keeps the key in a file"):
        store.set(HOST, KEY, "keyring")
    assert not store.path.exists()


def test_the_extra_is_missing(store: KeyStore, ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every use of the keyring has the line that installs it, and keys of the file need none."""
    store.set(HOST, KEY, "keyring")
    store.set("file.test", KEY)
    monkeypatch.setitem(sys.modules, "keyring", None)
    uses: list[Callable[[], object]] = [
        lambda: store.find(HOST),
        lambda: store.set(HOST, KEY, "keyring"),
        lambda: store.check(HOST, "keyring"),
        lambda: store.delete(HOST),
    ]
    for use in uses:
        with pytest.raises(MissingExtra, match=INSTALL):
            use()
    assert store.find("file.test") is not None
    assert store.read().in_keyring == {HOST}
