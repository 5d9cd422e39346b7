"""The benchmarks: what CI can tell without a clock, and that the harness says what it measured."""

from __future__ import annotations

import base64
import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from benchmarks.counting import per_pair
from benchmarks.findings import Curve
from benchmarks.frames import BYTES_PER_S, StampedPair, answer
from benchmarks.harness import Broken, Usage, digest, only_wav, peer, place, ratio, rounds, run, say
from benchmarks.hypervisor import Neighbours
from benchmarks.loopback import serving
from benchmarks.measures.cpu import OURS, Taken, contestants, same_wav
from benchmarks.table import Row, table
from benchmarks.watching import Screen

if TYPE_CHECKING:
    from pathlib import Path

MOST_CALLS = 280.0
"""Calls of functions for one piece of audio and its word, everything written; 200 when this was set."""
MOST_HOPS = 0.15
"""Hops to a thread; 0.025 when this was set."""
MOST_WRITES = 0.25
"""Writes to files; 0.065 when this was set."""


def test_what_a_piece_of_audio_costs_has_not_grown() -> None:
    """Neither calls nor thread hops nor writes for a pair of word and audio exceed what they were by much."""
    costs = per_pair()
    most = {"calls": MOST_CALLS, "hops": MOST_HOPS, "writes": MOST_WRITES}
    assert {name for name in most if costs[name] > most[name]} == set(), costs


def test_geppetto_and_every_peer_write_the_same_wav() -> None:
    """What is compared is the same work: one answer, in odd pieces, byte by byte the same file."""
    with serving(1.05, 4_801 + 1) as server:
        taken = {name: [ask_once()] for name, ask_once in contestants(server.port).items()}
    same_wav(taken)
    assert {all_of[0].wav for all_of in taken.values()} == {taken[OURS][0].wav, ""}


def test_a_peer_that_writes_another_wav_is_an_error() -> None:
    """A faster peer that loses audio is not faster."""
    usage = Usage(wall_s=1.0, cpu_s=1.0, peak_bytes=1, stdout="")
    with pytest.raises(Broken, match="openai SDK"):
        same_wav({OURS: [Taken(usage=usage, wav="one")], "openai SDK": [Taken(usage=usage, wav="another")]})


def test_an_answer_has_one_word_for_each_piece_and_all_its_audio() -> None:
    """The frames of an answer decode to the events of the protocol, and their audio is as long as asked."""
    script = answer(1.05, 4_800)
    events = [json.loads(payload) for payload in payloads(b"".join(script.chunks(b"resp_0000000007")))]
    types = [event["type"] for event in events]
    pcm = b"".join(
        base64.b64decode(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"
    )
    assert types[0] == "response.created"
    assert types[-1] == "response.done"
    assert types.count("response.output_audio_transcript.delta") == types.count("response.output_audio.delta") == 11
    assert len(pcm) == int(1.05 * BYTES_PER_S)
    assert {event["response_id"] for event in events if "response_id" in event} == {"resp_0000000007"}


def test_a_stamped_pair_says_when_it_was_sent() -> None:
    """The time stands in the word and in the first bytes of the audio."""
    word, audio = (json.loads(payload) for payload in payloads(StampedPair(4_800).of(b"resp_0000000001").at(123_456)))
    pcm = base64.b64decode(audio["delta"])
    assert int(word["delta"]) == int.from_bytes(pcm[:6], "big") == 123_456
    assert len(pcm) == 4_800


def payloads(wire: bytes) -> list[bytes]:
    """Return the payloads of unmasked frames."""
    found = []
    while wire:
        size, at = wire[1], 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(wire[2 : 2 + width], "big"), 2 + width
        found.append(wire[at : at + size])
        wire = wire[at + size :]
    return found


def test_a_process_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    """A figure of a program that did not do its work is none."""
    with pytest.raises(Broken, match=r"(?s)ended with 3.*no such thing"):
        run([sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(3)"], tmp_path)


def test_a_place_with_no_wav_is_an_error() -> None:
    """A client that wrote nothing has not been measured."""
    with place() as cwd, pytest.raises(Broken, match="0 WAV files"):
        only_wav(cwd)


def test_every_contestant_has_a_turn_in_every_round() -> None:
    """Each round begins with another one, so that nobody always runs behind the same."""
    order: list[str] = []

    def turn(name: str) -> int:
        order.append(name)
        return len(order)

    taken = rounds({"a": partial(turn, "a"), "b": partial(turn, "b")}, 2, "turns")
    assert order == ["a", "b", "b", "a"]
    assert taken == {"a": [1, 4], "b": [2, 3]}


def test_what_the_hypervisor_disturbed_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First it waits for a core; a turn in which one was taken away does not count then, unless all are like that."""
    stat = tmp_path / "stat"
    monkeypatch.setattr("benchmarks.hypervisor._STAT", stat)
    ticks = iter([0, 500, 500, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500])

    def turn() -> str:
        stat.write_text(f"cpu  9 9 9 9 9 9 9 {next(ticks)} 9 9\ncpu0 9 9 9 9 9 9 9 9 9 9\n")
        return "taken"

    turn()
    shares = iter([0.5, 0.5])
    told: list[str] = []
    neighbours = Neighbours(told.append, probe=lambda: next(shares, 0.0), between_s=0.001)
    assert neighbours.undisturbed(turn) == "taken"
    assert list(shares) == []
    assert (neighbours.again, neighbours.kept, len(told)) == (1, [], 1)
    assert neighbours.undisturbed(turn) == "taken"
    assert neighbours.undisturbed(turn) == "taken"
    assert (neighbours.again, len(neighbours.kept)) == (4, 1)
    assert neighbours.sentence.startswith("The hypervisor took cores away: 4 turns were measured again; 1 stand")


def test_a_machine_without_a_hypervisor_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells of stolen time, all is taken as it comes."""
    monkeypatch.setattr("benchmarks.hypervisor._STAT", tmp_path / "missing")
    neighbours = Neighbours(say)
    assert neighbours.undisturbed(lambda: 1) == 1
    assert neighbours.sentence == ""


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """A round in which the machine was busy changes both figures, and hardly the ratio."""
    assert ratio([1.0, 10.0, 2.0], [2.0, 20.0, 2.0]) == 0.5


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row(measure="cpu", figure="f", ours=1.0, unit="s", peer="p", theirs=2.0, ratio=0.5, most=0.5), True),
        (Row(measure="cpu", figure="f", ours=1.0, unit="s", peer="p", theirs=2.0, ratio=0.51, most=0.5), False),
        (Row(measure="cpu", figure="f", ours=151.0, unit="ms", most=150.0), False),
        (Row(measure="cpu", figure="f", ours=1.0, unit="s"), None),
    ],
)
def test_a_target_is_for_the_ratio_or_for_the_figure(row: Row, met: bool | None) -> None:
    """A row with a ratio is judged by it, one without by its own figure, and one without a target not at all."""
    assert row.met is met


