"""`geppetto repair`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from geppetto.audio.wav import wav_header
from geppetto.cli.main import cli
from geppetto.records.naming import OutputStem

if TYPE_CHECKING:
    import pytest

STEM = "audio_20261121_101502"
WHEN = datetime(2026, 11, 21, 10, 15, 2)


def run(*arguments: str) -> tuple[int, str]:
    """Run the command and return its exit status and what it said on stdout."""
    result = CliRunner().invoke(cli, ["repair", *arguments])
    return result.exit_code, result.stdout


def test_a_line_for_each_thing_and_a_total(tmp_path: Path) -> None:
    """It says what it did, and the second time that there was nothing to do."""
    (tmp_path / f"{STEM}.wav.part").write_bytes(wav_header(0) + bytes(48_000))
    (tmp_path / f"{STEM}_2.wav.part").touch()
    live = OutputStem.reserve(tmp_path, WHEN)
    assert run(str(tmp_path)) == (
        0,
        f"finished {tmp_path}/{STEM}_partial.wav (1.0 s of audio, no words)\n"
        f"removed {tmp_path}/{STEM}_2.wav.part (nothing in it that is not kept)\n"
        f"left alone {tmp_path}/{STEM}_3.wav.part (in use by a running session)\n"
        "1 recording finished · 1 empty file removed · 1 in use\n",
    )
    live.release()
    assert run(str(tmp_path)) == (0, f"Nothing to repair in {tmp_path}.\n")


def test_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one it is where the chat writes: the variable's, or audio_output."""
    monkeypatch.chdir(tmp_path)
    Path("audio_output").mkdir()
    Path("elsewhere").mkdir()
    assert run() == (0, "Nothing to repair in audio_output.\n")
    monkeypatch.setenv("GEPPETTO_AUDIO_OUTPUT_DIR", "elsewhere")
    assert run() == (0, "Nothing to repair in elsewhere.\n")


def test_no_directory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A missing directory, or a file in its place, is wrong usage, and is not made."""
    assert run(str(tmp_path / "gone")) == (2, "")
    assert capfd.readouterr().err == (
        f"geppetto: {tmp_path}/gone does not exist. Name the directory with the recordings: `geppetto repair DIR`.\n"
    )
    (tmp_path / "file").touch()
    assert run(str(tmp_path / "file")) == (2, "")
    assert "file is not a directory" in capfd.readouterr().err
    assert not (tmp_path / "gone").exists()


def test_what_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The sentence is on stderr and names the file, the rest is done, and the status is 7."""
    (tmp_path / f"{STEM}.wav.part").symlink_to("nowhere")
    (tmp_path / f"{STEM}_2.wav.part").touch()
    status, said = run(str(tmp_path))
    assert status == 7
    assert said.endswith("1 empty file removed · 1 failed\n")
    assert f"geppetto: {tmp_path}/{STEM}.wav.part cannot be written (" in capfd.readouterr().err
