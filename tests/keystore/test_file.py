"""The file of keys: for the user alone, never lost, never shown."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import ConfigError, OutputFailed
from geppetto.keys import check_key, parse_server
from geppetto.keystore.file import Content, KeyFile
from geppetto.keystore.store import KeyStore, StoredKey

KEY = "sk-abcdefghijklmnopqrstuvwxyz"
HOST = "api.openai.com"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """A store whose directory does not exist yet."""
    return KeyStore(tmp_path / "config" / "geppetto" / "keys.json")


def mode(path: Path) -> int:
    """Return the permissions of *path*."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_set_is_found(store: KeyStore) -> None:
    """Each server has its key, a second one replaces it, and others are not touched."""
    store.set(HOST, "old-key")
    store.set("127.0.0.1:8765", "local-key")
    store.set(HOST, KEY)
    assert store.read() == Content(keys={HOST: KEY, "127.0.0.1:8765": "local-key"})
    assert store.find("127.0.0.1") is None
    assert [path.name for path in store.path.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_user_may_read_it(store: KeyStore, umask: int) -> None:
    """The file is 0600 and every directory made for it 0700, whatever the umask allows."""
    before = os.umask(umask)
    try:
        store.set(HOST, KEY)
    finally:
        os.umask(before)
    assert mode(store.path) == 0o600
    assert mode(store.path.parent) == mode(store.path.parent.parent) == 0o700


@pytest.mark.parametrize("others", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_read_is_refused(store: KeyStore, others: int) -> None:
    """Its keys are not used, it is not written, and the sentence has the command that mends it."""
    store.set(HOST, KEY)
    store.path.chmod(others)
    for use in (store.read, lambda: store.set(HOST, "x"), lambda: store.delete(HOST)):
        with pytest.raises(ConfigError, match=r"chmod 600 .*keys\.json") as caught:
            use()
        assert KEY not in str(caught.value)
    store.path.chmod(0o600)
    assert store.find(HOST) == StoredKey(key=KEY, place="file")


DAMAGED = [
    b"", b"{", b"[]", b"null", b'{"h": 1}', b'{"h": ""}', b'{"h": "a b"}', b"\xff\xfe", b"[" * 100_000,
    b'{"h": "' + b"k" * (1 << 20) + b'"}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_never_overwritten(store: KeyStore, content: bytes) -> None:
    """It is named in a sentence that shows nothing of it, and stays as it is, byte for byte."""
    store.set(HOST, KEY)
    store.path.write_bytes(content)
    for use in (store.read, lambda: store.set(HOST, KEY), lambda: store.delete(HOST)):
        with pytest.raises(ConfigError, match="is damaged"):
            use()
    assert store.path.read_bytes() == content


@given(
    content=st.binary(max_size=60) | st.dictionaries(st.text(), st.text() | st.none()).map(json.dumps).map(str.encode)
)
def test_anything_may_be_in_the_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever the file holds, reading it gives keys or a sentence."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.touch(0o600)
    path.write_bytes(content)
    try:
        found = KeyFile(path).read()
    except ConfigError as error:
        said = str(error)
    else:
        said = ""
        assert all(map(check_key, found.keys.values()))
    assert not said or "is damaged" in said


def test_what_is_no_file_is_refused(store: KeyStore) -> None:
    """A directory or a pipe in the place of the file is named, and a pipe is not waited for."""
    store.path.parent.mkdir(parents=True)
    os.mkfifo(store.path, 0o600)
    with pytest.raises(ConfigError, match="is not a file"):
        store.read()
    store.path.unlink()
    store.path.mkdir()
    with pytest.raises(ConfigError, match="is not a file"):
        store.read()


def test_a_symbolic_link_stays_one(store: KeyStore, tmp_path: Path) -> None:
    """Whoever keeps the file elsewhere and links to it finds it there, changed."""
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.touch(0o600)
    elsewhere.write_text("{}")
    store.path.parent.mkdir(parents=True)
    store.path.symlink_to(elsewhere)
    store.set(HOST, KEY)
    assert store.path.is_symlink()
    assert json.loads(elsewhere.read_text()) == {HOST: KEY}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the place of the directory is exit status 7 for a write, and no key for a read."""
    (tmp_path / "file").touch()
    store = KeyStore(tmp_path / "file" / "keys.json")
    assert store.read() == Content()
    with pytest.raises(OutputFailed, match=r"keys\.json cannot be written"):
        store.set(HOST, KEY)


def test_two_writers_lose_nothing(store: KeyStore) -> None:
    """Keys that are stored at the same moment are all there."""
    threads = [threading.Thread(target=store.set, args=(f"host-{n}.test", KEY)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.read().keys) == 16
    assert [path.name for path in store.path.parent.iterdir()] == ["keys.json"]


def test_delete_forgets_one_key(store: KeyStore) -> None:
    """The others stay; what was not there is told apart, and makes no directory."""
    assert not store.delete(HOST)
    assert not store.path.parent.exists()
    store.set(HOST, KEY)
    store.set("other.test", KEY)
    assert store.delete(HOST)
    assert store.read() == Content(keys={"other.test": KEY})


def test_where_the_file_is(tmp_path: Path) -> None:
    """GEPPETTO_CONFIG_DIR goes before XDG_CONFIG_HOME, that before ~/.config; a relative one is ignored."""
    home = {"HOME": "/home/u"}
    assert KeyStore.of(home).path == Path("/home/u/.config/geppetto/keys.json")
    assert KeyStore.of({**home, "XDG_CONFIG_HOME": "here"}).path == Path("/home/u/.config/geppetto/keys.json")
    xdg = {**home, "XDG_CONFIG_HOME": "/xdg"}
    assert KeyStore.of(xdg).path == Path("/xdg/geppetto/keys.json")
    assert KeyStore.of({**xdg, "GEPPETTO_CONFIG_DIR": str(tmp_path)}).path == tmp_path / "keys.json"


@pytest.mark.parametrize("bad", ["", "a b", "a\nb", "a\r\nX-Evil: 1", "schlüssel", "a\x00", "\t", "k" * 9000])
def test_a_key_that_no_header_can_carry_is_refused(store: KeyStore, bad: str) -> None:
    """The sentence says what is wrong without showing the key, and nothing is stored."""
    with pytest.raises(ConfigError, match=r"^The key ") as caught:
        store.set(HOST, bad)
    assert not bad.strip() or bad not in str(caught.value)
    assert not store.path.exists()


def test_names_of_keys_that_are_elsewhere(store: KeyStore) -> None:
    """They stand in the file without a key, and are no servers that a key could be sent to."""
    file = KeyFile(store.path)
    file.change(lambda content: content.with_key(HOST, KEY).naming("voice.example:9"))
    assert json.loads(store.path.read_text()) == {HOST: KEY, "keyring/voice.example:9": "-"}
    assert file.read() == Content(keys={HOST: KEY}, in_keyring=frozenset({"voice.example:9"}))
    with pytest.raises(ConfigError, match="not a host"):
        parse_server("keyring/voice.example:9")


def test_a_file_of_an_older_geppetto(store: KeyStore) -> None:
    """Keys alone are read as before; one that it stored beside the name of a key elsewhere is the newer one."""
    store.path.parent.mkdir(parents=True)
    store.path.touch(0o600)
    store.path.write_text(json.dumps({HOST: KEY}))
    assert store.read() == Content(keys={HOST: KEY})
    store.path.write_text(json.dumps({HOST: KEY, f"keyring/{HOST}": "-"}))
    assert store.find(HOST) == StoredKey(key=KEY, place="file")
    assert store.place_of(HOST) == "file"


def test_what_changes_nothing_writes_nothing(store: KeyStore) -> None:
    """The file is not replaced by the same one, and no directory is made for it."""
    KeyFile(store.path).change(lambda content: content.without_key(HOST))
    assert not store.path.parent.exists()
    store.set(HOST, KEY)
    before = store.path.stat().st_ino
    store.set(HOST, KEY)
    assert store.path.stat().st_ino == before


def test_a_list_of_what_is_there_shows_no_key(store: KeyStore) -> None:
    """Neither the content of the file nor a key that was found has it in its repr."""
    store.set(HOST, KEY)
    assert KEY not in f"{store.read()!r}{store.find(HOST)!r}"
