"""The house: imports point inwards, and every module is small enough to be read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "geppetto"
MAX_LINES = 300


def modules(*patterns: str) -> list[str]:
    """Return the modules that match any of *patterns*, as paths below the package."""
    found = sorted({path.relative_to(PACKAGE).as_posix() for pattern in patterns for path in PACKAGE.glob(pattern)})
    assert found, f"no module matches {patterns}: the rule has lost its object"
    return found


ALL = modules("**/*.py")
RING_1 = modules("realtime/*.py", "audio/pcm.py", "audio/assembly.py")


def tree(module: str) -> ast.Module:
    """Return the syntax tree of *module*."""
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(module: str) -> set[str]:
    """Return the full names of all that *module* imports, for type checking and inside of functions, too."""
    names: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            assert node.module is not None
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def uses(module: str, *names: str) -> set[str]:
    """Return those of *names*, packages or dotted names, that *module* imports."""
    found = imports(module)
    return {name for name in names if any(one == name or one.startswith(f"{name}.") for one in found)}


def attributes(module: str) -> set[str]:
    """Return what *module* takes by attribute from a plain name: `sys.exit` for `sys.exit(1)`."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


@pytest.mark.parametrize("module", RING_1)
def test_ring_1_is_pure(module: str) -> None:
    """The protocol and the assembling of audio know no event loop, socket, file, clock or log."""
    assert not uses(
        module, "trio", "socket", "ssl", "os", "logging", "time", "datetime", "pathlib", "threading", "sys"
    )
    assert "open" not in {node.id for node in ast.walk(tree(module)) if isinstance(node, ast.Name)}


def test_ring_1_imports_ring_1() -> None:
    """Beside itself it knows only endings and statuses."""
    allowed = (
        "geppetto.realtime",
        "geppetto.audio.pcm",
        "geppetto.audio.assembly",
        "geppetto.errors",
        "geppetto.status",
    )
    for module in RING_1:
        ours = {name for name in imports(module) if name.startswith("geppetto")}
        assert {name for name in ours if not name.startswith(allowed)} == set(), module


def test_one_place_speaks_websocket() -> None:
    """The library is changed in one place, and the rest is tested without it."""
    users = {module for module in ALL if uses(module, "trio_websocket", "wsproto", "h11", "websockets")}
    assert users <= {*modules("connection/*.py"), "offline/server.py"}


def test_the_process_is_the_business_of_the_command_line() -> None:
    """Nothing else reads the environment, writes to a standard stream or exits."""
    for module in set(ALL) - {*modules("cli/*.py"), "__main__.py"}:
        taken = attributes(module) & {"sys.stdin", "sys.stdout", "sys.stderr", "sys.exit", "sys.argv", "os.environ"}
        assert taken == set(), module
        assert not uses(
            module, "sys.stdin", "sys.stdout", "sys.stderr", "sys.exit", "os.environ", "os.getenv", "click"
        )
        assert "os.getenv" not in attributes(module), module
        called = {
            node.func.id
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"print", "input", "exit", "quit"}, module


def test_nurseries_have_few_owners() -> None:
    """Whoever wants to know what runs has few places to look."""
    owners = {
        module
        for module in ALL
        if any(isinstance(node, ast.Attribute) and node.attr == "open_nursery" for node in ast.walk(tree(module)))
        or uses(module, "trio.open_nursery")
    }
    assert owners == {
        "batch/pool.py",
        "batch/run.py",
        "chat.py",
        "cluster/pool.py",
        "connections.py",
        "connection/transport.py",
        "offline/server.py",
        "repl/run.py",
    }


def test_tasks_do_not_know_each_other() -> None:
    """Each has one job, and can be read and tested alone; nor do they know who composes them."""
    for module in modules("tasks/*.py"):
        assert not uses(module, "geppetto.tasks", "geppetto.chat", "geppetto.connections", "geppetto.cli"), module


def test_the_offline_server_is_a_wing_of_its_own() -> None:
    """It shares the protocol, the audio, errors and statuses with the client, and is not known by it."""
    allowed = ("geppetto.offline", "geppetto.realtime", "geppetto.audio", "geppetto.errors", "geppetto.status")
    for module in modules("offline/**/*.py"):
        ours = {name for name in imports(module) if name.startswith("geppetto")}
        assert {name for name in ours if not name.startswith(allowed)} - {"geppetto.__version__"} == set(), module
    for module in set(ALL) - {*modules("offline/**/*.py", "cli/*.py")}:
        assert not uses(module, "geppetto.offline"), module


def test_nothing_imports_the_command_line() -> None:
    """It is the outermost ring; only the entry point starts it."""
    for module in set(ALL) - {*modules("cli/*.py"), "__main__.py"}:
        assert not uses(module, "geppetto.cli"), module


def test_records_know_no_event_loop() -> None:
    """What is kept on the disk is written in threads, by whoever has them."""
    for module in modules("records/*.py", "audio/*.py"):
        assert not uses(module, "trio"), module


@pytest.mark.parametrize("module", ALL)
def test_modules_are_short(module: str) -> None:
    """A module that grows past the limit is asked to split."""
    lines = (PACKAGE / module).read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{module} has {lines} lines"


def test_the_version_costs_nothing() -> None:
    """`geppetto --version` loads neither the event loop nor the command-line library."""
    code = (
        "import runpy, sys\n"
        "sys.argv = ['geppetto', '--version']\n"
        "runpy.run_module('geppetto', run_name='__main__')\n"
        "print(sorted({'trio', 'click', 'attrs', 'trio_websocket'} & sys.modules.keys()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    version, loaded = run.stdout.splitlines()
    assert version.startswith("geppetto ")
    assert loaded == "[]"
