"""A failing database costs the history, never the chat."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import msgspec
import pytest

from geppetto.hooks import Hooks
from geppetto.memory.keeping import MAX_WAITING, Keeping, NoMemory
from geppetto.redaction import Redactor
from tests.memory.remembered import ABOUT, answer, opened
from tests.memory.test_opening import break_pages

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"


def keeping(path: Path, warnings: list[str], conversation_id: str | None = None) -> Keeping:
    """Return what keeps answers at *path*, and collects its warnings."""
    redactor = Redactor.of([KEY])
    return Keeping(
        path, ABOUT, warn=warnings.append, redactor=redactor, conversation_id=conversation_id, timeout_s=0.05
    )


def texts(path: Path) -> list[list[str]]:
    """Return what was said in each conversation at *path*, the newest first."""
    with opened(path) as memory:
        return [[item.text for item in memory.items(each.id)] for each in memory.conversations()]


def test_a_chat_is_kept(tmp_path: Path) -> None:
    """Its answers are one conversation, which begins with the first; and the key is not in it."""
    path, warnings = tmp_path / "data" / "c.sqlite3", list[str]()
    kept = keeping(path, warnings)
    commit = Hooks(commit=kept.commit).commit
    assert commit is not None
    assert not path.parent.exists()
    commit(answer("One?", "One."))
    commit(answer("Two?", KEY))
    kept.close()
    assert texts(path) == [["One?", "One.", "Two?", "[key]"]]
    assert warnings == []


def test_a_transcript_is_what_was_said(tmp_path: Path) -> None:
    """Whether it came before the answer or after, it stands for the name of the file, and is found."""
    path, warnings = tmp_path / "c.sqlite3", list[str]()
    kept = keeping(path, warnings)
    kept.commit(msgspec.structs.replace(answer("a.wav", "One."), spoken=True, heard="Where is the Danube?"))
    kept.commit(msgspec.structs.replace(answer("b.wav", "Two."), index=2, spoken=True))
    kept.commit(msgspec.structs.replace(answer("c.wav", "Three."), index=3, spoken=True))
    with opened(path) as memory:
        assert memory.search("Rhine") == []  # and now there is an index
    kept.heard(2, f"Where is the Rhine, {KEY}?")
    kept.heard(3, "")
    kept.heard(7, "Nobody asked that.")
    kept.close()
    assert texts(path) == [["Where is the Danube?", "One.", "Where is the Rhine, [key]?", "Two.", "c.wav", "Three."]]
    with opened(path) as memory:
        assert [hit.item.text for hit in memory.search("rhine")] == ["Where is the Rhine, [key]?"]
        assert memory.search("b.wav") == []
        items = memory.items(memory.conversations()[0].id)
        assert all(item.spoken for item in items)
        assert [item.heard for item in items] == [True, False, True, False, False, False]
    assert warnings == []


def test_a_transcript_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one sentence, and nothing is raised."""
    path, warnings = tmp_path / "c.sqlite3", list[str]()
    kept = keeping(path, warnings)
    kept.commit(msgspec.structs.replace(answer("a.wav", "One."), spoken=True))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        kept.heard(1, "Where?")
    kept.close()
    assert len(warnings) == 1


def test_a_conversation_goes_on(tmp_path: Path) -> None:
    """Continued yesterday's, then begun a new one."""
    path, warnings = tmp_path / "c.sqlite3", list[str]()
    with opened(path) as memory:
        yesterday = memory.begin(ABOUT)
        memory.note(yesterday, answer("One?", "One."))
    kept = keeping(path, warnings, yesterday)
    kept.commit(answer("Two?", "Two."))
    kept.continue_with(None)
    kept.commit(answer("Three?", "Three."))
    assert kept.conversation_id not in {None, yesterday}
    kept.close()
    assert texts(path) == [["Three?", "Three."], ["One?", "One.", "Two?", "Two."]]
    assert warnings == []


def test_a_locked_database_is_told_once_and_made_up_for(tmp_path: Path) -> None:
    """While another program holds it, answers wait; then all of them are kept, in their order."""
    path, warnings = tmp_path / "c.sqlite3", list[str]()
    opened(path).close()
    kept = keeping(path, warnings)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        kept.commit(answer("One?", "One."))
        kept.commit(answer("Two?", "Two."))
        assert kept.n_waiting == 2
        other.execute("ROLLBACK")
    kept.commit(answer("Three?", "Three."))
    assert kept.n_waiting == 0
    kept.close()
    assert texts(path) == [["One?", "One.", "Two?", "Two.", "Three?", "Three."]]
    assert len(warnings) == 1
    assert warnings[0].startswith("This conversation is not kept. The conversations in")
    assert "another program is using it" in warnings[0]


def test_a_file_damaged_on_the_way_is_moved_aside(tmp_path: Path) -> None:
    """The chat goes on in a new file, and the user is told where the old one is."""
    path, warnings = tmp_path / "c.sqlite3", list[str]()
    with opened(path) as memory:
        yesterday = memory.begin(ABOUT)
        for _ in range(50):
            memory.note(yesterday, answer(text="words " * 500))
    break_pages(path)
    kept = keeping(path, warnings, yesterday)
    kept.commit(answer("One?", "One."))
    kept.commit(answer("Two?", "Two."))
    kept.close()
    assert texts(path) == [["One?", "One.", "Two?", "Two."]]
    (moved,) = tmp_path.glob("c.damaged-*.sqlite3")
    assert warnings == [f"The kept conversations were damaged. A new file is begun; the old one is {moved}."]


def test_a_conversation_deleted_meanwhile_becomes_a_new_one(tmp_path: Path) -> None:
    """What is said after the deletion is kept; what was deleted is not."""
    path, warnings = tmp_path / "c.sqlite3", list[str]()
    kept = keeping(path, warnings)
    kept.commit(answer("One?", "One."))
    assert kept.conversation_id is not None
    with opened(path) as memory:
        memory.delete([kept.conversation_id])
    kept.commit(answer("Two?", "Two."))
    kept.close()
    assert texts(path) == [["Two?", "Two."]]
    assert warnings == []


def test_no_directory_costs_one_line(tmp_path: Path) -> None:
    """What waits is bounded, and closing is quiet."""
    (tmp_path / "file").touch()
    warnings = list[str]()
    kept = keeping(tmp_path / "file" / KEY / "c.sqlite3", warnings)
    for _ in range(MAX_WAITING + 5):
        kept.commit(answer())
    kept.continue_with(None)
    assert kept.n_waiting == 0
    kept.commit(answer())
    kept.close()
    assert len(warnings) == 1
    assert KEY not in warnings[0]


def test_a_full_disk_costs_one_line(tmp_path: Path) -> None:
    """Answers wait for space; when there is some, they are kept."""
    disk, warnings = tmp_path / "disk", list[str]()
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        kept = keeping(disk / "c.sqlite3", warnings)
        kept.commit(answer("One?", "One."))
        with (disk / "fill").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1024))
        kept.commit(answer("Two?", "Two." * 3000))
        assert kept.n_waiting == 1
        (disk / "fill").unlink()
        kept.close()
        assert kept.n_waiting == 0
        assert texts(disk / "c.sqlite3") == [["One?", "One.", "Two?", "Two." * 3000]]
        assert len(warnings) == 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_no_memory_keeps_nothing() -> None:
    """It takes the place of what keeps."""
    kept: Keeping | NoMemory = NoMemory()
    kept.commit(answer())
    kept.continue_with("7pz5rhgz")
    kept.close()
    assert (kept.conversation_id, kept.n_waiting) == (None, 0)
