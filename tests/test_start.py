"""
What a start waits for: nothing that it does not need.

Times depend on the machine, so what is checked is what the time is spent on: which modules are imported.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.providers import PROVIDERS
from geppetto.realtime.dialects import DIALECTS
from geppetto.setting import SETTINGS
from tests.fakes.asked import Desk, echo
from tests.fakes.program import MODULE, run_program
from tests.fakes.scripted_server import scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.program import Ran

TIMED = ("-X", "importtime", *MODULE)
HEAVY = {"asyncio", "numpy", "peewee", "prompt_toolkit", "pydantic", "sqlite3", "tqdm"}
"""What some command needs, and hardly any other."""
MOST_COMPILED = 30
"""Classes of attrs, half a millisecond each."""


def imported(ran: Ran) -> set[str]:
    """Return the names of all modules that a run with `TIMED` imported."""
    assert ran.status == 0
    found = set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", ran.stderr, re.MULTILINE))
    assert "geppetto" in found
    return found


async def test_the_version_needs_nothing(tmp_path: Path) -> None:
    """It is what scripts ask for, and known without reading a line of anything else."""
    ran = await run_program(["--version"], cwd=tmp_path, run=TIMED)
    ours = {name for name in imported(ran) if name.startswith("geppetto")}
    assert ours <= {"geppetto", "geppetto.__main__"}
    assert not imported(ran) & {"attr", "click", "inspect", "json", "logging", "ssl", "trio", "typing"}


@pytest.mark.parametrize("option", ["--help", "--no-such-option"])
async def test_the_help_needs_no_event_loop(tmp_path: Path, option: str) -> None:
    """Whoever asks which flags there are, or mistypes one, waits for click and for the table of settings."""
    ran = await run_program([option], cwd=tmp_path, run=TIMED)
    ran.status = 0
    needless = {"attr", "geppetto.config", "geppetto.realtime", "json", "socket", "ssl", "tomllib", "trio"}
    assert not imported(ran) & {*HEAVY, *needless, "trio_websocket", "wsproto"}


async def test_a_piped_question_needs_no_more_than_its_answer(tmp_path: Path) -> None:
    """No prompt, no memory, no bar, no report, no prices, no other source of questions."""
    async with scripted_server(Desk(echo).story) as server:
        ran = await run_program(["--url", server.url], cwd=tmp_path, run=TIMED, stdin="a?\n")
    ours = {
        "geppetto.audio.reading",
        "geppetto.batch.elsewhere",
        "geppetto.batch.junit",
        "geppetto.batch.recovery",
        "geppetto.cli.chat",
        "geppetto.cli.progress",
        "geppetto.cli.remembering",
        "geppetto.cluster",
        "geppetto.doctor",
        "geppetto.keystore.file",
        "geppetto.memory",
        "geppetto.offline",
        "geppetto.pricing.maintained",
        "geppetto.pricing.price",
        "geppetto.records.template",
        "geppetto.repl",
        "geppetto.settings.file",
    }
    needless = {"difflib", "glob", "html", "platformdirs", "python_socks", "statistics", "tomllib", "wave", "xml"}
    assert not imported(ran) & {*HEAVY, *ours, *needless}


async def test_few_classes_are_compiled_for_a_piped_question(tmp_path: Path) -> None:
    """Each class of attrs takes as long as three modules, so what is nothing but values is made of msgspec's."""
    code = (
        "import atexit, sys, geppetto.__main__\n"
        "def compiled():\n"
        "    modules = [module for name, module in sys.modules.items() if name.startswith('geppetto.')]\n"
        "    named = {one for module in modules for one in vars(module).values() if isinstance(one, type)}\n"
        "    ours = [one for one in named if one.__module__.startswith('geppetto.')]\n"
        "    print(len([one for one in ours if '__attrs_attrs__' in vars(one)]))\n"
        "atexit.register(compiled)\n"
        "geppetto.__main__.main()\n"
    )
    async with scripted_server(Desk(echo).story) as server:
        ran = await run_program(["--url", server.url, "--quiet"], cwd=tmp_path, run=("-c", code), stdin="a?\n")
    answer, count = ran.stdout.splitlines()
    assert answer == "<a?>"
    assert 0 < int(count) <= MOST_COMPILED


async def test_the_package_is_imported_when_it_is_used(tmp_path: Path) -> None:
    """A program that imports it pays for the Python API with the first name that it takes from there."""
    code = "import sys, geppetto; print(*sys.modules.keys() & {'attr', 'trio'}); geppetto.open_chat; import trio"
    ran = await run_program([], cwd=tmp_path, run=("-c", code))
    assert (ran.status, ran.stdout) == (0, "\n")


def test_the_table_of_settings_knows_the_names() -> None:
    """The help lists every provider and dialect, and imports neither."""
    choices = {setting.name: setting.choices for setting in SETTINGS}
    assert choices["provider"] == tuple(PROVIDERS)
    assert choices["dialect"] == tuple(DIALECTS)


@pytest.mark.parametrize("command", [[], ["ask", "a?"]])
async def test_garbage_is_looked_for_while_it_runs(tmp_path: Path, command: list[str]) -> None:
    """Only the start does without: what an hour of answers leaves behind must not stay."""
    code = (
        "import atexit, gc, geppetto.__main__\n"
        "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 10_000))\n"
        "geppetto.__main__.main()\n"
    )
    async with scripted_server(Desk(echo).story) as server:
        args = ["--url", server.url, "--quiet", *command]
        ran = await run_program(args, cwd=tmp_path, run=("-c", code), stdin="" if command else "a?\n")
    assert (ran.status, ran.stdout) == (0, "<a?>\nTrue True\n")


@contextmanager
def slow_voice(directory: Path) -> Iterator[int]:
    """
    Put a voice in *directory* that is never loaded; yield a pipe that can be read when somebody begins to.

    Closes: the pipe; what waits for the voice finds that there is none.
    """
    begun, held = directory / "begun", directory / "held"
    os.mkfifo(begun)
    os.mkfifo(held)
    package = directory / "hibari"
    package.mkdir()
    (package / "__init__.py").write_text(
        f"begun = open({str(begun)!r}, 'wb', buffering=0)\nbegun.write(b'!')\nopen({str(held)!r}, 'rb').read()\n"
        "raise ImportError('no voice')\n"
    )
    reader = os.open(begun, os.O_RDONLY | os.O_NONBLOCK)
    holder = os.open(held, os.O_RDWR)  # so that neither end waits for the other to be opened
    try:
        yield reader
    finally:
        os.close(holder)
        os.close(reader)


async def test_the_prompt_does_not_wait_for_the_voice(tmp_path: Path) -> None:
    """What is typed while the embedded server loads its voice stands there at once, and can be mended."""
    pytest.importorskip("pyte")
    from tests.fakes.program import CHECKOUT
    from tests.repl.stage import open_stage

    home = tmp_path / "home"
    home.mkdir()
    with slow_voice(tmp_path) as begun:
        env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{CHECKOUT}"}
        async with open_stage(["--offline"], cwd=home, env=env) as stage:
            await trio.lowlevel.wait_readable(begun)
            await stage.shows("You:")
            await stage.type("What is 12 times 77")
            await stage.shows("What is 12 times 77")
            await stage.type("\x7f?")
            await stage.shows("What is 12 times 7?")
