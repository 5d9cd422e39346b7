"""Which price holds: the user's, the maintained list's, the table's, or none."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from geppetto.errors import ConfigError
from geppetto.pricing import maintained, price_list
from geppetto.pricing.cost import PARTS
from geppetto.pricing.price_list import PriceList
from geppetto.realtime.dialects import DIALECTS
from geppetto.realtime.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.pricing.price import Price
    from geppetto.realtime.dialects import Dialect

ROOT = Path(__file__).parents[2]
OPENAI = "api.openai.com"
TODAY = date(2026, 11, 21)
MILLION = Usage(output_tokens=1_000_000, output_audio_tokens=1_000_000)
TABLE = tomllib.loads(Path(price_list.__file__).with_name("prices.toml").read_text(encoding="utf-8"))


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide genai-prices, as on a machine without the extra."""
    for name in ("genai_prices", "genai_prices.data_snapshot"):
        monkeypatch.setitem(sys.modules, name, None)
    maintained._models.cache_clear()
    yield
    maintained._models.cache_clear()


def price(prices: PriceList, model: str, host: str | None = OPENAI) -> Price | None:
    """Return the price of *model* today."""
    return prices.price(model, provider_host=host, when=TODAY)


def own_prices(tmp_path: Path, text: str) -> PriceList:
    """Return a list with a prices file."""
    path = tmp_path / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return PriceList.load(path)


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-2025-08-28"])
def test_without_the_package_the_table_has_the_price(model: str) -> None:
    """A model, and a dated snapshot of it, cost what the table says, and the cost says which table."""
    cost = PriceList.load(None).cost(model, MILLION, provider_host=OPENAI, when=TODAY)
    assert cost is not None
    assert (cost.usd, cost.model) == (Decimal(64), model)
    assert cost.source == f"Geppetto's table of {TABLE['checked']}"


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
def test_the_default_models_have_a_price(dialect: Dialect) -> None:
    """Who sets nothing sees what it costs."""
    assert PriceList.load(None).cost(dialect.default_model, MILLION, provider_host=OPENAI, when=TODAY) is not None


@pytest.mark.parametrize("model", ["gpt-realtime", "anything"])
def test_the_embedded_server_costs_nothing(tmp_path: Path, model: str) -> None:
    """Which is known, whatever the model is called, unless the prices file has it; without tokens there is none."""
    embedded = PriceList.load(None, embedded=True)
    cost = embedded.cost(model, MILLION, provider_host="127.0.0.1:8765", when=TODAY)
    assert cost is not None
    assert (cost.usd, cost.model, cost.source) == (Decimal(0), model, "the embedded server")
    assert embedded.cost(model, Usage(), provider_host="127.0.0.1:8765", when=TODAY) is None
    path = tmp_path / "prices.toml"
    path.write_text("[prices.anything]\noutput_audio = 2", encoding="utf-8")
    own = PriceList.load(path, embedded=True).cost(model, MILLION, provider_host="127.0.0.1:8765", when=TODAY)
    assert own is not None
    assert own.usd == (2 if model == "anything" else 0)


@pytest.mark.parametrize(
    "model", ["gpt-realtime-max", "gpt-realtim", "gpt-realtime-2.1-2", "GPT-REALTIME", "llama", ""]
)
def test_a_model_that_is_not_known_has_no_price(model: str) -> None:
    """A name that begins like a known one is another model."""
    assert PriceList.load(None).cost(model, MILLION, provider_host=OPENAI, when=TODAY) is None


@pytest.mark.parametrize(
    "host",
    ["localhost:8080", "127.0.0.1:1", "x.openai.azure.com", "eu.api.openai.com", "api.openai.com.evil.org", ""],
)
def test_published_prices_are_those_of_openai_alone(host: str) -> None:
    """Another server may call its model the same, and charge nothing or more."""
    assert price(PriceList.load(None), "gpt-realtime", host) is None


@pytest.mark.parametrize("host", [None, OPENAI, "API.OpenAI.com", "api.openai.com:443"])
def test_openai_is_known_by_its_host(host: str | None) -> None:
    """With its port or without; no host is OpenAI's own."""
    assert price(PriceList.load(None), "gpt-realtime", host) is not None


def test_a_snapshot_with_a_price_of_its_own_is_not_priced_as_another() -> None:
    """The first preview costs more than the later ones, with the package or without."""
    prices = PriceList.load(None)
    for model, usd in (("gpt-4o-realtime-preview-2024-10-01", 200), ("gpt-4o-realtime-preview-2024-12-17", 80)):
        cost = prices.cost(model, MILLION, provider_host=OPENAI, when=TODAY)
        assert cost is not None
        assert cost.usd == usd


