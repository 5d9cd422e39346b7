"""What is found on this machine: the key without a part of it, directories by writing, extras by packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from geppetto.config import ClientConfig
from geppetto.doctor import machine
from geppetto.doctor.machine import examine_directory, examine_extras, examine_key, examine_versions, extras
from geppetto.errors import OutputFailed

SOURCE = "variable SOME_KEY"


@pytest.mark.parametrize(
    ("key", "verdict", "said"),
    [
        ("sk-proj-abcdefghijklmnopqrstuvwxyz", "ok", "34 characters"),
        ("ek_abcdefghijklmnopqrstuvwxyz", "ok", "29 characters"),
        ("'sk-proj-abcdefghijklmnopqrstuvwxyz'", "warning", "quotation marks"),
        ("Bearer-sk-proj-abcdefghijklmnopq", "warning", "begins with 'Bearer'"),
        ("AIza-abcdefghijklmnopqrstuvwxyz", "warning", "does not look like one of api.openai.com"),
        ("sk-short", "warning", "does not look like"),
    ],
)
def test_the_shape_of_a_key(key: str, verdict: str, said: str) -> None:
    """What copying does to keys is found; where it is from is told, and no part of it."""
    found = examine_key(ClientConfig(api_key=key), SOURCE)
    assert found.verdict == verdict
    assert said in found.sentence
    assert SOURCE in found.sentence
    assert not any(key[at : at + 8] in str(found) for at in range(len(key) - 8) if key[at : at + 3] != "Bea")


def test_other_servers_have_keys_of_other_shapes() -> None:
    """Only what is known of a server can be missed."""
    assert examine_key(ClientConfig(url="wss://x.example/v1/realtime", api_key="anything"), SOURCE).verdict == "ok"
    found = examine_key(ClientConfig(url="wss://x.example/v1/realtime"), SOURCE)
    assert (found.verdict, found.details) == ("ok", {"present": False})


def test_a_directory_that_can_be_written_to(tmp_path: Path) -> None:
    """It is tried, and nothing is left of the try."""
    found = examine_directory(tmp_path)
    assert found.verdict == "ok"
    assert "can be written to" in found.sentence
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is not made: only a session does that."""
    found = examine_directory(tmp_path / "a" / "b")
    assert found.verdict == "ok"
    assert "will be made" in found.sentence
    assert not (tmp_path / "a").exists()


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    """A file in its place, or above it, and one that nobody may write to, are 7."""
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputFailed, match=r"[Nn]ame another directory"):
            examine_directory(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_of_somebody_else(tmp_path: Path) -> None:
    """Permissions count for what is there, and for what would have to be made."""
    (tmp_path / "locked").mkdir(mode=0o500)
    for place in (tmp_path / "locked", tmp_path / "locked" / "below"):
        with pytest.raises(OutputFailed, match="who may write there"):
            examine_directory(place)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_a_disk_without_files() -> None:
    """Where no file can be made, not even by root."""
    with pytest.raises(OutputFailed, match="/proc cannot be written to"):
        examine_directory(Path("/proc"))


def test_little_space_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It still works, for a while."""
    monkeypatch.setattr(machine, "LOW_SPACE_BYTES", 1 << 70)
    found = examine_directory(tmp_path)
    assert found.verdict == "warning"
    assert found.next_step


def test_extras_are_one_row() -> None:
    """Those that are there with their versions, the others with one line that installs them all."""
    found = examine_extras(
        {"tests": ["trio", "pytest"], "prices": ["trio", "no-such-package"], "audio": ["nor-this"]}
    )
    assert found.verdict == "skipped"
    assert found.sentence.startswith("Installed: tests (trio ")
    assert found.sentence.endswith(
        "). Not installed: prices (a maintained price list), audio (spoken questions in every format)."
    )
    assert found.next_step == (
        'Run `python3 -m pip install "geppetto[prices,audio]"` for all of them, or name those that you want.'
    )
    assert found.details["prices"] == {"installed": False, "missing": ["no-such-package"]}
    there = found.details["tests"]
    assert isinstance(there, dict)
    assert (there["installed"], there["packages"].keys()) == (True, {"trio", "pytest"})


def test_extras_that_are_all_there_or_all_missing() -> None:
    """Nothing is to be done, or nothing is there."""
    found = examine_extras({"tests": ["trio"], "more": ["pytest"]})
    assert (found.verdict, found.next_step) == ("ok", "")
    assert found.sentence.startswith("Installed: tests (trio ")
    found = examine_extras({"keyring": ["no-such-package"]})
    assert found.sentence == "Not installed: keyring (keys in the system's keyring)."
    assert found.next_step == 'Run `python3 -m pip install "geppetto[keyring]"` if you want it.'


def test_the_extras_are_those_of_the_package() -> None:
    """They are read from what is installed, so no list here grows old."""
    assert extras().get("offline", ["hibari-tts"]) == ["hibari-tts"]
    assert extras().get("audio", ["soundfile", "soxr"]) == ["soundfile", "soxr"]


def test_the_versions() -> None:
    """They are told in one sentence, and one by one."""
    found = examine_versions()
    assert found.verdict == "ok"
    assert {"geppetto", "python", "trio", "wsproto"} <= found.details.keys()
