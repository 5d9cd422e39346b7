"""A disk and a terminal that take nothing hold up nobody: pings are answered, and the event loop goes on."""

from __future__ import annotations

import os
import pty
import stat
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import attrs
import pytest
import trio

from geppetto.chat import open_chat
from geppetto.cli import screen as screen_module
from geppetto.cli.screen import Streams, TerminalScreen
from geppetto.hooks import Hooks
from tests.fakes.chatting import configure
from tests.fakes.program import frames, transcripts, wavs
from tests.fakes.scripted_server import audio, created, done, error, scripted_server, tone, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.fakes.scripted_server import Peer

Args = ParamSpec("Args")
Result = TypeVar("Result")

STALL_S = 2.0
"""How long a stalled call takes if nobody ends it earlier: a loop that waits for one shows it."""
GAP_BOUND_S = 0.3
"""What is meant is 50 ms; a machine that is busy with something else may stop any process for longer."""
PIECES = 40
PCM = tone(2400)
SAID = "Zero. " + " ".join(f"{piece}." for piece in range(1, PIECES))


@attrs.define
class Heartbeat:
    """A task that should run every millisecond, and for how long it did not."""

    longest_s: float = 0.0

    async def beat(self) -> None:
        """Measure until cancelled."""
        while True:
            before = time.monotonic()
            await trio.sleep(0.001)
            self.longest_s = max(self.longest_s, time.monotonic() - before)


@attrs.define
class Stall:
    """Something that takes nothing, until it is let go or `STALL_S` is over."""

    armed: bool = False
    began: threading.Event = attrs.field(factory=threading.Event)
    over: threading.Event = attrs.field(factory=threading.Event)
    gave_up: bool = False

    def wait(self) -> None:
        """Stand still."""
        if not self.armed:
            return
        self.began.set()
        if not self.over.wait(STALL_S):
            self.gave_up = True


@contextmanager
def stalled_disk(directory: Path, patch: pytest.MonkeyPatch) -> Iterator[Stall]:
    """Let every call stand still that makes, writes or flushes a file below *directory*, in whatever thread."""
    stall = Stall()

    def stalling(call: Callable[Args, Result]) -> Callable[Args, Result]:
        def wrapper(*args: Args.args, **kwargs: Args.kwargs) -> Result:
            if _is_below(args[0], directory):
                stall.wait()
            return call(*args, **kwargs)

        return wrapper

    try:
        for name in ("open", "write", "pwrite", "fsync", "ftruncate"):
            patch.setattr(os, name, stalling(getattr(os, name)))
        yield stall
    finally:
        stall.over.set()


def _is_below(target: object, directory: Path) -> bool:
    if isinstance(target, int):
        if not stat.S_ISREG(os.fstat(target).st_mode):
            return False
        target = Path(f"/proc/self/fd/{target}").readlink()
    return isinstance(target, (str, Path)) and Path(target).is_relative_to(directory)


@contextmanager
def stalled_reader(patch: pytest.MonkeyPatch, names: Sequence[str], ends: tuple[int, int]) -> Iterator[Reading]:
    """Put a full pipe or terminal that nobody reads in place of the descriptors *names*; yield its reader."""
    reader, writer = ends
    reading = Reading(reader, fill(writer))
    real_write = os.write

    def write(fd: int, data: bytes) -> int:
        if fd == writer:
            reading.stall.began.set()
        return real_write(fd, data)

    patch.setattr(os, "write", write)
    for name in names:
        patch.setattr(screen_module, name, writer)
    thread = threading.Thread(target=reading.read_on)
    thread.start()
    try:
        yield reading
    finally:
        reading.stall.began.set()
        reading.stall.over.set()
        os.close(writer)
        thread.join(10)
        os.close(reader)


