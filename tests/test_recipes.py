"""The recipes of README: each one runs, in a shell, and gives what it promises."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```sh\n(.*?)```", README, re.DOTALL))
QUESTIONS = ("What is 12 times 7?", "How many feet are in 3 metres?", "Spell trio.")
ANSWERS = ["12 times 7 is 84.", "3 metres is about 9.8425 feet.", "T, R, I, O."]
PRICES = '[prices."gpt-realtime-2.1"]\n' + "".join(
    f"{kind} = 4.0\n" for kind in ("input_text", "input_audio", "cached_text", "cached_audio", "output_text")
)
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the embedded server for all recipes: its voice takes seconds to load."""
    pytest.importorskip("hibari", reason="needs the extra geppetto[offline]")
    with subprocess.Popen(
        [sys.executable, "-m", "geppetto", "serve", "--port", "0", "--lead", "0"],
        cwd=tmp_path_factory.mktemp("server"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"ws://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)


@pytest.fixture
def place(tmp_path: Path, server: str) -> Path:
    """Make a directory with questions, and a `bin` with `geppetto` and a player that keeps what it is given."""
    (tmp_path / "questions.txt").write_text("".join(f"{question}\n" for question in QUESTIONS))
    (tmp_path / "letter.txt").write_text("What is\n12 times 7?\n")
    (tmp_path / "prices.toml").write_text(PRICES)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, script in (
        ("geppetto", f'exec "{sys.executable}" -m geppetto "$@"'),
        ("aplay", 'echo "$@" > played.args; exec cat > played.pcm'),
        ("python3", f'exec "{sys.executable}" "$@"'),
    ):
        command = commands / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
    (tmp_path / "url").write_text(server)
    return tmp_path


def _environment(place: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GEPPETTO_", "OPENAI_"))}
    return {
        **kept,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "GEPPETTO_URL": (place / "url").read_text(),
        "GEPPETTO_MODALITY": "text",
        **more,
    }


def cook(place: Path, name: str, **environment: str) -> str:
    """Run the recipe *name* and return its stdout; each of its commands must end well."""
    _need_jq(name)
    return _bash(place, RECIPES[name], environment)


def _need_jq(name: str) -> None:
    if "jq " in RECIPES[name] and shutil.which("jq") is None:
        pytest.skip("needs jq")


def _bash(place: Path, script: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env=_environment(place, **environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout


def results(file: Path) -> list[dict[str, object]]:
    """Return the results in *file*."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_recipe_has_a_test() -> None:
    """No recipe stands in README that is not run here."""
    tested = {name.removeprefix("test_recipe_") for name in globals() if name.startswith("test_recipe_")}
    assert tested == set(RECIPES)


def test_recipe_file(place: Path) -> None:
    """Questions from a file give answers in a file, and a manifest beside the audio."""
    assert cook(place, "file") == ""
    assert (place / "answers.txt").read_text().splitlines() == ANSWERS
    assert len(list((place / "audio_output").glob("run_*.jsonl"))) == 1


def test_recipe_ask(place: Path) -> None:
    """One question, or a whole file as one, gives one answer and no manifest."""
    assert cook(place, "ask").splitlines() == ANSWERS[:1] * 2
    assert list((place / "audio_output").glob("run_*.jsonl")) == []


def test_recipe_paste(place: Path) -> None:
    """Each question stands beside its answer."""
    assert cook(place, "paste").splitlines() == [f"{q}\t{a}" for q, a in zip(QUESTIONS, ANSWERS, strict=True)]


def test_recipe_json(place: Path) -> None:
    """The table, the empty list of failures and the bare answers are printed, with jq and without it."""
    table = cook(place, "json").splitlines()
    assert [row.split("\t")[:2] for row in table[:3]] == [[str(n), a] for n, a in enumerate(ANSWERS, 1)]
    assert all(int(row.split("\t")[2]) > 0 for row in table[:3])
    assert table[3:] == ANSWERS


def test_recipe_jsonl(place: Path) -> None:
    """Ids of one's own come back, in the order of the file."""
    cook(place, "jsonl")
    found = results(place / "answers.jsonl")
    assert [(result["id"], result["answer"]) for result in found] == [("math", ANSWERS[0]), ("feet", ANSWERS[1])]
    assert found[0]["session_id"] != found[1]["session_id"]  # a voice belongs to a session


def test_recipe_jobs(place: Path) -> None:
    """Side by side, the answers come in the order of the file."""
    cook(place, "jobs")
    assert [result["answer"] for result in results(place / "answers.jsonl")] == ANSWERS


def test_recipe_template(place: Path) -> None:
    """The files have the names of the template."""
    cook(place, "template")
    names = sorted(file.name for file in (place / "audio_output").glob("[0-9]*/*.txt"))
    assert names == ["0001-what-is-12-times-7.txt", "0002-how-many-feet-are-in-3-metres.txt", "0003-spell-trio.txt"]


def test_recipe_play(place: Path) -> None:
    """The player gets the samples that are in the WAV, and is told their format."""
    assert cook(place, "play", GEPPETTO_MODALITY="audio") == ""
    assert (place / "played.args").read_text().split() == ["-q", "-f", "S16_LE", "-r", "24000"]
    (kept,) = (place / "audio_output").glob("*.wav")
    with wave.open(str(kept), "rb") as wav:
        assert (place / "played.pcm").read_bytes() == wav.readframes(wav.getnframes())


def test_recipe_resume(place: Path) -> None:
    """What Ctrl+C left open is asked by the second command, and the third one has every answer once."""
    _need_jq("resume")
    numbers = range(1, 201)
    (place / "questions.txt").write_text("".join(f"What is {number} plus 1?\n" for number in numbers))
    first, second, third = RECIPES["resume"].splitlines()
    with subprocess.Popen(
        ["bash", "-c", f"exec {first}"], cwd=place, env=_environment(place), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "audio_output" in process.stderr.readline()  # the first answer is there
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=TIMEOUT_S)[1]
    assert process.returncode == 130, said
    assert "--resume --manifest run.jsonl" in said
    before = len(results(place / "run.jsonl"))
    assert before < len(numbers)
    rows = _bash(place, f"{second}\n{third}", {}).splitlines()
    assert sorted(int(row.split("\t")[0]) for row in rows) == list(numbers)
    assert {row.split("\t")[1] for row in rows} == {f"{n} plus 1 is {n + 1}." for n in numbers}


def test_recipe_cost(place: Path) -> None:
    """The range is printed before, and a run below its limits ends well."""
    before, *answers = cook(place, "cost", GEPPETTO_PRICES_FILE="prices.toml").split("12 times", 1)
    assert before.startswith("3 questions\n")
    assert re.search(r"^\$0\.\d+ to \$0\.\d+ for gpt-realtime", before, re.MULTILINE)
    assert len(answers) == 1


def test_recipe_check(place: Path) -> None:
    """A check that holds ends with 0 and a report of passes; one that does not ends with 3 and says which."""
    cook(place, "check")
    suite = ElementTree.parse(place / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "0", "0")
    assert [case.get("name") for case in suite.iter("testcase")] == ["math", "spelling"]
    wrong = RECIPES["check"].replace("84", "85")
    assert wrong != RECIPES["check"]
    said = _bash(place, f"( {wrong} ) 2> said || test $? = 3; cat said", {})
    assert "question math fails a check: the answer does not match /\\b85\\b/" in said
    assert ElementTree.parse(place / "report.xml").getroot().get("failures") == "1"


def test_recipe_progress(place: Path) -> None:
    """The results are in one file, and how far it came in the other."""
    cook(place, "progress")
    assert [result["answer"] for result in results(place / "answers.jsonl")] == ANSWERS
    assert re.search(r"^  3 of 3 done", (place / "run.log").read_text(), re.MULTILINE)
