"""Prices files: what is right is read exactly, and what is wrong is named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.errors import ConfigError
from geppetto.pricing.cost import PARTS
from geppetto.pricing.table import alias_of, parse_prices, read_prices

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.pricing.table import Table

TODAY = date(2026, 11, 21)


def parse(text: str) -> Table:
    """Return the table in *text*."""
    return parse_prices(text, "p.toml", "prices file p.toml")


def test_prices_are_read_as_they_are_written() -> None:
    """Whole numbers and fractions become exact decimals; what is not named has no price."""
    price = parse('[prices."my model"]\ninput_text = 4\noutput_text = 0.1\nsource = "the bill"').find(
        "my model", TODAY
    )
    assert price is not None
    assert (price.input_text, price.output_text, price.input_audio) == (Decimal(4), Decimal("0.1"), None)
    assert price.source == "prices file p.toml"


@given(st.dictionaries(st.sampled_from(PARTS), st.decimals(0, 1_000_000, places=6), min_size=1))
def test_any_prices_are_kept_to_the_last_digit(prices: dict[str, Decimal]) -> None:
    """No price goes through a binary fraction."""
    price = parse("[prices.m]\n" + "\n".join(f"{part} = {usd}" for part, usd in prices.items())).find("m", TODAY)
    assert price is not None
    assert {part: getattr(price, part) for part in PARTS} == {part: prices.get(part) for part in PARTS}


def test_a_price_may_change_at_a_date() -> None:
    """Of several rows, the last one that has begun holds; before the first there is no price."""
    table = parse(
        '[[prices."m"]]\nsince = 2026-06-01\ninput_text = 2\n[[prices."m"]]\nsince = 2025-01-01\ninput_text = 5\n'
    )
    found = [
        table.find("m", day) for day in (date(2024, 12, 31), date(2025, 1, 1), date(2026, 5, 31), date(2026, 6, 1))
    ]
    assert [price and price.input_text for price in found] == [None, 5, 5, 2]


def test_an_empty_file_has_no_prices() -> None:
    """Nothing in it is nothing to complain about."""
    assert parse("").find("gpt-realtime", TODAY) is None


WRONG = {
    "[price.m]\ninput_text = 1": "has price, which is not known. Did you mean prices?",
    "[prices.m]\ninput_txt = 1": 'has prices."m".input_txt, which is not known. Did you mean input_text?',
    "[prices.m]\ntext_output = 1": 'has prices."m".text_output, which is not known. ',
    "[prices.m]\nzzzzzzzzzzzz = 1": "Known are input_text, ",
    '[prices.m]\n"\\u001b[2J" = 1': r"\x1b[2J, which is not known",
    "prices = 3": 'prices must be a table: [prices."model"]',
    "[prices]\nm = 3": 'prices."m" must be a table: [prices."m"]',
    '[prices]\nm = ["x"]': 'prices."m" must be a table: [prices."m"]',
    '[prices.m]\ninput_text = "4"': 'prices."m".input_text must be a number, US dollars for a million tokens',
    "[prices.m]\ninput_text = true": 'prices."m".input_text must be a number',
    "[prices.m]\ninput_text = -1": 'prices."m".input_text must be between 0 and 1,000,000 US dollars',
    "[prices.m]\ninput_text = nan": 'prices."m".input_text must be between',
    "[prices.m]\ninput_text = inf": 'prices."m".input_text must be between',
    "[prices.m]\ninput_text = 1e400": 'prices."m".input_text must be between',
    '[prices.m]\nsince = "2026-01-01"': 'prices."m".since must be a date such as 2026-11-21, without quotes',
    "[prices.m]\nsince = 2026-01-01T10:00:00": 'prices."m".since must be a date',
    "[prices.m]\nsource = 1": 'prices."m".source must be a text in quotes',
    "checked = 1": "checked must be a date",
    "[[prices.m]]\n[[prices.m]]": 'prices."m".since must be another date in each row',
    "[prices.m": "is not TOML (",
    "x = 1e99999999999999999999999": "is not TOML (",
    "x = " + "[" * 100_000: "is not TOML (",
}


@pytest.mark.parametrize(("text", "why"), WRONG.items(), ids=[text[:40] for text in WRONG])
def test_a_mistake_is_named(text: str, why: str) -> None:
    """Each mistake names the file, the key and what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).startswith("The prices file p.toml")
    assert why in str(caught.value)
    assert str(caught.value).endswith((".", "?"))


def test_a_file_that_cannot_be_read_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    """A missing file, a directory and a file that is not UTF-8 are named with the reason."""
    broken = tmp_path / "latin.toml"
    broken.write_bytes(b"# \xe9")
    for path, why in ((tmp_path / "none.toml", "No such file"), (tmp_path, "directory"), (broken, "not UTF-8")):
        with pytest.raises(ConfigError, match=why) as caught:
            read_prices(path)
        assert str(path) in str(caught.value)


def test_the_prices_say_which_file_they_are_from(tmp_path: Path) -> None:
    """Braces in its name are a part of the name."""
    path = tmp_path / "{checked} {0}.toml"
    path.write_text("[prices.m]\ninput_text = 1\n", encoding="utf-8")
    price = read_prices(path).find("m", TODAY)
    assert price is not None
    assert price.source == f"prices file {path}"


@pytest.mark.parametrize(
    ("model", "alias"),
    [
        ("gpt-realtime-2025-08-28", "gpt-realtime"),
        ("gpt-realtime-mini-2025-10-06", "gpt-realtime-mini"),
        ("gpt-realtime", None),
        ("gpt-realtime-mini", None),
        ("gpt-realtime-2.1", None),
        ("gpt-realtime-2025-13-28", None),
        ("gpt-realtime-20250828", None),
        ("gpt-realtime-2025-08-28-x", None),
        ("-2025-08-28", None),
        ("", None),
    ],
)
def test_only_a_date_makes_a_snapshot(model: str, alias: str | None) -> None:
    """Another word at the end of a name is another model."""
    assert alias_of(model) == alias
