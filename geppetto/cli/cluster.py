"""`geppetto batch --cluster`: the flags of a run become orders for workers, and on a worker a run again."""

from __future__ import annotations

import os
import tempfile
import traceback
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import msgspec
import trio

from geppetto import __version__
from geppetto.cli.saying import say, say_error
from geppetto.cli.scripted import scripted
from geppetto.cli.servers import Target
from geppetto.cluster.dask import Bench, need_distributed
from geppetto.cluster.pool import OnCluster
from geppetto.cluster.shard import Orders, ShardBug, ShardFailed, settings_of
from geppetto.cluster.stores import AtURL, SharedDirectory, check_url
from geppetto.cluster.work import ask_shard
from geppetto.config import SETTINGS, load_config
from geppetto.errors import ConfigError, GeppettoError
from geppetto.keystore.store import KeyStore
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from geppetto.batch.elsewhere import Seam
    from geppetto.cli.flags import ScriptFlags
    from geppetto.cli.scripted import Source
    from geppetto.cluster.shard import Shard
    from geppetto.cluster.stores import Store
    from geppetto.config import ClientConfig
    from geppetto.status import ExitStatus


@attrs.frozen(kw_only=True)
class ClusterFlags:
    """What the command line says of the cluster."""

    address: str
    shard_size: int | None
    output: str | None


# --- at the submitter


class _Submitter(Target, frozen=True, kw_only=True):
    """Talks to no server, and needs no key."""

    def configure(self, *, needs_key: bool = True) -> ClientConfig:
        """See `Target`."""
        del needs_key
        return attrs.evolve(super().configure(needs_key=False), api_key=None)

    @asynccontextmanager
    async def server(self, config: ClientConfig) -> AsyncIterator[tuple[ClientConfig, str]]:
        """See `Target`."""
        yield config, "cluster"


def on_cluster(target: Target, flags: ScriptFlags, source: Source, cluster: ClusterFlags) -> ExitStatus:
    """
    Ask everything that *source* has on a cluster, and return the exit status.

    As `geppetto.cli.scripted.scripted`, but questions are independent of each other.
    """
    submitter = _Submitter(**msgspec.structs.asdict(target))
    if flags.context is None:
        flags = msgspec.structs.replace(flags, independent=True)

    def orders(seam: Seam, run: str, output: str | None) -> Orders:
        proxy = target.settings.get("proxy")
        return Orders(
            version=__version__,
            run=run,
            plan=msgspec.structs.replace(seam.plan, ordered=False, max_usd=None, max_s=None),
            settings=settings_of(seam.config, proxy=None if proxy is None else str(proxy)),
            key_env=target.key_env,
            offline=target.offline,
            offline_lead_s=target.offline_lead_s,
            output=output,
        )

    elsewhere = OnCluster(
        address=cluster.address,
        work=ask_on_worker,
        orders=orders,
        output=cluster.output,
        shard_size=cluster.shard_size,
    )
    try:
        _check(flags, cluster)
    except GeppettoError as error:
        say_error(error)
        return error.status
    status = scripted(submitter, flags, source, elsewhere=elsewhere)
    if elsewhere.metrics is not None and elsewhere.metrics.answers and not target.quiet:
        say(elsewhere.metrics.summary_line(None))
    return status


def _check(flags: ScriptFlags, cluster: ClusterFlags) -> None:
    """
    Check what a cluster cannot do.

    Raises:
        ConfigError: that was asked for, or an extra is missing.
    """
    if flags.context == "conversation":
        msg = "Workers cannot share one conversation. Leave out --context conversation, or --cluster."
        raise ConfigError(msg)
    if flags.audio_out is not None:
        msg = "The audio of several workers cannot go to one stream. Leave out --audio-out, or --cluster."
        raise ConfigError(msg)
    need_distributed()
    if cluster.output is not None:
        check_url(cluster.output)


# --- on a worker


def ask_on_worker(shard: Shard) -> list[str]:
    """
    Ask *shard* on this worker, in the thread that dask gave it; return the lines of its results.

    The key, and the proxy if none was given, come from this worker's environment. Nothing of them leaves it.

    Raises:
        ShardFailed: it could not be finished; dask tries it again.
        ShardBug: a programming error.
    """
    redactor = Redactor()
    bench = Bench(shard)
    try:
        config = _configure(shard.orders)
        redactor = config.redactor
        with ExitStack() as stack:
            store: Store
            if shard.orders.output is None:
                store = SharedDirectory.of(shard, config)
            else:
                temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="geppetto-"))
                store = AtURL.of(shard, config, Path(temporary))
            stack.callback(store.close)
            return trio.run(_ask, shard, config, store, bench)
    except GeppettoError as error:
        raise ShardFailed(f"Worker {bench.host}: {redactor.clean(str(error))}", int(error.status)) from None
    except Exception as bug:
        raise ShardBug(redactor.clean("".join(traceback.format_exception(bug)))) from None


async def _ask(shard: Shard, config: ClientConfig, store: Store, bench: Bench) -> list[str]:
    orders = shard.orders
    target = Target(
        settings=orders.settings,
        offline=orders.offline,
        offline_lead_s=orders.offline_lead_s,
        key_env=orders.key_env,
        metrics_file=None,
        quiet=True,
    )
    async with target.server(config) as (ready, _name):
        return await ask_shard(shard, ready, store, bench)


def _configure(orders: Orders) -> ClientConfig:
    """
    Return the submitter's settings with this worker's key.

    Raises:
        ConfigError: this worker has another version, or no key.
    """
    if orders.version != __version__:
        msg = f"A worker has Geppetto {__version__}, the run is of {orders.version}. Install the same version."
        raise ConfigError(msg)
    not_ours = {setting.variable for setting in SETTINGS if setting.name != "proxy"}
    environ = {name: value for name, value in os.environ.items() if name not in not_ours}
    if orders.offline:
        return load_config(orders.settings, environ)
    return load_config(orders.settings, environ, key_env=orders.key_env, stored_keys=KeyStore.of(os.environ))
