"""The program on a pseudo-terminal of some size, and what a person sees there, cell by cell."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import termios
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import pyte
import trio

from tests.fakes.program import BOUND_S, MODULE, environment
from tests.fakes.scripted_server import answer, audio, created, done, tone, words
from tests.repl.reflowing import ReflowingScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

FACES = {"prompt": {"TERM": "xterm-256color"}, "plain": {"TERM": "dumb"}}
"""What the surroundings say to the program, by what the person then sees."""
CLAIM = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
READ_BYTES = 1 << 16


def to(url: str, *args: str) -> list[str]:
    """Return the arguments of a chat with *url* that does not try twice."""
    return ["--url", url, "--max-retries", "0", *args]


async def cancellable(peer: Peer) -> None:
    """Begin an answer, end it when that is wanted, and answer what comes then."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.send(created("resp_1"), audio("resp_1", tone()), words("resp_1", "Once upon"))
    await peer.expect("response.cancel")
    await peer.send(done("resp_1", "cancelled"))
    await peer.expect("response.create")
    await peer.send(*answer("resp_2", "Fine.", tone()))
    await peer.client_left()


@attrs.define(kw_only=True)
class Stage:
    """A program that runs on a terminal. Made by `open_stage`."""

    process: trio.Process
    screen: pyte.HistoryScreen
    raw: bytearray = attrs.field(factory=bytearray)
    """All that it wrote."""
    _master: int
    _slave: int
    _before: list[object]
    _stream: pyte.ByteStream
    _grown: trio.Condition = attrs.field(factory=trio.Condition)
    _taken: trio.Event = attrs.field(factory=trio.Event)
    """Set while somebody takes what it writes."""

    async def type(self, text: str) -> None:
        """Press the keys of *text*."""
        data = text.encode()
        while data:
            await trio.lowlevel.wait_writable(self._master)
            data = data[os.write(self._master, data[:1024]) :]

    async def shows(self, *texts: str) -> None:
        """Wait until all of *texts* stand on the screen."""
        async with self._grown:
            while not all(text in "\n".join(self.rows) for text in texts):
                await self._grown.wait()

    async def says(self, *texts: str) -> None:
        """Wait until all of *texts*, which have no spaces, stand somewhere, whatever the rows and spaces."""
        async with self._grown:
            while not all(text in "".join(self.all_rows).replace(" ", "") for text in texts):
                await self._grown.wait()

    async def repeats(self, text: str, times: int) -> None:
        """Wait until *text* stands on the screen *times* times."""
        async with self._grown:
            while "\n".join(self.rows).count(text) != times:
                await self._grown.wait()

    async def hides(self, text: str) -> None:
        """Wait until *text* stands on the screen no longer."""
        async with self._grown:
            while text in "\n".join(self.rows):
                await self._grown.wait()

    async def wrote(self, data: bytes, after: int) -> None:
        """Wait until it has written *data* behind the first *after* bytes."""
        async with self._grown:
            while data not in self.raw[after:]:
                await self._grown.wait()

    def stall(self) -> None:
        """Take nothing of what it writes any longer."""
        self._taken = trio.Event()

    def go_on(self) -> None:
        """Take what it writes."""
        self._taken.set()

    def resize(self, columns: int, rows: int = 24) -> None:
        """Change the size of the terminal, which tells the program."""
        self.screen.resize(rows, columns)
        termios.tcsetwinsize(self._master, (rows, columns))

    @property
    def rows(self) -> list[str]:
        """What stands on the screen, without the empty rows below."""
        rows = [row.rstrip() for row in self.screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def all_rows(self) -> list[str]:
        """What stands on the screen, and what has left it at the top."""
        gone = ["".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in self.screen.history.top]
        return gone + self.rows

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was found: what `stty -a` shows, the cursor, the mode for pasting."""
        same = termios.tcgetattr(self._slave) == self._before
        pasting = self.raw.rfind(b"\x1b[?2004h") > self.raw.rfind(b"\x1b[?2004l")
        return same and not pasting and not self.screen.cursor.hidden

    @property
    def is_raw(self) -> bool:
        """Whether keys come one by one."""
        return not termios.tcgetattr(self._slave)[3] & termios.ICANON

    async def left(self) -> int:
        """Wait until it has ended and all it wrote is shown; return the status as a shell has it."""
        status = await self.process.wait()
        async with self._grown:
            while select.select([self._master], [], [], 0)[0]:
                await self._grown.wait()
        return status if status >= 0 else 128 - status

    async def read(self) -> None:
        """Show what it writes."""
        while True:
            await self._taken.wait()
            await trio.lowlevel.wait_readable(self._master)
            if not self._taken.is_set():
                continue
            async with self._grown:
                data = os.read(self._master, READ_BYTES)
                self.raw += data
                self._stream.feed(data)
                self._grown.notify_all()


@asynccontextmanager
async def open_stage(
    args: Sequence[str],
    *,
    cwd: Path,
    columns: int = 80,
    rows: int = 24,
    env: Mapping[str, str] | None = None,
    run: Sequence[str] = MODULE,
    shell: str = "",
    reflows: bool = False,
) -> AsyncIterator[Stage]:
    """
    Start `geppetto` with *args* in *cwd*, on a terminal of its own; leaving the block kills what is left of it.

    Args:
        args: of `geppetto`.
        cwd: where it writes.
        columns: how wide the terminal is.
        rows: how high it is.
        env: more variables.
        run: what Python runs.
        shell: a line of sh that gets the command as `"$@"`.
        reflows: whether the terminal wraps what it shows when it becomes narrower; it says so, as VTE does.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (rows, columns))
    variables = environment(cwd, {"TERM": "xterm-256color", **(env or {})})
    if reflows:
        variables.setdefault("VTE_VERSION", "7600")
    command = [sys.executable, *run, *args]
    if shell:
        command = ["/bin/sh", "-c", shell, "sh", *command]
    command = [sys.executable, "-S", "-c", CLAIM, *command]
    screen = (ReflowingScreen if reflows else pyte.HistoryScreen)(columns, rows, history=10_000)
    failure: Exception | None = None
    try:
        with trio.fail_after(BOUND_S):
            async with trio.open_nursery() as nursery:
                process = await trio.lowlevel.open_process(
                    command, cwd=cwd, env=variables, stdin=slave, stdout=slave, stderr=slave,
                    start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
                )  # fmt: skip
                stage = Stage(
                    process=process,
                    screen=screen,
                    master=master,
                    slave=slave,
                    before=termios.tcgetattr(slave),
                    stream=pyte.ByteStream(screen),
                )
                stage.go_on()
                nursery.start_soon(stage.read)
                try:
                    yield stage
                except Exception as error:  # raised again below, outside of the nursery, which would wrap it
                    failure = error
                finally:
                    with suppress(ProcessLookupError):
                        process.kill()
                    with trio.CancelScope(shield=True):
                        await process.wait()
                    nursery.cancel_scope.cancel()
    finally:
        os.close(master)
        os.close(slave)
    if failure is not None:
        raise failure