@pytest.mark.parametrize("host", [OPENAI, "localhost:8080", None])
def test_the_users_prices_go_before_all_others(tmp_path: Path, host: str | None) -> None:
    """They hold on any server and for snapshots, replace the whole row, and leave other models alone."""
    prices = own_prices(tmp_path, '[prices."gpt-realtime"]\noutput_audio = 1\n')
    for model in ("gpt-realtime", "gpt-realtime-2025-08-28"):
        found = price(prices, model, host)
        assert found is not None
        assert (found.output_audio, found.output_text) == (Decimal(1), None)
        assert found.source.startswith("prices file ")
    assert (price(prices, "gpt-realtime-mini", host) is None) == (host == "localhost:8080")


def test_a_price_that_has_not_begun_leaves_the_published_one(tmp_path: Path) -> None:
    """A row for next year says nothing about today."""
    prices = own_prices(tmp_path, '[prices."gpt-realtime"]\nsince = 2027-01-01\noutput_audio = 1\n')
    found = price(prices, "gpt-realtime")
    assert found is not None
    assert found.output_audio == 64


def test_a_wrong_prices_file_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    """A mistake is told before anything is spent."""
    with pytest.raises(ConfigError, match="Did you mean output_audio"):
        own_prices(tmp_path, '[prices."gpt-realtime"]\noutput_audo = 1\n')


def test_an_estimate_has_two_ends() -> None:
    """The least and the most that a run may cost; none of them if one is not known."""
    prices = PriceList.load(None)
    low = Usage(input_text_tokens=1000, output_text_tokens=10, output_audio_tokens=40)
    high = msgspec.structs.replace(low, output_audio_tokens=4000)
    ends = prices.estimate("gpt-realtime", low, high, provider_host=OPENAI, when=TODAY)
    assert ends is not None
    assert [end.usd for end in ends] == [Decimal("0.00672"), Decimal("0.26016")]
    assert prices.estimate("llama", low, high, provider_host=OPENAI, when=TODAY) is None
    assert prices.estimate("gpt-realtime", Usage(), high, provider_host=OPENAI, when=TODAY) is None


def test_every_row_of_the_table_names_its_source() -> None:
    """Who doubts a price can look it up; and cached tokens never cost more than others."""
    for model, row in TABLE["prices"].items():
        assert row["source"].startswith(("https://", "genai-prices ")), model
        for modality in ("text", "audio", "image"):
            assert row.get(f"cached_{modality}", 0) <= row.get(f"input_{modality}", 0), model


def test_the_package_and_the_table_agree() -> None:
    """The maintained list has all rows but one with the same figures, or one of the two is out of date."""
    pytest.importorskip("genai_prices")
    assert maintained.find("gpt-4o-realtime-preview-2024-10-01", TODAY) is None
    for model, row in TABLE["prices"].items():
        found = maintained.find(model, TABLE["checked"])
        if model == "gpt-4o-realtime-preview-2024-10-01":
            continue
        assert found is not None, model
        ours = {part: Decimal(str(row[part])) for part in PARTS if part in row}
        assert {part: getattr(found, part) for part in PARTS if getattr(found, part) is not None} == ours, model
        assert found.source.startswith("genai-prices ")


def test_the_package_goes_before_the_table() -> None:
    """Where it is installed and has the model, its prices are taken."""
    pytest.importorskip("genai_prices")
    for model in ("gpt-realtime", "gpt-realtime-2025-08-28", "gpt-realtime-1.5"):
        found = price(PriceList.load(None), model)
        assert found is not None
        assert found.source.startswith("genai-prices "), model


def test_the_package_is_not_taken_where_it_would_guess() -> None:
    """No audio at the price of text, nothing billed by the hour, and no model that only begins like a known one."""
    pytest.importorskip("genai_prices")
    old = maintained.find("gpt-4o-audio-preview", TODAY)
    assert old is not None
    assert (old.input_audio, old.input_image, old.output_audio) == (None, None, None)
    assert maintained.find("gpt-realtime-whisper", TODAY) is None
    assert maintained.find("gpt-4o-realtime-preview-9", TODAY) is None


def test_nothing_heavy_is_loaded_before_the_first_question() -> None:
    """Importing the room, loading a list and asking for a model of another server leave the package alone."""
    code = (
        "import sys\n"
        "from datetime import date\n"
        "from geppetto.pricing.price_list import PriceList\n"
        "from geppetto.realtime.usage import Usage\n"
        "prices = PriceList.load(None)\n"
        "prices.cost('gpt-realtime', Usage(total_tokens=1), provider_host='localhost', when=date(2026, 11, 21))\n"
        "print(sorted({'genai_prices', 'pydantic', 'trio', 'click', 'asyncio', 'ssl'} & sys.modules.keys()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "[]\n"
