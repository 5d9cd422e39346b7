"""`geppetto keys` and a chat with a keyring, as processes: the key is in the keyring, and nowhere else."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes.keyring_backend import ASKED, environment, secrets
from tests.fakes.program import files_below, open_program, run_program
from tests.fakes.scripted_server import answers, scripted_server

if TYPE_CHECKING:
    from pathlib import Path

KEY: Final = "sk-abcdefghijklmnopqrstuvwxyz0123"
STRICT: Final = ("-W", "error", "-m", "geppetto")
"""A warning of the package keyring would be an error."""
WITHOUT_ECHO: Final = """
import atexit, sys, termios
attributes = termios.tcgetattr(0)
attributes[3] |= termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, attributes)
atexit.register(lambda: print("echo", bool(termios.tcgetattr(0)[3] & termios.ECHO), flush=True))
from geppetto.__main__ import main
sys.argv[0] = "geppetto"
main()
"""


def ring(tmp_path: Path) -> Path:
    """Return the file of the keyring."""
    return tmp_path / "ring.json"


async def stored(tmp_path: Path, host: str = "api.openai.com") -> None:
    """Store the key of *host* in the keyring."""
    env = environment(ring(tmp_path))
    ran = await run_program(["keys", "set", host, "--keyring"], cwd=tmp_path, stdin=f"{KEY}\n", env=env, run=STRICT)
    assert (ran.status, ran.stdout) == (0, "")
    assert ran.stderr == f"The key for {host} is stored in the keyring of the system.\n"


async def test_set_list_and_delete(tmp_path: Path) -> None:
    """The list says where it is without asking the keyring, which may be locked; nothing else has the key."""
    await stored(tmp_path, "api.x.ai")
    assert secrets(ring(tmp_path)) == {"geppetto api.x.ai": KEY}
    ran = await run_program(["keys", "list"], cwd=tmp_path, env=environment(ring(tmp_path), "locked"), run=STRICT)
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout == "api.x.ai  ****  keyring  xai\n"
    for file in files_below(tmp_path):
        assert file == ring(tmp_path) or KEY[:8].encode() not in file.read_bytes()
    ran = await run_program(["keys", "delete", "xai"], cwd=tmp_path, env=environment(ring(tmp_path)), run=STRICT)
    assert (ran.status, ran.stderr) == (0, "The key for api.x.ai is deleted.\n")
    assert secrets(ring(tmp_path)) == {}
    ran = await run_program(["keys", "list"], cwd=tmp_path)
    assert "No key is stored" in ran.stderr


async def test_a_newer_key_stays_where_the_older_is(tmp_path: Path) -> None:
    """`keys set` alone puts it into the keyring again; --file moves it."""
    await stored(tmp_path)
    env = environment(ring(tmp_path))
    ran = await run_program(["keys", "set"], cwd=tmp_path, stdin="newer-key\n", env=env, run=STRICT)
    assert "in the keyring of the system" in ran.stderr
    assert secrets(ring(tmp_path)) == {"geppetto api.openai.com": "newer-key"}
    ran = await run_program(["keys", "set", "--file"], cwd=tmp_path, stdin=f"{KEY}\n", env=env, run=STRICT)
    assert "keys.json.\n" in ran.stderr
    assert secrets(ring(tmp_path)) == {}


async def test_a_chat_takes_its_key_from_the_keyring(tmp_path: Path) -> None:
    """The server gets it, and no file, log or output has it."""
    async with scripted_server(answers(["Fine."])) as server:
        host = server.url.split("/")[2]
        await stored(tmp_path, host)
        args = ["--url", server.url, "--max-retries", "0", "--log-audio"]
        ran = await run_program(args, cwd=tmp_path, stdin="Hi.\n", env=environment(ring(tmp_path)), run=STRICT)
    assert (ran.status, ran.stdout) == (0, "Fine.\n")
    assert [seen.header("authorization") for seen in server.connections] == [f"Bearer {KEY}"]
    assert KEY[:8] not in ran.stdout + ran.stderr
    files = [file for file in files_below(tmp_path) if file != ring(tmp_path)]
    assert any(file.suffix == ".log" for file in files)
    assert not any(KEY[:8].encode() in file.read_bytes() for file in files)


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("keyring.backends.fail.Keyring", "There is no keyring on this system that can be used."),
        ("keyring.backends.null.Keyring", "does not keep what it is given."),
        ("no.such.module.Keyring", "The keyring of the system failed (ModuleNotFoundError)."),
        ("nonsense", "The keyring of the system failed (ValueError)."),
    ],
)
async def test_a_keyring_that_cannot_be_used(tmp_path: Path, backend: str, said: str) -> None:
    """It is status 2, one sentence and no traceback; no key is stored."""
    env = {"PYTHON_KEYRING_BACKEND": backend}
    ran = await run_program(["keys", "set", "--keyring"], cwd=tmp_path, stdin=f"{KEY}\n", env=env, run=STRICT)
    assert ran.status == 2
    assert said in ran.stderr
    assert ran.stderr.endswith("`geppetto keys set api.openai.com --file` keeps the key in a file instead.\n")
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / ".config").exists()


@pytest.mark.parametrize("command", [[], ["ask", "Hi"], ["doctor", "--no-turn"], ["models"], ["keys", "delete"]])
async def test_a_locked_keyring_ends_what_needs_it(tmp_path: Path, command: list[str]) -> None:
    """Each command says it in a sentence, and the way on; the doctor makes a finding of it."""
    await stored(tmp_path, "127.0.0.1:1")
    env = environment(ring(tmp_path), "locked")
    args = [*command, "127.0.0.1:1"] if command[:1] == ["keys"] else [*command, "--url", "ws://127.0.0.1:1/"]
    ran = await run_program(args, cwd=tmp_path, stdin="Hi.\n", env=env, run=STRICT)
    assert ran.status == 2
    assert "The keyring of the system is locked. Unlock it and try again." in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


async def test_the_doctor_says_where_the_key_is_from(tmp_path: Path) -> None:
    """And no part of it."""
    await stored(tmp_path, "127.0.0.1:1")
    args = ["doctor", "--no-turn", "--url", "ws://127.0.0.1:1/"]
    ran = await run_program(args, cwd=tmp_path, env=environment(ring(tmp_path)), run=STRICT)
    assert f"There is a key (keyring of the system), {len(KEY)} characters." in ran.stdout
    assert KEY[:8] not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "args", [["keys", "set", "--keyring"], ["keys", "delete", "api.openai.com"], ["ask", "Hi"], ["doctor"], []]
)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_keyring_that_hangs_can_be_left(
    tmp_path: Path, args: list[str], number: signal.Signals, status: int
) -> None:
    """Ctrl+C and SIGTERM end the wait for it at once, without a traceback."""
    await stored(tmp_path)
    async with open_program(args, cwd=tmp_path, env=environment(ring(tmp_path), "hangs"), run=STRICT) as program:
        await program.wrote(ASKED)
        program.signal(number)
        ran = await program.left()
    assert ran.status == status
    assert "Traceback" not in ran.stderr
    assert secrets(ring(tmp_path)) == {"geppetto api.openai.com": KEY}


async def test_a_password_that_nobody_types(tmp_path: Path) -> None:
    """Ctrl+C at the prompt of a keyring gives the terminal its echo back."""
    await stored(tmp_path)
    env = environment(ring(tmp_path), "asks")
    async with open_program([], cwd=tmp_path, env=env, terminal=True, run=("-c", WITHOUT_ECHO)) as program:
        await program.wrote("Password of the keyring: ")
        await program.type("\x03")
        ran = await program.left()
    assert ran.status == 130
    assert "echo True" in ran.stdout
    assert "Traceback" not in ran.stdout


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["keys", "--help"], ["keys", "list"], ["chat"]])
async def test_the_package_is_imported_only_for_a_key_in_the_keyring(tmp_path: Path, args: list[str]) -> None:
    """Not for help, a list, or a chat whose key is in a variable or in the file."""
    await stored(tmp_path, "voice.example")
    if args == ["chat"]:
        args = ["--url", "wss://127.0.0.1:1/", "--max-retries", "0", "--key-env", "MY_KEY"]
    env = {**environment(ring(tmp_path), "locked"), "MY_KEY": KEY}
    run = ("-X", "importtime", "-m", "geppetto")
    ran = await run_program(args, cwd=tmp_path, stdin="Hi.\n", env=env, run=run)
    imported = {
        line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")
    }
    assert "geppetto" in imported
    assert not any(name.split(".")[0] in {"keyring", "jaraco", "secretstorage", "jeepney"} for name in imported)


async def test_without_the_extra(tmp_path: Path) -> None:
    """The sentence has the line that installs it; a key is not asked for in vain."""
    code = "import sys; sys.modules['keyring'] = None; from geppetto.cli.main import run; sys.argv[0] = 'g'; run()"
    ran = await run_program(["keys", "set", "--keyring"], cwd=tmp_path, stdin=f"{KEY}\n", run=("-c", code))
    assert ran.status == 2
    assert ran.stderr == (
        "geppetto: The keyring of the system needs the extra package keyring. "
        'Run `python3 -m pip install "geppetto[keyring]"`.\n'
    )
