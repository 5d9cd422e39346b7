"""Tables of prices in TOML: the one in the package, and the user's prices file."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from geppetto.errors import ConfigError
from geppetto.pricing.cost import PARTS
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from geppetto.pricing.price import Price

MAX_USD: Final = 1_000_000
"""For a million tokens. More is a mistake about the unit."""

_TOP_KEYS: Final = ("prices", "checked")
_ROW_KEYS: Final = (*PARTS, "since", "source")
_SNAPSHOT: Final = re.compile(r"(?P<model>.+)-(?P<day>\d{4}-\d{2}-\d{2})", re.DOTALL)


class Table(msgspec.Struct, frozen=True):
    """The prices of models: for each one its rows, the newest first, with the day from which on each holds."""

    rows: Mapping[str, tuple[tuple[date, Price], ...]] = msgspec.field(default_factory=dict)

    def find(self, model: str, when: date) -> Price | None:
        """Return the price of the model of exactly this name on the day *when*; None if there is no row for it."""
        return next((price for since, price in self.rows.get(model, ()) if since <= when), None)


def alias_of(model: str) -> str | None:
    """
    Return `gpt-realtime` for `gpt-realtime-2025-08-28`; None for what is no dated snapshot.

    Source: "Snapshots" on OpenAI's model pages. Only the date is certain: `gpt-realtime-mini` is another model.
    """
    match = _SNAPSHOT.fullmatch(model)
    if match is None:
        return None
    try:
        date.fromisoformat(match["day"])
    except ValueError:
        return None
    return match["model"]


def read_prices(path: Path) -> Table:
    """
    Read the user's prices file; blocks.

    Raises:
        ConfigError: it cannot be read, is not TOML, or has a key or a value that no prices file has; the sentence
            names the file, the key and what was probably meant.
    """
    shown = escape_line(str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        msg = f"The prices file {shown} cannot be read ({why}). Check the path."
        raise ConfigError(msg) from error
    return parse_prices(text, shown, f"prices file {shown}")


def parse_prices(text: str, where: str, source: str) -> Table:
    """
    Read a table of prices.

    Args:
        text: TOML. `[prices."model"]` is a table with a price for each of `PARTS`, or an array of such tables with
            `since`, a date. `source` in it, and `checked` at the top, are for those who read the file.
        where: The file, as errors name it.
        source: What the prices say where they are from; `{checked}` in it becomes that date.

    Raises:
        ConfigError: *text* is not TOML, or not such a table.
    """
    import tomllib  # few runs need a price

    try:
        # Decimals are read as they are written. Nesting and exponents beyond measure are no bugs of ours.
        content = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        msg = f"The prices file {where} is not TOML ({escape_line(str(error))}). Correct it there."
        raise ConfigError(msg) from error
    _check_keys(content, _TOP_KEYS, where, "")
    checked = content.get("checked")
    if checked is not None and not _is_date(checked):
        raise _wrong(where, "checked", "a date such as 2026-11-21, without quotes")
    models = content.get("prices", {})
    if not isinstance(models, dict):
        raise _wrong(where, "prices", 'a table: [prices."model"]')
    source = source.replace("{checked}", str(checked)) if checked is not None else source
    return Table(
        {model: _rows(value, where, f'prices."{escape_line(model)}"', source) for model, value in models.items()}
    )


def _rows(value: object, where: str, key: str, source: str) -> tuple[tuple[date, Price], ...]:
    from geppetto.pricing.price import Price  # few runs need one

    rows = value if isinstance(value, list) else [value]
    dated: dict[date, Price] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise _wrong(where, key, f"a table: [{key}]")
        _check_keys(row, _ROW_KEYS, where, f"{key}.")
        since = row.get("since", date.min)
        if not _is_date(since):
            raise _wrong(where, f"{key}.since", "a date such as 2026-11-21, without quotes")
        if not isinstance(row.get("source", ""), str):
            raise _wrong(where, f"{key}.source", "a text in quotes")
        if since in dated:
            raise _wrong(where, f"{key}.since", "another date in each row")
        prices = {part: _usd(row[part], where, f"{key}.{part}") for part in PARTS if part in row}
        dated[since] = Price(source=source, **prices)
    return tuple(sorted(dated.items(), key=lambda row: row[0], reverse=True))


def _usd(value: object, where: str, key: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong(where, key, "a number, US dollars for a million tokens")
    usd = Decimal(value)
    if not usd.is_finite() or not 0 <= usd <= MAX_USD:
        raise _wrong(where, key, f"between 0 and {MAX_USD:,} US dollars for a million tokens")
    return usd


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _check_keys(found: Iterable[str], known: tuple[str, ...], where: str, prefix: str) -> None:
    for key in found:
        if key not in known:
            from difflib import get_close_matches  # hardly anybody mistypes

            near = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
            msg = f"The prices file {where} has {prefix}{escape_line(key)}, which is not known. {hint}"
            raise ConfigError(msg)


def _wrong(where: str, key: str, wanted: str) -> ConfigError:
    return ConfigError(f"The prices file {where}: {key} must be {wanted}.")
