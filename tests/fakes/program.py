"""`python -m geppetto` as a process: real descriptors, real signals, a bound on everything."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import wave
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

CHECKOUT = Path(__file__).parents[2]
BOUND_S = 20.0
"""Nothing here takes nearly as long, but machines can be busy."""
MODULE = ("-m", "geppetto")


@attrs.define(kw_only=True)
class Ran:
    """What a process left behind."""

    status: int
    """As a shell has it: 128 + N for a process that signal N killed."""
    stdout: str
    stderr: str
    elapsed_s: float


@attrs.define(kw_only=True)
class Program:
    """A running process. Made by `open_program`."""

    process: trio.Process
    stdin: trio.abc.SendStream | None
    _out: bytearray = attrs.field(factory=bytearray)
    _err: bytearray = attrs.field(factory=bytearray)
    _grown: trio.Condition = attrs.field(factory=trio.Condition)
    _readers: int = 0
    _started: float = attrs.field(factory=trio.current_time)

    async def type(self, text: str) -> None:
        """Write *text* to its stdin."""
        assert self.stdin is not None
        await self.stdin.send_all(text.encode())

    async def end_input(self) -> None:
        """Close its stdin."""
        assert self.stdin is not None
        await self.stdin.aclose()

    async def wrote(self, text: str, *, times: int = 1) -> None:
        """Wait until stdout or stderr holds *text*."""
        async with self._grown:
            while (self._out + self._err).count(text.encode()) < times:
                if not self._readers:
                    raise AssertionError(f"{text!r} was not written, but:\n{self.stdout}\n{self.stderr}")
                await self._grown.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it *number*."""
        self.process.send_signal(number)

    async def left(self) -> Ran:
        """Wait until it has ended and all it wrote is read."""
        await self.process.wait()
        async with self._grown:
            while self._readers:
                await self._grown.wait()
        status = self.process.returncode
        assert status is not None
        return Ran(
            status=status if status >= 0 else 128 - status,
            stdout=self.stdout,
            stderr=self.stderr,
            elapsed_s=trio.current_time() - self._started,
        )

    @property
    def stdout(self) -> str:
        """What it wrote to stdout so far; on a terminal, to both."""
        return self._out.decode()

    @property
    def stderr(self) -> str:
        """What it wrote to stderr so far."""
        return self._err.decode()

    async def read(self, stream: trio.abc.ReceiveStream, kept: bytearray) -> None:
        """Keep what comes from *stream* until its end."""
        try:
            while data := await stream.receive_some():
                async with self._grown:
                    kept += data
                    self._grown.notify_all()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # EIO: the last process has left the terminal
        finally:
            with trio.CancelScope(shield=True):
                async with self._grown:
                    self._readers -= 1
                    self._grown.notify_all()


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the process: nothing of ours but what Python needs to find the package."""
    kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(CHECKOUT), "TZ": "UTC", "LC_ALL": "C.UTF-8", **more}


@asynccontextmanager
async def open_program(
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.PIPE,
    terminal: bool = False,
    run: Sequence[str] = MODULE,
    read_stdout: bool = True,
    shell: str = "",
) -> AsyncIterator[Program]:
    """
    Start the program in *cwd*; leaving the block kills what is left of it.

    Args:
        args: of `geppetto`.
        cwd: where it writes.
        env: more variables.
        stdin: as for `subprocess`; not used with *terminal*.
        terminal: give it a pseudo-terminal as stdin, stdout and stderr, and as its controlling terminal.
        run: what Python runs.
        read_stdout: whether anybody reads its stdout.
        shell: a line of sh that gets the command as `"$@"`.
    """
    command = [sys.executable, *run, *args]
    if shell:
        command = ["/bin/sh", "-c", shell, "sh", *command]
    variables = environment(cwd, env or {})
    if shell:
        variables.pop("COVERAGE_PROCESS_CONFIG", None)  # its data file would meet the limits that the line sets
    failure: Exception | None = None
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            if terminal:
                program = await _on_terminal(command, cwd, variables, nursery, read=read_stdout)
            else:
                program = await _on_pipes(command, cwd, variables, nursery, stdin, read_stdout=read_stdout)
            try:
                yield program
            except Exception as error:  # raised again below, outside of the nursery, which would wrap it
                failure = error
            finally:
                with suppress(ProcessLookupError):
                    program.process.kill()
                with trio.CancelScope(shield=True):
                    await program.process.wait()
                nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _hear_hangups() -> None:
    """Forget that the tests themselves may run under `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


async def _on_pipes(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    nursery: trio.Nursery,
    stdin: int | IO[bytes] | None,
    *,
    read_stdout: bool,
) -> Program:
    process = await trio.lowlevel.open_process(
        command,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_hear_hangups,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    program = Program(process=process, stdin=process.stdin)
    program._readers = 1 + read_stdout
    if read_stdout:
        nursery.start_soon(program.read, process.stdout, program._out)
    nursery.start_soon(program.read, process.stderr, program._err)
    return program


async def _on_terminal(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], nursery: trio.Nursery, *, read: bool
) -> Program:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~termios.ECHO  # what is typed is not what the program wrote
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    claim = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = await trio.lowlevel.open_process(
        [sys.executable, "-S", "-c", claim, *command],
        cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=_hear_hangups,
    )  # fmt: skip
    os.close(slave)
    stream = trio.lowlevel.FdStream(master)
    program = Program(process=process, stdin=stream)
    program._readers = int(read)
    if read:
        nursery.start_soon(program.read, stream, program._out)
    return program


async def run_program(
    args: Sequence[str],
    *,
    cwd: Path,
    stdin: str | bytes | IO[bytes] | int = "",
    env: Mapping[str, str] | None = None,
    run: Sequence[str] = MODULE,
    shell: str = "",
) -> Ran:
    """Run the program to its end, with *stdin* as text through a pipe, or as a file."""
    typed = isinstance(stdin, (str, bytes))
    source = subprocess.PIPE if isinstance(stdin, (str, bytes)) else stdin
    async with open_program(args, cwd=cwd, env=env, stdin=source, run=run, shell=shell) as program:
        if typed:
            assert isinstance(stdin, (str, bytes))
            with suppress(trio.BrokenResourceError):  # it may leave without reading it
                assert program.stdin is not None
                await program.stdin.send_all(stdin.encode() if isinstance(stdin, str) else stdin)
            await program.end_input()
        return await program.left()


# --- what it left in its directory


def wavs(cwd: Path) -> list[Path]:
    """Return the WAVs under their final names, by name."""
    return sorted((cwd / "audio_output").glob("*.wav"))


def frames(path: Path) -> bytes:
    """Return the PCM of a WAV, and check that its header says 24,000 Hz, mono, 16 bit."""
    with path.open("rb") as file, wave.open(file) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (24_000, 1, 2)
        pcm: bytes = wav.readframes(wav.getnframes())
        assert len(pcm) == 2 * wav.getnframes()
        return pcm


def transcripts(cwd: Path) -> list[str]:
    """Return what stands below `Transcript:` in each transcript, by name."""
    paths = sorted((cwd / "audio_output").glob("*.txt"))
    return [path.read_text().partition("Transcript:\n")[2].rstrip("\n") for path in paths]


def unfinished_wav(cwd: Path) -> Path:
    """Return the one WAV that is still under its temporary name."""
    (part,) = (cwd / "audio_output").glob("*.wav.part")
    return part


def files_below(cwd: Path) -> list[Path]:
    """Return every file below *cwd*."""
    return sorted(path for path in cwd.rglob("*") if path.is_file())