def fill(fd: int) -> int:
    """Write to *fd* until it takes no more, and return how many bytes it took."""
    os.set_blocking(fd, False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            count += os.write(fd, b".")
    os.set_blocking(fd, True)
    return count


@attrs.define
class Reading:
    """The other side of a full pipe or terminal."""

    _fd: int
    _filling_bytes: int
    stall: Stall = attrs.field(factory=lambda: Stall(armed=True), init=False)
    _read: bytearray = attrs.field(factory=bytearray, init=False)

    def read_on(self) -> None:
        """Read nothing as long as it is stalled, and then everything."""
        self.stall.began.wait()
        self.stall.wait()
        with suppress(OSError):  # EIO: nobody has the terminal open any more
            while data := os.read(self._fd, 4096):
                self._read.extend(data)

    @property
    def text(self) -> str:
        """What came behind the filling."""
        return self._read[self._filling_bytes :].decode().replace("\r\n", "\n")


@attrs.define
class Pinging:
    """A server that speaks on, and wants a pong for each ping, while a sink is stalled."""

    stall: Stall
    pongs_during_stall: int = 0

    async def __call__(self, peer: Peer) -> None:
        """Play one answer."""
        await peer.greet()
        await peer.expect("response.create")
        self.stall.armed = True
        await peer.send(error("odd", "A notice"), created("r1"), words("r1", "Zero. "), audio("r1", PCM))
        assert await trio.to_thread.run_sync(self.stall.began.wait, 10)
        for piece in range(1, PIECES):
            await peer.send(words("r1", f"{piece}. " if piece < PIECES - 1 else f"{piece}."), audio("r1", PCM))
            await peer.ping()
            self.pongs_during_stall += not self.stall.over.is_set() and not self.stall.gave_up
        self.stall.over.set()
        await peer.send(done("r1"))
        await peer.client_left()


async def longest_gap_s(server: Pinging, cwd: Path, *, tty: bool = False) -> float:
    """Ask one question, and return the longest pause of the event loop until all was over."""
    heart = Heartbeat()
    streams = Streams(stdin_is_tty=tty, stdout_is_tty=tty, stderr_is_tty=tty)
    hooks = Hooks(screen=TerminalScreen(streams))
    with trio.fail_after(30):
        async with scripted_server(server) as listening, trio.open_nursery() as nursery:
            nursery.start_soon(heart.beat)
            async with open_chat(configure(listening.url, cwd), hooks=hooks) as chat:
                await chat.ask("Count")
            nursery.cancel_scope.cancel()
    return heart.longest_s


def check(server: Pinging, gap_s: float, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Check that the sink was stalled all the time, and that nobody waited for it."""
    assert not server.stall.gave_up
    assert server.pongs_during_stall == PIECES - 1
    assert gap_s < GAP_BOUND_S
    if "GEPPETTO_FIGURES" in os.environ:
        with capsys.disabled():
            sys.stdout.write(f"\nstalled {what}: longest gap of the event loop {gap_s * 1000:.1f} ms\n")


async def test_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While WAV, transcript and wire log hang, the server gets its pongs; afterwards everything is there."""
    with stalled_disk(tmp_path, monkeypatch) as stall:
        server = Pinging(stall)
        gap_s = await longest_gap_s(server, tmp_path)
    check(server, gap_s, "disk", capsys)
    assert [frames(path) for path in wavs(tmp_path)] == [PCM * PIECES]
    assert transcripts(tmp_path) == [SAID]
    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_bytes().count(b"response.output_audio.delta") == 2 * PIECES  # as its type and in its text


@pytest.mark.parametrize("name", ["STDOUT_FD", "STDERR_FD"])
async def test_a_reader_that_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """While nobody reads stdout or stderr, pings get pongs and files are written; afterwards all words are there."""
    with stalled_reader(monkeypatch, [name], os.pipe()) as reading:
        server = Pinging(reading.stall)
        gap_s = await longest_gap_s(server, tmp_path)
    check(server, gap_s, f"{name[:6].lower()} pipe", capsys)
    if name == "STDOUT_FD":
        assert reading.text == f"{SAID}\n"
    else:
        assert "  the server reported an error: A notice (odd)\n" in reading.text
    assert [frames(path) for path in wavs(tmp_path)] == [PCM * PIECES]


async def test_a_terminal_that_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl+S at the terminal holds what is shown, and nothing else; Ctrl+Q brings all of it."""
    with stalled_reader(monkeypatch, ["STDOUT_FD", "STDERR_FD"], pty.openpty()) as reading:
        server = Pinging(reading.stall)
        gap_s = await longest_gap_s(server, tmp_path, tty=True)
    check(server, gap_s, "terminal", capsys)
    assert f"{SAID}\n" in reading.text
    assert "A notice (odd)\n" in reading.text
    assert [frames(path) for path in wavs(tmp_path)] == [PCM * PIECES]
