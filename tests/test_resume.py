"""A run of 500 questions that is killed again and again, while the network and the server do their worst."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import trio

from tests.fakes.asked import Desk, Trouble
from tests.fakes.program import frames, open_program, run_program, wavs
from tests.fakes.scripted_server import scripted_server

if TYPE_CHECKING:
    from pathlib import Path

SEED = int(os.environ.get("GEPPETTO_SEED") or random.SystemRandom().randrange(1 << 32))
QUESTIONS: Final = 500
KILLS: Final = 3
SHARE: Final = 0.06
BOUND_S: Final = 120.0

Line = dict[str, Any]


def answered(line: Line) -> bool:
    """Return whether *line* is a result with an answer."""
    return line["status"] in {"completed", "incomplete"}


def whole_lines(text: str) -> list[Line]:
    """Return the JSON objects of *text*; a last line without its end is what a kill left."""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


async def test_nothing_is_lost_or_doubled_by_three_kills_and_a_bad_network(tmp_path: Path) -> None:
    """500 questions, `--jobs 8`, random faults, three SIGKILLs: 500 answers, each once, each with its own audio."""
    sys.stdout.write(f"GEPPETTO_SEED={SEED}\n")  # shown when this test fails
    rng = random.Random(SEED)
    trouble = Trouble(rng, SHARE)
    desk = Desk(trouble.reply)
    (tmp_path / "questions.txt").write_text("".join(f"What is {n}?\n" for n in range(1, QUESTIONS + 1)))
    manifest = tmp_path / "run.jsonl"
    told: list[list[Line]] = []
    with trio.fail_after(6 * BOUND_S):  # each process has its own bound
        async with scripted_server(desk.story) as server:
            args = ["batch", "questions.txt", "--url", server.url, "--jobs", "8", "--json", "--manifest", "run.jsonl"]
            for _ in range(KILLS):
                more = ["--resume"] if manifest.exists() else []
                async with open_program([*args, *more], cwd=tmp_path) as program:
                    await desk.wait_for(len(desk.asked) + rng.randint(60, 150))
                    program.signal(signal.SIGKILL)
                    ran = await program.left()
                assert ran.status == 128 + signal.SIGKILL, ran.stderr
                told.append(whole_lines(ran.stdout))
            while True:
                ran = await run_program([*args, "--resume"], cwd=tmp_path)
                told.append(whole_lines(ran.stdout))
                if ran.status == 0:
                    break
                assert ran.status == 3, ran.stderr  # the server said that some failed
                trouble.share /= 4
        repaired = await run_program(["repair"], cwd=tmp_path)
    assert repaired.status == 0, repaired.stderr
    assert not list((tmp_path / "audio_output").glob("*.part"))
    _check_manifest(whole_lines(manifest.read_text()), trouble, tmp_path)
    _check_told(told, whole_lines(manifest.read_text()))


def _check_manifest(lines: list[Line], trouble: Trouble, cwd: Path) -> None:
    """Each question has one answer, and each answer the audio that was sent for it."""
    good = [line for line in lines if answered(line)]
    assert Counter(line["id"] for line in good) == Counter(str(n) for n in range(1, QUESTIONS + 1))
    for line in good:
        assert (line["question"], line["answer"]) == (f"What is {line['id']}?", f"<What is {line['id']}?>")
        assert frames(cwd / line["audio_file"]) == trouble.whole[line["response_id"]]
        assert (cwd / line["transcript_file"]).read_text().endswith(f"{line['answer']}\n")
    assert len({line["response_id"] for line in good}) == QUESTIONS
    complete = [path for path in wavs(cwd) if not path.stem.endswith("_partial")]
    assert complete == sorted(cwd / line["audio_file"] for line in good)
    texts = [path for path in (cwd / "audio_output").glob("*.txt") if not path.stem.endswith("_partial")]
    assert sorted(texts) == sorted(cwd / line["transcript_file"] for line in good)


def _check_told(told: list[list[Line]], kept: list[Line]) -> None:
    """What stdout showed is in the manifest, word for word, in the order of the input, and no answer came twice."""
    for lines in told:
        indices = [line["index"] for line in lines]
        assert indices == sorted(set(indices))
        for line in lines:
            assert line in kept
    shown = Counter(line["id"] for lines in told for line in lines if answered(line))
    assert max(shown.values()) == 1
