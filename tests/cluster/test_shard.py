"""What goes to workers, and what a resumed run finds again."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from geppetto.batch.ask import Ask
from geppetto.batch.checks import Checks
from geppetto.batch.plan import Plan
from geppetto.cluster.dask import need_distributed
from geppetto.cluster.run_file import RunFile
from geppetto.cluster.shard import Orders, Shard, ShardFailed, settings_of, shipped
from geppetto.cluster.stores import check_url
from geppetto.config import SETTINGS, ClientConfig, load_config
from geppetto.errors import ConfigError, ConnectFailed, MissingExtra
from geppetto.records.modes import PRIVATE
from geppetto.records.template import NameTemplate
from geppetto.status import ExitStatus

KEY = "sk-stays-where-it-is"


def settle(manifest: Path | None, *, resume: bool = False, size: int | None = None, place: str = "/a") -> RunFile:
    """Return the run of *manifest*."""
    return RunFile.settle(manifest, resume=resume, shard_size=size, default_size=50, place=place, modes=PRIVATE)


def test_orders_have_every_setting_and_no_key() -> None:
    """A worker makes the same configuration of them, but for the key and the proxy of the submitter."""
    config = ClientConfig(api_key=KEY, proxy="http://user:password@proxy:8080", voice="cedar", speed=1.2)
    orders = Orders(
        version="1",
        run="run-1",
        plan=Plan(
            jobs=2, context="response", checks=Checks(expect="x"), names=NameTemplate.parse("{index:04d}-{slug}")
        ),
        settings=settings_of(config, proxy=None),
        key_env="THEIR_KEY",
        offline=False,
        offline_lead_s=2.0,
        output=None,
    )
    asks = (Ask(index=1, id="1", question="What?", line=1),)
    shard = Shard(orders=orders, task="t", first=1, last=50, asks=asks)
    sent = pickle.dumps(shard)
    assert pickle.loads(sent) == shard
    assert KEY.encode() not in sent
    assert b"password" not in sent
    made = load_config(orders.settings, {"THEIR_KEY": "sk-another"}, key_env="THEIR_KEY")
    paths = {"ca_file", "audio_output_dir", "log_dir", "prices_file"}
    for setting in SETTINGS:
        if setting.name not in paths | {"proxy"}:
            assert getattr(made, setting.name) == getattr(config, setting.name), setting.name
    assert made.audio_output_dir == Path("audio_output").absolute()
    assert (made.api_key, made.proxy) == ("sk-another", None)


def test_a_proxy_with_a_password_is_not_sent() -> None:
    """One that a flag names would go through the scheduler; without a password it may."""
    config = ClientConfig(proxy="http://user:password@proxy:8080")
    with pytest.raises(ConfigError, match="password"):
        settings_of(config, proxy="http://user:password@proxy:8080")
    assert settings_of(ClientConfig(proxy="http://proxy:8080"), proxy="http://proxy:8080")["proxy"]


def test_the_path_of_a_spoken_question_is_absolute() -> None:
    """A worker starts in another directory."""
    ask = Ask(index=1, id="1", question="", line=1, audio_file=Path("a.wav"))
    assert shipped(ask).audio_file == Path.cwd() / "a.wav"


def test_a_failed_shard_crosses_the_network_as_its_sentence() -> None:
    """The submitter ends with the status that the worker's error has."""
    failed = pickle.loads(pickle.dumps(ShardFailed.of(ConnectFailed("It cannot be reached."))))
    assert (failed.ending.status, failed.ending.why) == (ExitStatus.NO_CONNECTION, "It cannot be reached.")


def test_a_resumed_run_has_its_name_again_and_a_new_one_never(tmp_path: Path) -> None:
    """A new run below an old manifest's name does not find the shards of the old one."""
    manifest = tmp_path / "run.jsonl"
    first = settle(manifest, size=7)
    assert settle(manifest, resume=True) == first
    assert settle(manifest, resume=True, size=7) == first
    assert settle(manifest).run != first.run
    assert settle(None).run != settle(None).run


def test_a_run_of_one_machine_goes_on_with_a_cluster(tmp_path: Path) -> None:
    """Its manifest has no shards beside it yet."""
    assert settle(tmp_path / "run.jsonl", resume=True).shard_size == 50


@pytest.mark.parametrize(
    ("size", "place", "content", "said"),
    [(8, "/a", "", "--shard-size 7"), (None, "/b", "", "keeps its files at /a"), (None, "/a", "{", "cannot be read")],
)
def test_a_resumed_run_cannot_change_its_shards(
    tmp_path: Path, size: int | None, place: str, content: str, said: str
) -> None:
    """Workers would not find what they have done, and ask it again."""
    manifest = tmp_path / "run.jsonl"
    settle(manifest, size=7)
    if content:
        RunFile.beside(manifest).write_text(content)
    with pytest.raises(ConfigError, match=said):
        settle(manifest, resume=True, size=size, place=place)


def test_a_missing_extra_is_one_sentence_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it can copy the line."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r'`python3 -m pip install "geppetto\[cluster\]"`'):
        need_distributed()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nope://bucket", "nope"),
        ("/some/where", "a URL"),
        ("ftp://me:secret@host/dir", "a user or a password"),
    ],
)
def test_an_output_that_workers_cannot_have_is_refused(url: str, said: str) -> None:
    """A wrong one is known before anything is asked, and a password does not get into results."""
    with pytest.raises(ConfigError, match=said):
        check_url(url)


def test_dask_is_imported_when_it_is_used() -> None:
    """A run on one machine does not pay for the extra."""
    code = "import sys, geppetto.cli.cluster; print({'distributed', 'dask', 'fsspec'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert run.stdout.strip() == "set()"
