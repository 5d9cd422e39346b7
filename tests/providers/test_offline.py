"""The embedded server as a provider: whatever is asked of the others holds for it, without a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from geppetto.status import ExitStatus
from tests.fakes.program import frames, run_program, transcripts, wavs
from tests.providers.saying import answering, turn
from tests.providers.stage import KEY, assert_answer, assert_documented, assert_quiet, talking

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_chat_by_its_address(tmp_path: Path) -> None:
    """By its address it is spoken to as OpenAI is, and a key is not needed."""
    async with talking(answering([turn(1, "One.")]), tmp_path, "offline", api_key=None, model="m") as at:
        assert_answer(await at.chat.ask("a?"), "One.")
    assert at.query == {"model": "m"}
    assert at.seen.header("Authorization") is None
    assert at.session["type"] == "realtime"
    assert_documented(at.seen)
    assert_quiet(at)


async def test_the_real_one_costs_nothing(tmp_path: Path) -> None:
    """Which is known: a limit of cost can be kept, programs get a zero, and the last line says it in words."""
    args = ["--provider", "offline", "--modality", "text", "--max-cost", "0.5", "--json"]
    ran = await run_program(args, cwd=tmp_path, stdin="What is 12 times 7?\nWhat is 2 plus 2?\n")
    assert ran.status == ExitStatus.OK, ran.stderr
    costs = [json.loads(line)["cost"] for line in ran.stdout.splitlines()]
    assert [(cost["usd"], cost["source"]) for cost in costs] == [(0, "the embedded server")] * 2
    assert " · it cost nothing · " in ran.stderr.splitlines()[-1]
    assert ran.stderr.count("cost") == 1


@pytest.mark.parametrize("dialect", ["ga", "beta"])
async def test_a_chat_with_the_real_one(tmp_path: Path, dialect: str) -> None:
    """The provider `offline` starts the embedded server, which answers in both dialects, and no key goes anywhere."""
    ran = await run_program(
        ["--provider", "offline", "--dialect", dialect],
        cwd=tmp_path,
        stdin="What is 12 times 7?\n",
        env={"OPENAI_API_KEY": KEY},
    )
    assert ran.status == ExitStatus.OK, ran.stderr
    assert ran.stdout == "12 times 7 is 84.\n"
    assert "the server reported" not in ran.stderr
    assert transcripts(tmp_path) == ["12 times 7 is 84."]
    (wav,) = wavs(tmp_path)
    assert len(frames(wav)) > 24_000
    assert KEY not in "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
