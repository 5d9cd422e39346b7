"""The file of the database: whose it is, and what becomes of it when it is broken, held or shared."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from geppetto.memory.place import database_path
from geppetto.memory.store import Memory
from geppetto.memory.trouble import Damaged, MemoryFailed
from tests.fakes.program import CHECKOUT, environment
from tests.memory.remembered import ABOUT, answer, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

BOUND_S = 60.0
WRITER = """
import sys
from pathlib import Path
from tests.memory.remembered import ABOUT, answer
from geppetto.memory.store import Memory
n = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
with Memory.open(Path(sys.argv[1]), timeout_s=30) as memory:
    assert memory.moved is None
    kept = memory.begin(ABOUT)
    for i in range(n):
        memory.note(kept, answer(f"question {i} of {kept}", "words " * 50))
        if i % 10 == 0:
            memory.search("question")
print(kept)
"""

OPENER = """
import sys
from pathlib import Path
from tests.memory.remembered import ABOUT
from geppetto.memory.store import Memory
print("ready", flush=True)
sys.stdin.readline()
for i in range(60):
    with Memory.open(Path(sys.argv[1]) / str(i), timeout_s=30) as memory:
        assert memory.moved is None
        memory.begin(ABOUT)
"""


def test_the_files_are_for_the_user_alone(tmp_path: Path) -> None:
    """The directory is made 0700, and every file of the database 0600, also one that was open to all."""
    path = tmp_path / "share" / "geppetto" / "c.sqlite3"
    with opened(path) as memory:
        memory.note(memory.begin(ABOUT), answer())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert modes == {"c.sqlite3": 0o600, "c.sqlite3-wal": 0o600, "c.sqlite3-shm": 0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    opened(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"This is no database. " * 400, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, content: bytes) -> None:
    """Its bytes stay under a name that is told; twice in a second, too."""
    path = tmp_path / "c.sqlite3"
    moved: set[Path] = set()
    for _ in range(2):
        path.write_bytes(content)
        with opened(path) as memory:
            assert memory.moved is not None
            assert memory.moved.name.startswith("c.damaged-")
            assert memory.moved.read_bytes() == content
            moved.add(memory.moved)
            memory.note(memory.begin(ABOUT), answer())
            assert memory.last() is not None
    assert len(moved) == 2


def test_damage_that_shows_later_is_told(tmp_path: Path) -> None:
    """What is broken behind the first page is found by whoever reads it; then it can be moved, once."""
    path = tmp_path / "c.sqlite3"
    with opened(path) as memory:
        kept = memory.begin(ABOUT)
        for _ in range(50):
            memory.note(kept, answer(text="words " * 500))
    break_pages(path)
    memory, other = opened(path), opened(path)
    for each in (memory, other):
        with pytest.raises(Damaged, match="are damaged"):
            each.items(kept)
    moved = memory.move_damaged()
    assert moved is not None
    assert moved.exists()
    assert Path(f"{moved}-wal").exists()  # the other one still had it open
    with opened(path) as new:
        new.note(new.begin(ABOUT), answer())
        assert other.move_damaged() is None
        assert new.last() is not None
    with opened(path) as new:
        assert new.last() is not None


def break_pages(path: Path) -> None:
    """Overwrite everything but the first page, which has the schema."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def test_a_locked_database_is_a_sentence(tmp_path: Path) -> None:
    """Whoever waits for another program waits no longer than was said."""
    path = tmp_path / "c.sqlite3"
    with opened(path, timeout_s=0.05) as memory, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MemoryFailed, match="another program is using it"):
            memory.begin(ABOUT)
        other.execute("ROLLBACK")
        assert memory.begin(ABOUT)


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(MemoryFailed, match="cannot be used"):
        Memory.open(tmp_path / "file" / "c.sqlite3")


def test_a_directory_in_place_of_the_file_is_a_sentence(tmp_path: Path) -> None:
    """It is nothing to move aside."""
    with pytest.raises(MemoryFailed, match="it cannot be opened"):
        Memory.open(tmp_path)


def start(code: str, *args: str, home: Path) -> subprocess.Popen[str]:
    """Start Python on *code*, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=environment(home, {}),
    )


def finish(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Let them all begin at once, and return what each wrote last."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    written = []
    for process in processes:
        out, _ = process.communicate(timeout=BOUND_S)
        assert process.returncode == 0
        written.append(out.strip())
    return written


def test_processes_share_the_file(tmp_path: Path) -> None:
    """Three make it at once, write, search and close, and nothing of any of them is missing or mixed."""
    path = tmp_path / "new" / "c.sqlite3"
    kept = finish([start(WRITER, str(path), "40", home=tmp_path) for _ in range(3)])
    with opened(path) as memory:
        assert len(set(kept)) == 3
        for conversation in kept:
            questions = [item.text for item in memory.items(conversation) if item.role == "user"]
            assert questions == [f"question {i} of {conversation}" for i in range(40)]
        assert len(memory.search("question", limit=200)) == 120
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_processes_open_and_close_at_once(tmp_path: Path) -> None:
    """Nobody is told "locked" by one who makes a file, or who closes it as the last one."""
    finish([start(OPENER, str(tmp_path / "new"), home=tmp_path) for _ in range(3)])
    for path in (tmp_path / "new" / str(i) for i in range(60)):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM conversations").fetchall() == [(3,)]


def test_a_killed_process_leaves_what_it_kept(tmp_path: Path) -> None:
    """Every answer that was noted is there after `kill -9`, and the file is whole."""
    path = tmp_path / "c.sqlite3"
    code = WRITER.replace('print("ready", flush=True)\nsys.stdin.readline()\n', "").replace(
        "print(kept)", "print(kept, flush=True)\nsys.stdin.readline()"
    )
    process = start(code, str(path), "5", home=tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate(timeout=BOUND_S)
    with opened(path) as memory:
        last = memory.last()
        assert memory.moved is None
        assert last is not None
        assert last.n_answers == 5


@pytest.mark.parametrize(
    ("environ", "directory"), [({"GEPPETTO_DATA_DIR": "/elsewhere"}, "/elsewhere"), ({"GEPPETTO_DATA_DIR": ""}, None)]
)
def test_the_place(environ: dict[str, str], directory: str | None) -> None:
    """A variable names another directory."""
    path = database_path(environ)
    assert path.name == "conversations.sqlite3"
    assert path.is_absolute()
    assert str(path.parent) == directory if directory else path.parent.name == "geppetto"
