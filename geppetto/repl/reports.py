"""What commands show of a conversation: settings, figures, money, what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geppetto.pricing.cost import NOTHING
from geppetto.repl.settings import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from geppetto.config import ClientConfig
    from geppetto.records.metrics import Metrics
    from geppetto.repl.saving import Exchange


def settings(config: ClientConfig, log_path: Path | None) -> str:
    """Return the server, every setting with its source, and the wire log, in rows."""
    log = "" if log_path is None else f"\n  {'log':<18}{log_path}"
    return f"  {'server':<18}{config.host}\n{shown(config)}{log}"


def figures(metrics: Metrics) -> str:
    """Return how much was said and how fast, in rows."""
    rows = [f"  {metrics.summary_line(None)}"]
    for what, series in (("first words", metrics.first_text), ("first audio", metrics.first_audio)):
        if series.median_ms is not None:
            rows.append(f"  {what} after {series.median_ms / 1000:.2f} s, the median of {series.count}")
    rows.append(f"  {metrics.messages_sent:,} messages sent, {metrics.messages_received:,} received")
    return "\n".join(rows)


def money(metrics: Metrics) -> str:
    """Return the tokens and what they cost, in rows."""
    usage, cost = metrics.usage, metrics.cost
    cached = f"{usage.cached_tokens:,} of them cached"
    rows = [f"  {usage.input_tokens:,} tokens in, {cached}, {usage.output_tokens:,} out"]
    if cost is None:
        rows.append("  no price is known for what was used")
    elif cost.usd or metrics.unpriced_answers:
        rows.append(f"  {cost}, by {cost.source}")
    else:
        rows.append(f"  {NOTHING}")
    if cost is not None and metrics.unpriced_answers:
        rows.append(f"  {metrics.unpriced_answers} of the answers are not in it: their price is not known")
    return "\n".join(rows)


def conversation(said: Iterable[Exchange]) -> str:
    """Return questions and answers as they were shown."""
    return "\n".join(f"You: {one.answer.heard or one.answer.question}\nGeppetto: {one.answer.text}" for one in said)
