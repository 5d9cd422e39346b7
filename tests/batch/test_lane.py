"""One worker's questions: nothing is lost between two sessions."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from geppetto.audio.wav import wav_header
from geppetto.batch.ask import Ask
from geppetto.batch.lane import Lane
from geppetto.batch.pacing import Pacing

if TYPE_CHECKING:
    from pathlib import Path


@attrs.define
class Belt:
    """Hands out questions, and then says that there are no more."""

    waiting: deque[Ask]
    fetched: int = 0

    async def next_ask(self) -> Ask | None:
        """Return the next question."""
        await trio.lowlevel.checkpoint()
        self.fetched += 1
        return self.waiting.popleft() if self.waiting else None


def asks(*voices: str | None) -> deque[Ask]:
    """Return a question for each of *voices*."""
    return deque(Ask(index=n, id=str(n), question=f"{n}?", line=n, voice=voice) for n, voice in enumerate(voices, 1))


def lane_of(belt: Belt, pacing: Pacing | None = None, *, single: bool = False) -> Lane:
    """Return a lane behind *belt*."""
    return Lane(next_ask=belt.next_ask, gate=(pacing or Pacing()).wait, single=single)


async def taken(lane: Lane) -> list[int]:
    """Take all that belongs into this session, and return the numbers."""
    found = []
    while (one := await lane.take()) is not None:
        found.append(one.ask.index)
    return found


async def test_a_session_gets_all_questions_of_one_voice() -> None:
    """The first of another voice begins the next session."""
    lane = lane_of(Belt(asks(None, None, "cedar", "cedar", None)))
    sessions = []
    while True:
        await lane.prepare()
        if lane.over:
            break
        sessions.append((lane.voice, await taken(lane)))
    assert sessions == [(None, [1, 2]), ("cedar", [3, 4]), (None, [5])]


async def test_a_single_question_is_all_that_a_session_gets() -> None:
    """And the next one is not fetched before the next session."""
    belt = Belt(asks(None, None))
    lane = lane_of(belt, single=True)
    await lane.prepare()
    assert await taken(lane) == [1]
    assert (belt.fetched, lane.over) == (1, False)
    await lane.prepare()
    assert await taken(lane) == [2]
    await lane.prepare()
    assert lane.over


async def test_a_question_whose_taker_is_cancelled_at_the_gate_comes_first_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A session that is lost during a rate limit loses no question."""
    pacing = Pacing()
    lane = lane_of(Belt(asks(None, None)), pacing)
    await lane.prepare()
    pacing.slow_down(100.0)
    with trio.move_on_after(1) as session:
        await lane.take()
    assert session.cancelled_caught
    assert lane.in_flight == {}
    assert await taken(lane) == [1, 2]
    assert trio.current_time() >= 100.0 - 1
    assert autojump_clock.autojump_threshold == 0


async def test_a_pause_at_the_end_keeps_nobody(autojump_clock: trio.testing.MockClock) -> None:
    """When there is nothing more to ask, the gate is of no interest."""
    pacing = Pacing()
    lane = lane_of(Belt(asks()), pacing)
    pacing.slow_down(100.0)
    start = trio.current_time()
    await lane.prepare()
    assert lane.over
    assert await lane.take() is None
    assert trio.current_time() == start
    assert autojump_clock.autojump_threshold == 0


async def test_a_file_that_cannot_be_read_is_a_problem_of_its_question(tmp_path: Path) -> None:
    """It is taken, with the reason."""
    ask = Ask(index=1, id="1", question="", line=1, audio_file=tmp_path / "none.wav")
    lane = lane_of(Belt(deque([ask])))
    await lane.prepare()
    one = await lane.take()
    assert one is not None
    assert one.pcm is None
    assert "none.wav cannot be read" in one.problem
    assert lane.in_flight == {1: ask}


@pytest.mark.parametrize("out_of_band", [False, True])
async def test_what_is_asked_out_of_band_goes_in_one_message(tmp_path: Path, out_of_band: bool) -> None:
    """So a spoken question has to be shorter there; the sentence says what to do."""
    pcm = bytes(48_000 * 231)
    (tmp_path / "long.wav").write_bytes(wav_header(len(pcm)) + pcm)
    ask = Ask(index=1, id="1", question="", line=1, audio_file=tmp_path / "long.wav")
    lane = lane_of(Belt(deque([ask])))
    lane.out_of_band = out_of_band
    await lane.prepare()
    one = await lane.take()
    assert one is not None
    assert one.pcm == (None if out_of_band else pcm)
    assert ("which takes 3 min 50 s" in one.problem) == out_of_band
