"""A cluster of processes on this machine: a program that says where it is, and lives as long as its stdin."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from tests.fakes.program import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@attrs.frozen(kw_only=True)
class LocalCluster:
    """A scheduler and its workers, each a process with one thread."""

    address: str
    scheduler_pid: int
    pids: Sequence[int]
    """Of the workers."""


@contextmanager
def local_cluster(cwd: Path, workers: int, env: Mapping[str, str] | None = None) -> Iterator[LocalCluster]:
    """Start a cluster in *cwd*, with *env* for its workers; leaving the block ends every process of it. Blocks."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(workers)],
        cwd=cwd,
        env=environment(cwd, env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            yield LocalCluster(address=said["address"], scheduler_pid=process.pid, pids=said["pids"])
        finally:
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # workers that have lost their scheduler


def main() -> None:
    """Run the cluster until the end of stdin."""
    workers = int(sys.argv[1])
    with importlib.import_module("distributed").LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]
        sys.stdout.write(json.dumps({"address": cluster.scheduler_address, "pids": pids}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
