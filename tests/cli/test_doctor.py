"""`geppetto doctor` as a process: words, JSON, exit statuses, and the bundle."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from geppetto.doctor.turn import QUESTION
from tests.doctor.http import http_server
from tests.fakes.program import files_below, run_program
from tests.fakes.scripted_server import answers, error, listening

if TYPE_CHECKING:
    from tests.fakes.scripted_server import Peer

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"
ENV = {"SOME_KEY": KEY}
SAID = "Where did Maria hide the letters?"
ANSWERED = "Behind the clock in the hall."


def to(url: str, *more: str) -> list[str]:
    """Return the arguments for a server with a key."""
    return ["doctor", "--url", url, "--key-env", "SOME_KEY", "--connect-timeout", "5", *more]


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    """Return what each check came to."""
    return {check["name"]: check["verdict"] for check in report["checks"]}


async def test_all_is_well(tmp_path: Path) -> None:
    """One line for each check with its time, a closing line, status 0, and nothing left behind."""
    async with http_server(story=answers(["Ready."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, env=ENV)
    assert (ran.status, ran.stderr) == (0, ""), ran.stdout
    lines = ran.stdout.splitlines()
    assert all(re.search(r"\(\d+\.\d\d s\)$", line) for line in lines[:-1] if not line.startswith(" "))
    assert "There is a key (variable SOME_KEY), 33 characters." in ran.stdout
    assert "A question was answered in" in ran.stdout
    assert re.fullmatch(r"\d+ ok( · \d+ skipped)?", lines[-1])
    assert KEY not in ran.stdout
    assert files_below(tmp_path) == []


async def test_the_same_as_json(tmp_path: Path) -> None:
    """One object on stdout, with the durations and the exit status in it; --no-turn asks nothing."""
    async with http_server(story=answers(["Ready."])) as server:
        ran = await run_program(to(server.url, "--json", "--no-turn"), cwd=tmp_path, env=ENV)
        assert [seen.questions for seen in server.scripted.connections] == [[]]
    report = json.loads(ran.stdout)
    assert (ran.status, report["exit_status"], report["verdict"]) == (0, 0, "ok")
    found = verdicts(report)
    order = ["versions", "key", "dns", "tcp", "proxy", "tls", "clock", "session", "turn", "audio_output", "logs"]
    assert list(found)[: len(order)] == order
    assert found["turn"] == "skipped"
    assert all(check["duration_s"] >= 0 for check in report["checks"])
    assert KEY not in ran.stdout


async def test_nobody_listens(tmp_path: Path) -> None:
    """It is 4, what stands on the connection is skipped, and what does not is looked at."""
    async with listening(lambda stream: stream.aclose()) as port:
        pass
    ran = await run_program(to(f"ws://127.0.0.1:{port}/v1/realtime", "--json"), cwd=tmp_path, env=ENV)
    report = json.loads(ran.stdout)
    assert (ran.status, report["exit_status"]) == (4, 4)
    found = verdicts(report)
    assert (found["tcp"], found["session"], found["turn"], found["logs"]) == ("failed", "skipped", "skipped", "ok")


async def test_a_refused_key(tmp_path: Path) -> None:
    """It is 5, and the key that the server says back is not shown."""

    async def turn_away(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", f"Incorrect key {KEY}."))
        await peer.close(3000, "invalid_request_error.invalid_api_key")

    async with http_server(story=turn_away) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, env=ENV)
    assert ran.status == 5
    assert re.search(r"^failed +session .*invalid_api_key", ran.stdout, re.MULTILINE)
    assert KEY not in ran.stdout + ran.stderr


async def test_a_missing_key_stops_only_what_needs_it(tmp_path: Path) -> None:
    """The variable is named, the network is looked at, no session is opened, and the status is 2."""
    async with http_server(story=answers([])) as server:
        ran = await run_program(to(server.url, "--json"), cwd=tmp_path)
        assert server.scripted.connections == []
    found = verdicts(json.loads(ran.stdout))
    assert ran.status == 2
    assert (found["key"], found["tcp"], found["session"], found["logs"]) == ("failed", "ok", "skipped", "ok")
    assert "SOME_KEY" in ran.stdout


async def test_a_wrong_setting(tmp_path: Path) -> None:
    """There is no server to look at then; the machine is looked at all the same."""
    ran = await run_program(["doctor", "--url", "http://x.example", "--json"], cwd=tmp_path)
    found = verdicts(json.loads(ran.stdout))
    assert ran.status == 2
    assert found["settings"] == "failed"
    assert "dns" not in found


async def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """It is 7."""
    (tmp_path / "logs").write_text("in the way")
    async with http_server(story=answers(["Ready."])) as server:
        ran = await run_program(to(server.url, "--no-turn"), cwd=tmp_path, env=ENV)
    assert ran.status == 7
    assert re.search(r"^failed +logs ", ran.stdout, re.MULTILINE)


async def test_the_embedded_server(tmp_path: Path) -> None:
    """It needs no key and no network, and costs nothing."""
    pytest.importorskip("hibari", reason="needs the extra geppetto[offline]")
    ran = await run_program(["doctor", "--offline", "--audio", "--offline-lead", "0"], cwd=tmp_path)
    assert (ran.status, ran.stderr) == (0, ""), ran.stdout
    assert "; it cost nothing." in ran.stdout
    assert "first audio after" in ran.stdout
    assert not re.search(r"^(ok|failed) +key ", ran.stdout, re.MULTILINE)


async def test_the_bundle_has_neither_key_nor_words(tmp_path: Path) -> None:
    """After a real conversation, nothing of it and no key is in any file of the bundle, which is 0600."""
    async with http_server(story=answers([ANSWERED])) as server:
        chat = ["--url", server.url, "--key-env", "SOME_KEY", "--instructions", "Talk of Maria only."]
        ran = await run_program(chat, cwd=tmp_path, env=ENV, stdin=f"{SAID}\n")
        assert ran.status == 0, ran.stderr
        ran = await run_program(
            to(server.url, "--bundle", "b.zip"), cwd=tmp_path, env={**ENV, "OPENAI_API_KEY": "x" * 20}
        )
    assert ran.status == 0, ran.stdout + ran.stderr
    assert "The bundle is in b.zip." in ran.stderr
    path = tmp_path / "b.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(texts) == {
        "README.txt", "doctor.json", "settings.json", "versions.json", "wire-log.jsonl", "doctor-log.jsonl"
    }  # fmt: skip
    everything = "".join(texts.values())
    for text in (KEY, SAID, ANSWERED, QUESTION, "Maria", "clock in", "x" * 20, str(tmp_path)):
        assert text not in everything, text
    assert '"response.create"' in texts["wire-log.jsonl"]
    assert json.loads(texts["settings.json"])["url"] == server.url
    assert json.loads(texts["doctor.json"])["exit_status"] == 0


async def test_the_bundle_with_texts(tmp_path: Path) -> None:
    """Who asks for the words gets them, and never the key."""
    async with http_server(story=answers([ANSWERED])) as server:
        chat = ["--url", server.url, "--key-env", "SOME_KEY"]
        await run_program(chat, cwd=tmp_path, env=ENV, stdin=f"{SAID}\n")
        args = to(server.url, "--no-turn", "--with-texts", "--bundle", "b.zip")
        ran = await run_program(args, cwd=tmp_path, env=ENV)
    assert ran.status == 0
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        log = archive.read("wire-log.jsonl").decode()
        everything = "".join(archive.read(name).decode() for name in archive.namelist())
    assert SAID in log
    assert KEY not in everything


async def test_a_bundle_overwrites_nothing(tmp_path: Path) -> None:
    """The checks are shown all the same, and the status is 2."""
    (tmp_path / "b.zip").write_text("mine")
    async with http_server(story=answers([])) as server:
        ran = await run_program(to(server.url, "--no-turn", "--bundle", "b.zip"), cwd=tmp_path, env=ENV)
    assert ran.status == 2
    assert "b.zip exists, and a bundle overwrites nothing." in ran.stderr
    assert "versions" in ran.stdout
    assert (tmp_path / "b.zip").read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("shell", "status"), [('"$@" | true; exit ${PIPESTATUS[0]}', 141), ('"$@" > /dev/full', 7)])
async def test_an_output_that_cannot_be_written(tmp_path: Path, shell: str, status: int) -> None:
    """A reader that went away is 141 without a word, a full disk is 7 with a sentence; neither is a traceback."""
    async with http_server(story=answers([])) as server:
        bash = f"exec bash -c '{shell}' bash \"$@\""
        ran = await run_program(to(server.url, "--no-turn"), cwd=tmp_path, env=ENV, shell=bash)
    assert ran.status == status, ran.stderr
    assert "Traceback" not in ran.stderr
    assert bool(ran.stderr) is (status == 7)
