"""Everybody is called when there is something to read, and nobody after that."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from geppetto.connection import readiness
from geppetto.connection.readiness import call_when_readable
from geppetto.connection.sockets import PatientStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Pair = Callable[[], tuple[socket.socket, socket.socket]]

BOUND_S = 10.0


@pytest.fixture(params=["epoll", "trio"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Wait as on Linux, and as where there is no epoll."""
    if request.param == "trio":
        monkeypatch.setattr(readiness, "_HAS_EPOLL", False)
    elif not hasattr(select, "epoll"):
        pytest.skip("no epoll here")
    name: str = request.param
    return name


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Return what makes two connected sockets, which are closed at the end."""
    made: list[socket.socket] = []

    def make() -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        made.extend((ours, theirs))
        return ours, theirs

    yield make
    for one in made:
        one.close()


async def test_each_hears_its_own(pair: Pair) -> None:
    """More sockets than are called at once; each is called again and again until it says that it has enough."""
    heard: dict[int, bytes] = {}

    async def hear(number: int, ours: socket.socket) -> None:
        def call() -> bool:
            heard[number] = heard.get(number, b"") + ours.recv(1)
            return len(heard[number]) < 3

        await call_when_readable(ours.fileno(), call)

    pairs = [pair() for _ in range(100)]
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            for number, (ours, theirs) in enumerate(pairs):
                nursery.start_soon(hear, number, ours)
                theirs.send(b"%03d..." % number)
    assert heard == {number: b"%03d" % number for number in range(100)}
    assert [ours.recv(9) for ours, _ in pairs] == [b"..."] * 100


async def test_who_is_cancelled_is_not_called(pair: Pair) -> None:
    """Neither when it is readable already, nor afterwards; what came is there for the next one."""
    ours, theirs = pair()
    theirs.send(b"x")
    calls: list[bytes] = []

    def call() -> bool:
        calls.append(ours.recv(1))
        return False

    with trio.fail_after(BOUND_S):
        with trio.CancelScope() as scope:
            scope.cancel()
            await call_when_readable(ours.fileno(), call)
        assert not calls
        await call_when_readable(ours.fileno(), call)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call_when_readable, ours.fileno(), call)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        theirs.send(b"y")
        await wait_all_tasks_blocked()
        assert calls == [b"x"]
        await call_when_readable(ours.fileno(), call)
    assert calls == [b"x", b"y"]


async def test_its_error_is_its_own(pair: Pair) -> None:
    """What one raises comes out where that one waits, and the others go on."""
    (first, to_first), (second, to_second) = pair(), pair()
    heard: list[bytes] = []

    def fail() -> bool:
        raise ZeroDivisionError("a bug")

    def call() -> bool:
        heard.append(second.recv(1))
        return len(heard) < 2

    async def hear_first() -> None:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await call_when_readable(first.fileno(), fail)
        to_second.send(b"b")

    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call_when_readable, second.fileno(), call)
            nursery.start_soon(hear_first)
            await wait_all_tasks_blocked()
            to_second.send(b"a")
            to_first.send(b"x")
    assert heard == [b"a", b"b"]


@pytest.mark.parametrize("enough", [True, False])
async def test_one_may_cancel_itself_and_the_others(pair: Pair, *, enough: bool) -> None:
    """A call that ends the whole is the last one, whatever it returns, also where more were readable with it."""
    pairs = [pair() for _ in range(5)]
    calls: list[int] = []
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:

            def end(number: int) -> bool:
                calls.append(number)
                nursery.cancel_scope.cancel()
                return not enough

            for number, (ours, theirs) in enumerate(pairs):
                nursery.start_soon(call_when_readable, ours.fileno(), lambda number=number: end(number))
                theirs.send(b"x")
        await trio.lowlevel.checkpoint()
        for ours, _ in pairs:  # nothing of it is left
            await call_when_readable(ours.fileno(), lambda: False)
    assert len(calls) == 1 or calls == list(dict.fromkeys(calls))


async def test_who_waits_for_a_socket_that_is_closed_is_told(pair: Pair) -> None:
    """Nobody waits for ever, before or after; what waits for another socket goes on."""
    ours, _ = pair()
    other, to_other = pair()
    stream = PatientStream(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.call_when_readable(lambda: True)

    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(call_when_readable, other.fileno(), lambda: False)
            await wait_all_tasks_blocked()
            await stream.aclose()
            await wait()
            to_other.send(b"x")
