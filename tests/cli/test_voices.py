"""`geppetto voices`: the known voices, by provider and dialect, with their day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from geppetto.catalogue import CHECKED, VOICES
from geppetto.realtime.dialects import BETA, GA
from tests.fakes.program import run_program

if TYPE_CHECKING:
    from pathlib import Path


async def test_all_that_are_known(tmp_path: Path) -> None:
    """Each with its provider; which ones are GA only; the day on stderr."""
    ran = await run_program(["voices"], cwd=tmp_path)
    assert ran.status == 0
    lines = {line.split()[0]: line for line in ran.stdout.splitlines()}
    assert list(lines) == [voice.name for voice in VOICES]
    assert {name for name, line in lines.items() if "GA only" in line} == {"marin", "cedar"}
    assert ran.stderr == f"These were known on {CHECKED}.\n"


async def test_those_of_a_dialect_and_of_a_server(tmp_path: Path) -> None:
    """Flags before the command count as well as behind it."""
    ran = await run_program(["--dialect", "beta", "voices", "--json"], cwd=tmp_path)
    listing = json.loads(ran.stdout)
    names = {voice["name"] for voice in listing["voices"]}
    assert listing["checked"] == str(CHECKED)
    assert "alloy" in names
    assert not names & {"marin", "cedar", "eve"}
    ran = await run_program(["voices", "--url", "wss://api.x.ai/v1/realtime"], cwd=tmp_path)
    assert {line.split()[1] for line in ran.stdout.splitlines()} == {"xai"}
    ran = await run_program(["voices", "--url", "wss://voice.example/v1/realtime"], cwd=tmp_path)
    assert "Which of them voice.example has is not known." in ran.stderr


async def test_the_embedded_servers(tmp_path: Path) -> None:
    """It has one voice, whatever it is asked for."""
    ran = await run_program(["voices", "--offline", "--json"], cwd=tmp_path)
    (voice,) = json.loads(ran.stdout)["voices"]
    assert (ran.status, voice["name"], voice["provider"]) == (0, "heart", "offline")


async def test_a_wrong_setting_is_a_sentence(tmp_path: Path) -> None:
    """It is 2."""
    ran = await run_program(["voices", "--url", "http://x"], cwd=tmp_path)
    assert (ran.status, ran.stdout) == (2, "")
    assert ran.stderr.startswith("geppetto: ")


def test_the_defaults_are_in_the_table() -> None:
    """Each dialect's default is one of its voices."""
    for dialect in (GA, BETA):
        assert dialect.default_voice in {voice.name for voice in VOICES if dialect.name in voice.dialects}
