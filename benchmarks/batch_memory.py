"""
How much memory a run takes while its input is streamed: `python -m benchmarks.batch_memory --questions 20000`.

A line for each thousand questions, with the resident memory of the process. Linux; run from the checkout.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from tests.fakes.asked import Desk, said_of
from tests.fakes.program import environment
from tests.fakes.scripted_server import answer, scripted_server

if TYPE_CHECKING:
    from tests.fakes.asked import Asked
    from tests.fakes.scripted_server import Peer

STEP = 1000


async def reply(peer: Peer, asked: Asked) -> None:
    """Answer with words, and forget what was heard."""
    peer.seen.events.clear()
    peer.seen.texts.clear()
    await peer.send(*answer(asked.response_id, said_of(asked)))


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found is not None else 0.0


async def measure(questions: int, jobs: int, cwd: Path) -> None:
    """Pipe *questions* through the program, and print."""
    desk = Desk(reply)
    async with scripted_server(desk.story) as server, trio.open_nursery() as nursery:
        command = [sys.executable, "-m", "geppetto", "--url", server.url, "--json", "--jobs", str(jobs)]
        process = await trio.lowlevel.open_process(
            [*command, "--modality", "text", "--quiet"],
            cwd=cwd,
            env=environment(cwd, {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

        async def feed() -> None:
            assert process.stdin is not None
            async with process.stdin as stdin:
                for first in range(0, questions, 100):
                    await stdin.send_all(b"What?\n" * min(100, questions - first))

        nursery.start_soon(feed)
        started = trio.current_time()
        for count in range(STEP, questions + 1, STEP):
            await desk.wait_for(count)
            seconds = trio.current_time() - started
            sys.stdout.write(f"{count:>8,} asked  {seconds:7.1f} s  {resident_mib(process.pid):6.1f} MiB\n")
            sys.stdout.flush()
        sys.stdout.write(f"status {await process.wait()}\n")


def main() -> None:
    """Read the flags, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=4)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        trio.run(measure, flags.questions, flags.jobs, Path(place))


if __name__ == "__main__":
    main()
