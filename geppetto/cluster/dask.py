"""
dask.distributed, as far as it is used: the client of the submitter, and the worker that a shard runs on.

The package is an extra and heavy, so it is imported here, when a cluster is used.

Source: API of distributed 2026.8 (`Client.submit`, `Client.subscribe_topic`, `get_worker`, `Worker.log_event`).
"""

from __future__ import annotations

import importlib
import importlib.util
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from geppetto.errors import ConfigError, ConnectFailed, ConnectionLost, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.cluster.shard import Shard

    Work = Callable[[Shard], list[str]]
    """Asks a shard, on a worker; returns the lines of its results."""

INSTALL: Final = (
    'A cluster needs the extra package dask.distributed. Run `python3 -m pip install "geppetto[cluster]"`, here and '
    "on every worker."
)
_TRIES_AGAIN: Final = 2
"""How often dask runs a shard again that failed on a worker which is still there."""
_QUIET: Final = dict.fromkeys(("distributed", "distributed.client", "tornado", "tornado.application"), "critical")


class ShardLost(Exception):
    """Every worker that a shard was given to died over it."""


def need_distributed() -> None:
    """
    Check that the package is there, without importing it.

    Raises:
        MissingExtra: it is not.
    """
    if importlib.util.find_spec("distributed") is None:
        raise MissingExtra(INSTALL)


class Future(Protocol):
    """One shard that was handed to a worker: what is used of `distributed.Future`."""

    def result(self) -> list[str]:
        """Wait for its lines; raise what the worker raised."""

    def add_done_callback(self, done: Callable[[Future], None]) -> None:
        """Call *done* when it is over, in a thread of dask's."""


class Client(Protocol):
    """The submitter's end: what is used of `distributed.Client`."""

    def nthreads(self) -> Mapping[str, int]:
        """Return the threads of each worker."""

    def subscribe_topic(self, topic: str, handler: Callable[[tuple[object, dict[str, Any]]], None]) -> None:
        """Call *handler* with each event under *topic*."""

    def submit(self, work: Work, shard: Shard, *, key: str, pure: bool, retries: int) -> Future:
        """Hand a shard to a worker."""

    def cancel(self, futures: list[Future], *, force: bool) -> None:
        """Take shards back."""

    def close(self, *, timeout: float) -> None:
        """Leave."""


class Cluster:
    """The submitter's connection to a scheduler. Every call blocks, and any thread may make it."""

    def __init__(self, client: Client, address: str) -> None:
        """Speak through *client*; see `connect`."""
        self._client = client
        self.address = address

    @classmethod
    def connect(cls, address: str, timeout_s: float) -> Cluster:
        """
        Connect to the scheduler at *address*; the caller closes the connection.

        TLS and everything else is dask's own configuration.

        Raises:
            MissingExtra: dask.distributed is not installed.
            ConfigError: *address* is none.
            ConnectFailed: no scheduler answers there.
        """
        need_distributed()
        # Its log goes to stderr, where our own sentences say the same.
        importlib.import_module("dask").config.set({"logging": _QUIET})
        distributed = importlib.import_module("distributed")
        try:
            # A client that fails on this does so again when it is collected, with a traceback.
            importlib.import_module("distributed.comm").get_address_host_port(address)
        except (ValueError, TypeError, NotImplementedError) as error:  # the last one: a scheme without ports
            msg = f"{address} is no address of a scheduler ({error}). Write it as tcp://HOST:8786."
            raise ConfigError(msg) from error
        try:
            client = distributed.Client(address, timeout=timeout_s, set_as_default=False)
        except OSError as error:
            msg = f"No dask scheduler answers at {address}. Start one with `dask scheduler`, or mend the address."
            raise ConnectFailed(msg) from error
        return cls(client, address)

    def threads(self) -> int:
        """Return how many shards the workers can run at once; 0 while there are none."""
        try:
            return sum(self._client.nthreads().values())
        except (OSError, RuntimeError, AttributeError):  # it is reconnecting
            return 0

    def listen(self, topic: str, heard: Callable[[dict[str, Any]], None]) -> None:
        """Call *heard* with every message under *topic*, in a thread of dask's."""
        self._client.subscribe_topic(topic, lambda event: heard(event[1]))

    def submit(self, work: Work, shard: Shard, done: Callable[[], None]) -> Future:
        """Hand *shard* to a worker; *done* is called in a thread of dask's when it is over. Returns its future."""
        future: Future = self._client.submit(work, shard, key=shard.task, pure=False, retries=_TRIES_AGAIN)
        future.add_done_callback(lambda _future: done())
        return future

    def result(self, future: Future) -> list[str]:
        """
        Return the lines of a shard that is over.

        Raises:
            GeppettoError: the scheduler went away, or its environment differs.
            ShardFailed: it could not be finished.
            ShardLost: no worker survived it.
        """
        distributed = importlib.import_module("distributed")
        try:
            lines = future.result()
        except distributed.CancelledError as error:  # we cancel nothing that we still wait for
            msg = f"The scheduler at {self.address} went away. Start it again, and go on with --resume."
            raise ConnectionLost(msg) from error
        except distributed.KilledWorker as error:
            raise ShardLost from error
        except (ImportError, RuntimeError) as error:
            if isinstance(error, ImportError) or "deserializ" in str(error):
                msg = (
                    f"The cluster at {self.address} cannot load Geppetto. Install the same version of it for the "
                    "scheduler and every worker."
                )
                raise ConfigError(msg) from error
            raise
        return lines

    def close(self, unfinished: list[Future], timeout_s: float) -> None:
        """Cancel *unfinished* futures, and leave. Their workers stop asking."""
        with suppress(Exception):  # the scheduler may be gone; it forgets what nobody waits for
            if unfinished:
                self._client.cancel(unfinished, force=True)
        with suppress(Exception):
            self._client.close(timeout=timeout_s)


class Bench:
    """The worker that a shard runs on. Made in the shard's thread; any thread may call it."""

    def __init__(self, shard: Shard) -> None:
        """Find out where we are."""
        self._worker = importlib.import_module("distributed").get_worker()
        self._shard = shard

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for this shard: not once it was cancelled, or this worker was given up."""
        if self._worker.status.name not in {"running", "paused", "closing_gracefully"}:
            return False
        task = self._worker.state.tasks.get(self._shard.task)
        return task is not None and task.state in {"executing", "long-running"}

    @property
    def host(self) -> str:
        """The machine."""
        address: str = self._worker.address
        return address.rpartition("://")[2]

    def tell(self, message: dict[str, Any]) -> None:
        """Send *message* to the submitter; it may get lost, with the worker or the scheduler."""
        self._worker.log_event(self._shard.orders.topic, message)
