"""
Processes of their own, measured as a whole; rounds in which everyone takes a turn; medians of ratios.

What the kernel counts is what is told: `wait4` gives the CPU and the peak memory of a process that has ended. The
clients run on the first core and the servers on the last one, so that neither takes the other's time.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import attrs

from benchmarks.hypervisor import Neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")
CHECKOUT = Path(__file__).parents[1]
BOUND_S = 600.0
"""Nothing that is measured takes nearly as long."""


class Broken(Exception):
    """A benchmark did not do what it is to measure; the sentence says which."""


def say(sentence: str) -> None:
    """Tell how far it is, on stderr."""
    print(sentence, file=sys.stderr, flush=True)


NEIGHBOURS = Neighbours(say)
"""What this run has seen of others on the same hardware."""


@attrs.frozen(kw_only=True)
class Usage:
    """What one process took, from its start to its end."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    stdout: str


def cores() -> tuple[set[int], set[int]]:
    """Return the cores of the clients and of the servers; the same where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    everything = sorted(os.sched_getaffinity(0))
    return {everything[0]}, {everything[-1]}


_ALL_CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
_CLIENTS, _SERVERS = cores()


@contextmanager
def _on(wanted: set[int]) -> Iterator[None]:
    """Start processes there: a child inherits the core of the thread that starts it."""
    if not wanted:
        yield
        return
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, _ALL_CORES)


def environment(home: Path) -> dict[str, str]:
    """Return what a process is told of its surroundings: nothing of the user's settings, keys or proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(CHECKOUT))))
    return {**kept, "HOME": str(home), "PYTHONPATH": paths, "TZ": "UTC"}


@contextmanager
def place() -> Iterator[Path]:
    """
    Yield a directory whose files are empty afterwards, and gone when this process ends.

    Not gone at once: ext4 does not use the inodes of removed files again for some minutes, and looks at each of them
    for every new file. Behind a crowd whose files were removed, to make a file took 1.4 ms instead of 0.1.
    """
    path = Path(tempfile.mkdtemp(prefix="geppetto-bench-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    try:
        yield path
    finally:
        _empty(path)


def _empty(directory: str | Path) -> None:
    """Empty all files below *directory*, one at a time: a list of thousands would make this process large."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _empty(entry.path)
            elif entry.is_file(follow_symlinks=False):
                os.truncate(entry.path, 0)


@contextmanager
def started(
    command: Sequence[str],
    cwd: Path,
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    server: bool = False,
    stdout: int = subprocess.PIPE,
    stderr: int | IO[bytes] | None = None,
    term: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start *command* on the core of its kind, and see to it that it does not outlive the block."""
    with _on(_SERVERS if server else _CLIENTS):
        env = environment(cwd) | ({} if term is None else {"TERM": term})
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
    watchdog = threading.Timer(BOUND_S, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        if process.returncode is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def wait(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Wait for the end of *process*, and return what it took."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def run(command: Sequence[str], cwd: Path, *, stdin: bytes | None = None) -> Usage:
    """
    Run *command* to its end.

    Args:
        stdin: what it reads; None is nothing at all.

    Raises:
        Broken: it failed.
    """
    with tempfile.TemporaryFile() as errors:
        began_s = _now_s()
        source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        with started(command, cwd, stdin=source, stderr=errors) as process:
            assert process.stdout is not None
            if stdin is not None:
                assert process.stdin is not None
                pouring = threading.Thread(target=_pour, args=(process.stdin, stdin), daemon=True)
                pouring.start()
            stdout = process.stdout.read()
            usage = wait(process)
            wall_s = _now_s() - began_s
            if process.returncode != 0:
                errors.seek(0)
                said = errors.read()[-2000:].decode(errors="replace")
                raise Broken(f"{' '.join(command[1:4])} ended with {process.returncode}:\n{said}")
    return Usage(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=peak_bytes(usage),
        stdout=stdout.decode(),
    )


def _pour(stdin: IO[bytes], content: bytes) -> None:
    try:
        with stdin:
            stdin.write(content)
    except BrokenPipeError:
        pass  # it has ended; its status says how


def _now_s() -> float:
    return now_us() / 1e6


def now_us() -> int:
    """Return the clock that all processes of this machine share."""
    return time.monotonic_ns() // 1000


def told_peak_bytes(taken: Usage) -> int:
    """
    Return the peak of the resident memory.

    Raises:
        Broken: the kernel counts the memory of the one who starts a process, too, and that was more.
    """
    if taken.peak_bytes <= peak_bytes(resource.getrusage(resource.RUSAGE_SELF)):
        raise Broken("the harness itself holds more memory than what it starts: it cannot be told from it")
    return taken.peak_bytes


def peak_bytes(usage: resource.struct_rusage) -> int:
    """Return the peak as the kernel tells it."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peer(name: str, port: int, wav: Path, questions: int = 1) -> list[str]:
    """Return the command of a peer."""
    return [sys.executable, "-m", f"benchmarks.peers.{name}", str(port), str(wav), str(questions)]


def geppetto(port: int, *args: str) -> list[str]:
    """Return the command of Geppetto as its users run it: WAV, transcript, wire log and all."""
    return [sys.executable, "-m", "geppetto", "--url", f"ws://127.0.0.1:{port}/v1/realtime", "--quiet", *args]


def only_wav(below: Path) -> Path:
    """
    Return the WAV that was written there.

    Raises:
        Broken: there is none, or more than one.
    """
    found = sorted(below.rglob("*.wav"))
    if len(found) != 1:
        raise Broken(f"{len(found)} WAV files were written where there should be one")
    return found[0]


def digest(path: Path) -> str:
    """Return what tells one content from another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rounds(
    contestants: Mapping[str, Callable[[], T]], n_rounds: int, what: str, *, undisturbed: bool = False
) -> dict[str, list[T]]:
    """
    Give each contestant a turn in every round; each round begins with another one.

    Args:
        undisturbed: Take a turn again that the hypervisor disturbed.
    """
    taken: dict[str, list[T]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(n_rounds):
        say(f"{what}: round {number + 1} of {n_rounds}")
        for name in names[number % len(names) :] + names[: number % len(names)]:
            turn = contestants[name]
            taken[name].append(NEIGHBOURS.undisturbed(turn) if undisturbed else turn())
    return taken


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of the rounds: what slows the machine down slows both."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of *values* do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