def test_the_table_shows_figure_ours_peer_ratio_target_and_met() -> None:
    """One line for each row, in columns."""
    row = Row(measure="m", figure="CPU", ours=1.234, unit="s", peer="SDK", theirs=4.8, ratio=0.257, most=0.3)
    lines = table([row]).splitlines()
    assert [cell.strip() for cell in lines[-1].strip("|").split("|")] == [
        "CPU", "1.23 s", "SDK: 4.80 s", "0.26", "≤ 0.3 ×", "yes",
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1


def test_plots_are_the_same_for_the_same_figures(tmp_path: Path) -> None:
    """A second run with the same figures changes no file."""
    pytest.importorskip("matplotlib", reason="matplotlib belongs to the group `bench`")
    from benchmarks.plots import draw

    curves = [Curve(plot="cpu", label=label, points=((4_800, 2.0), (48_000, 1.0))) for label in ("a", "b")]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        draw(curves, tmp_path / name)
    assert digest(tmp_path / "first" / "cpu.svg") == digest(tmp_path / "second" / "cpu.svg")


def test_the_python_api_tells_how_soon_it_heard_each_answer() -> None:
    """One figure for each question."""
    with serving(0.1) as server, place() as cwd:
        told = run(peer("geppetto_api", server.port, cwd / "answer.wav", 3), cwd).stdout.split()
    assert len(told) == 3
    assert all(float(figure) > 0 for figure in told)


@pytest.mark.parametrize("name", ["geppetto_api", "trio_defaults"])
def test_a_crowd_hears_every_piece_of_every_session(name: str) -> None:
    """Three paced sessions in one process report all of their audio, and when it came."""
    with serving(0.3, 4_800, 0.05) as server, place() as cwd:
        command = [sys.executable, "-m", f"benchmarks.crowds.{name}", str(server.port), "3", str(cwd), "4800"]
        told = json.loads(run(command, cwd).stdout)
    assert told["pieces"] == 9
    assert told["p99_ms"] >= told["p50_ms"] > 0


def test_a_stamped_word_is_found_wherever_a_read_cuts_it() -> None:
    """Words that come in pieces count once, and words without a time do not count."""
    ours, theirs = os.pipe()
    screen = Screen(ours)
    screen.start()
    for piece in (b"You: 12 ", b"00000000", b"00000001", b" and 0000000000000002 ", b"0000000000000003 "):
        os.write(theirs, piece)
        screen.wait_for(piece, 10.0)
    os.close(theirs)
    screen.join(10.0)
    os.close(ours)
    assert len(screen.late_ms) == 3
