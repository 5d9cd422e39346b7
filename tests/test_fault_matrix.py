"""
The fault matrix: every fault at every phase of a session, and what is left of it.

What is expected stands in `docs/reliability.md`, in the table below "Faults", and nowhere else: so the table is true.
"""

from __future__ import annotations

import struct
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from geppetto.chat import open_chat
from geppetto.errors import GeppettoError
from tests.fakes.chatting import BOUND_S, configure
from tests.fakes.descriptors import open_descriptors
from tests.fakes.fault_stage import FRAMES, MARKER, stage
from tests.fakes.faults import FAULTS, Phase
from tests.fakes.program import frames, wavs

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from tests.fakes.fault_stage import Stage
    from tests.fakes.faults import Fault

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
GOES_ON = "on"
SHUTDOWN_S = 0.5
LIMIT_S = 0.25
"""What a fault that shows only by its silence costs; much longer than a good answer takes."""
SHORT_LIMIT_S = 0.1
"""The same where no answer is to come."""
DISORDERED = {"duplicate", "reorder"}
"""Faults of a server that itself says things twice or in another order: the audio is what it said."""


@attrs.frozen(kw_only=True)
class Cell:
    """One fault at one phase, and what becomes of the session."""

    fault: Fault
    phase: Phase
    always: bool
    """Whether every connection meets the fault, and not the first one only."""
    expected: str
    """`on`, or the exit status."""

    def __str__(self) -> str:
        """Return the test's name."""
        return f"{self.fault.name}-{self.phase.value}-{'always' if self.always else 'once'}"


def table() -> dict[str, list[str]]:
    """Return the rows of the table by fault, with a cell for each phase."""
    text = DOCUMENT.read_text().partition("## Faults")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    header = ["fault", *(phase.value for phase in Phase)]
    begin = rows.index(header) + 1
    return {name: cells for name, *cells in rows[begin : begin + len(FAULTS)]}


def cells() -> list[Cell]:
    """Return every cell; one with two outcomes is two, the second one for a fault that comes back each time."""
    rows = table()
    return [
        Cell(fault=fault, phase=phase, always=always, expected=expected)
        for fault in FAULTS
        for phase, outcomes in zip(Phase, rows[fault.name], strict=True)
        for always, expected in zip((False, True), outcomes.split(" / "), strict=False)
    ]


def test_the_table_has_every_fault() -> None:
    """Each fault has its row, and each phase before the first answer says what happens when the fault never ends."""
    rows = table()
    assert list(rows) == [fault.name for fault in FAULTS]
    for outcomes in rows.values():
        assert [len(outcome.split(" / ")) for outcome in outcomes] == [2, 2, 2, 2, 1, 1, 1]


@attrs.define
class Talk:
    """What the client got."""

    answers: list[Answer] = attrs.field(factory=list)
    error: GeppettoError | None = None
    leaving_at: float = 0.0


async def converse(at: Stage, cwd: Path, settings: dict[str, float]) -> Talk:
    """Ask two questions, the second one of which is left in the middle when it is about the shutdown."""
    talk = Talk()
    try:
        async with open_chat(configure(at.url, cwd, max_retries=2, shutdown_timeout=SHUTDOWN_S, **settings)) as chat:
            talk.answers.append(await chat.ask("One?"))
            at.idle.set()
            if at.phase is Phase.SHUTTING_DOWN:
                async for piece in chat.stream("Leaving?"):
                    if piece.endswith(MARKER):
                        break
            else:
                if at.phase is Phase.IDLE:
                    await at.struck.wait()
                talk.answers.append(await chat.ask("Two?"))
            talk.leaving_at = trio.current_time()
    except GeppettoError as error:
        talk.error = error
    return talk


def time_limits(cell: Cell) -> dict[str, float]:
    """Return limits that only the fault of *cell* can pass."""
    if cell.fault.name == "no pong":
        return {"ping_interval": 0.03, "pong_timeout": SHORT_LIMIT_S if cell.always else 0.15}
    if not cell.fault.slow:
        return {}
    limit_s = SHORT_LIMIT_S if cell.always else LIMIT_S
    limits = {"read_timeout": limit_s}
    if cell.phase in {Phase.CONNECTING, Phase.WAITING}:  # else a good handshake must not pass it either
        limits["connect_timeout"] = limit_s
    return limits


def values(pcm: bytes | bytearray) -> list[int]:
    """Return the frames of *pcm* as numbers."""
    return list(struct.unpack(f"<{len(pcm) // 2}H", pcm))


def check_audio(at: Stage, cwd: Path) -> None:
    """All that was delivered is in the files, once, in its order, and nothing else is."""
    saved = [values(frames(wav)) for wav in wavs(cwd)]
    total = Counter(frame for file in saved for frame in file)
    delivered = Counter(values(at.delivered))
    assert not total - delivered, "audio that nobody sent"
    assert not (delivered - total) - Counter(values(at.uncertain)), "audio is missing"
    if at.fault.name not in DISORDERED:
        for file in saved:
            assert file == list(range(file[0], file[0] + len(file)))


def check_files(cwd: Path) -> None:
    """Nothing is left under a temporary name, and nothing is anywhere else."""
    assert {path.relative_to(cwd).parts[0] for path in cwd.rglob("*")} <= {"audio_output", "logs"}
    assert not list(cwd.rglob("*.part"))


@pytest.mark.parametrize("cell", cells(), ids=str)
async def test_fault(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The session goes on or ends with its status, what was delivered is on the disk, and nothing runs any more."""
    monkeypatch.setattr("geppetto.connection.connect._BACKOFF_FIRST_S", 0.02)
    tasks, open_files = trio.lowlevel.current_statistics().tasks_living, open_descriptors()
    with trio.fail_after(BOUND_S):
        async with stage(cell.fault, cell.phase, always=cell.always) as at:
            talk = await converse(at, tmp_path, time_limits(cell))
            left_s = trio.current_time() - talk.leaving_at
    assert at.struck.is_set()

    if cell.expected == GOES_ON:
        assert talk.error is None
        assert [answer.status for answer in talk.answers] == ["completed", "completed"]
        assert [answer.text for answer in talk.answers] == ["This answers One?", "This answers Two?"]
        last = at.seen[-1]
        assert (last.questions.count("One?"), last.questions.count("Two?")) == (1, 1)
        if cell.fault.name not in DISORDERED:
            assert [len(frames(answer.audio_file)) for answer in talk.answers if answer.audio_file] == [
                2 * FRAMES
            ] * 2
    elif cell.expected == "0":
        assert talk.error is None
        assert at.seen[0].close_code == 1000
        assert left_s < SHUTDOWN_S + 0.5
    else:
        assert talk.error is not None
        assert talk.error.status == int(cell.expected)

    told = [record.message for record in caplog.records]
    assert (
        len([line for line in told if "reconnecting in" in line or "trying again in" in line]) == at.connections - 1
    )
    assert len(told) == at.connections - 1
    if sys.platform == "linux" or cell.fault.name not in {"reset", "refuse the next"}:
        check_audio(at, tmp_path)  # elsewhere a RST takes what had arrived with it
    check_files(tmp_path)
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert [thread.name for thread in threading.enumerate() if not thread.name.startswith("Trio thread")] == [
        "MainThread"
    ]
    assert open_descriptors() == open_files
