"""One connection after another: what is tried again, how often, and what is said meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.connection.connect import Ended, backoff_s, keep_connected
from geppetto.connection.failures import ServerBusy, transient
from geppetto.errors import ConnectFailed, ConnectionLost, GeppettoError, OutputFailed, RollOver, ServerRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio.testing import MockClock


NO_ANSWER = transient("The server does not answer.")
LOST = ConnectionLost("The connection was lost.")
OVER = Ended(error=None, stood=True)


BUSY = ServerBusy("The server is busy.", 30.0)
OTHERS_TOLD: list[float] = []


async def run(endings: Sequence[Ended], *, max_retries: int) -> tuple[int, list[str]]:
    """Let the connections end as *endings* say; return how many of them were used, and what was told."""
    told: list[str] = []
    left = list(endings)

    async def run_once() -> Ended:
        await trio.lowlevel.checkpoint()
        return left.pop(0)

    async def tell(sentence: str) -> None:
        await trio.lowlevel.checkpoint()
        told.append(sentence)

    try:
        await keep_connected(run_once, max_retries=max_retries, tell=tell, slow_down=OTHERS_TOLD.append)
    except GeppettoError as error:
        error.add_note(f"used {len(endings) - len(left)}")
        raise
    return len(endings) - len(left), told


def failed(error: GeppettoError = NO_ANSWER) -> Ended:
    """A try without a connection."""
    return Ended(error=error, stood=False)


def lost(*, progress: bool = False, error: GeppettoError = LOST) -> Ended:
    """A connection that stood, and was lost."""
    return Ended(error=error, stood=True, progress=progress)


async def test_a_failure_that_may_pass_is_tried_again(autojump_clock: trio.abc.Clock) -> None:
    """Each failure is told with its pause, and the connection that stands in the end is all that counts."""
    used, told = await run([failed(), failed(), OVER], max_retries=3)
    assert used == 3
    assert [sentence.partition(" in ")[0] for sentence in told] == [
        "The server does not answer; trying again",
        "The server does not answer; trying again",
    ]
    assert [sentence.rpartition(" s ")[2] for sentence in told] == ["(try 2 of 3)", "(try 3 of 3)"]


async def test_the_last_failure_says_how_often_it_was_tried(autojump_clock: trio.abc.Clock) -> None:
    """When no try succeeds, the error is that of the last one."""
    with pytest.raises(ConnectFailed, match=r"The server does not answer\. .*Tried 2 times\.") as caught:
        await run([failed()] * 9, max_retries=2)
    assert caught.value.__notes__ == ["used 2"]


@pytest.mark.parametrize("max_retries", [0, 1])
async def test_one_try_does_not_count_itself(max_retries: int, autojump_clock: trio.abc.Clock) -> None:
    """With a single try allowed, the sentence does not speak of tries."""
    with pytest.raises(ConnectFailed) as caught:
        await run([failed()] * 9, max_retries=max_retries)
    assert caught.value.__notes__ == ["used 1"]
    assert "Tried" not in str(caught.value)


@pytest.mark.parametrize("error", [ServerRefused("No."), ConnectFailed("Bad certificate."), OutputFailed("Full.")])
async def test_what_would_end_the_same_way_is_not_tried_again(error: GeppettoError) -> None:
    """A refusal, a bad certificate and a full disk are final, with or without a connection before."""
    for ended in (failed(error), lost(error=error)):
        with pytest.raises(type(error)) as caught:
            await run([ended, OVER], max_retries=5)
        assert caught.value is error


async def test_a_lost_connection_is_had_again(autojump_clock: trio.abc.Clock) -> None:
    """A connection that stood is reconnected, and the sentence says so."""
    used, told = await run([lost(), OVER], max_retries=3)
    assert used == 2
    (sentence,) = told
    assert sentence.startswith("The connection was lost; reconnecting in ")
    assert sentence.endswith("(try 1 of 3)")


async def test_without_retries_a_lost_connection_is_the_end(autojump_clock: trio.abc.Clock) -> None:
    """0 retries means no reconnect."""
    with pytest.raises(ConnectionLost) as caught:
        await run([lost(), OVER], max_retries=0)
    assert caught.value.__notes__ == ["used 1"]


async def test_failures_in_a_row_use_the_retries_up(autojump_clock: trio.abc.Clock) -> None:
    """Reconnects that bring no answer count together, whether they stood or not, and end as a lost connection."""
    with pytest.raises(ConnectionLost, match=r"Tried 4 times\.") as caught:
        await run([lost(), failed(), lost(), failed(), OVER], max_retries=3)
    assert caught.value.__notes__ == ["used 4"]


async def test_an_answer_starts_the_count_again(autojump_clock: trio.abc.Clock) -> None:
    """A connection that brought an answer before it was lost makes the next failure the first one."""
    used, _ = await run([lost(progress=True)] * 20 + [OVER], max_retries=1)
    assert used == 21


async def test_a_roll_over_is_no_failure() -> None:
    """A session that is replaced before its time limit costs no pause and no retry."""
    used, told = await run([lost(error=RollOver("going on over a new connection"))] * 5 + [OVER], max_retries=0)
    assert used == 6
    assert told == ["going on over a new connection"] * 5


def test_the_pause_doubles_up_to_a_limit() -> None:
    """Pauses grow from half a second to eight, and chance takes up to half of each."""
    for failures, most_s in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (5000, 8.0)]:
        pauses = [backoff_s(failures) for _ in range(50)]
        assert all(most_s / 2 <= pause_s <= most_s for pause_s in pauses)
        assert len(set(pauses)) > 1


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(autojump_clock: MockClock) -> None:
    """Its `Retry-After` is waited out, and whoever else asks this server is told."""
    OTHERS_TOLD.clear()
    started = trio.current_time()
    await run([Ended(error=BUSY, stood=False), OVER], max_retries=2)
    assert trio.current_time() - started >= 30.0
    assert OTHERS_TOLD == [30.0]
