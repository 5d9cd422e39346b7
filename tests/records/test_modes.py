"""Who may read the files: the user alone, or whoever the umask lets."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from geppetto.errors import OutputFailed
from geppetto.records.modes import FileModes, check_writable, create_temporary, make_directory
from tests.fakes.program import files_below, run_program
from tests.fakes.scripted_server import answers, scripted_server

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    """Return the permissions of *path*."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("flags", "umask", "file", "directory"),
    [
        ((), "000", 0o600, 0o700),
        ((), "022", 0o600, 0o700),
        ((), "0177", 0o600, 0o600),
        (("--shared-files",), "000", 0o666, 0o777),
        (("--shared-files",), "027", 0o640, 0o750),
        (("--shared-files",), "077", 0o600, 0o700),
    ],
)
async def test_every_file_of_a_session_has_the_same_mode(
    tmp_path: Path, flags: tuple[str, ...], umask: str, file: int, directory: int
) -> None:
    """Logs, WAVs, transcripts and figures are 0600 in 0700, or what the umask leaves with --shared-files."""
    if umask == "0177" and os.geteuid() != 0:
        pytest.skip("with this umask only root may enter a new directory")
    async with scripted_server(answers(["One."])) as server:
        ran = await run_program(
            [
                "--url",
                server.url,
                "--metrics",
                "figures.json",
                "--audio-output-dir",
                "a/b",
                "--log-dir",
                "l/m",
                *flags,
            ],
            cwd=tmp_path,
            stdin="Hi\n",
            shell=f'umask {umask}; exec "$@"',
        )
    assert ran.status == 0, ran.stderr
    files = files_below(tmp_path)
    assert sorted(path.suffix for path in files) == [".json", ".log", ".txt", ".wav"]
    assert {path.suffix: mode(path) for path in files} == dict.fromkeys((".json", ".log", ".txt", ".wav"), file)
    made = [tmp_path / name for name in ("a", "a/b", "l", "l/m")]
    assert [mode(path) for path in made] == [directory] * 4


def test_a_directory_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    """Its permissions are its owner's business; only what is missing below it is made."""
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)
    make_directory(there)
    make_directory(there / "new" / "deep")
    assert [mode(path) for path in (there, there / "new", there / "new" / "deep")] == [0o755, 0o700, 0o700]


@pytest.mark.parametrize("below", ["file", "file/below", "dangling", "dangling/below"])
def test_what_is_no_directory_is_an_error(tmp_path: Path, below: str) -> None:
    """A file, or a link to nothing, in the place of a directory is told, and not replaced."""
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        make_directory(tmp_path / below)
    assert (tmp_path / "file").is_file()
    assert (tmp_path / "dangling").is_symlink()


def test_temporary_files_have_names_of_their_own(tmp_path: Path) -> None:
    """Two of them for one path are two files, each with the mode that was asked for."""
    modes = FileModes(file=0o640)
    made = [create_temporary(tmp_path / "x.txt", modes.file) for _ in range(2)]
    for fd, _ in made:
        os.close(fd)
    paths = {path for _, path in made}
    assert len(paths) == 2
    assert {mode(path) for path in paths} == {0o640}
    assert all(path.name.startswith("x.txt.") and path.suffix == ".part" for path in paths)


def test_what_cannot_be_written_is_found_early(tmp_path: Path) -> None:
    """A file in the way is; a directory that can be made is fine, and is not made."""
    check_writable(tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputFailed, match="is not a directory"):
        check_writable(tmp_path / "file" / "deep")
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputFailed, match="Permission denied"):
            check_writable(tmp_path / "new")
        tmp_path.chmod(0o700)
