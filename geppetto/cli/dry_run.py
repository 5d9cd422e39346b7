"""`--dry-run`: what a run would ask, and what that may cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import trio

from geppetto.batch.ask import BadLine
from geppetto.batch.estimate import Estimate
from geppetto.cli.saying import say
from geppetto.cli.screen import write_stdout
from geppetto.pricing.price_list import PriceList
from geppetto.status import ExitStatus
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from geppetto.batch.ask import Ask
    from geppetto.batch.plan import Plan
    from geppetto.config import ClientConfig
    from geppetto.pricing.cost import Cost


def dry_run(
    config: ClientConfig, plan: Plan, source: Callable[[], AsyncIterable[Ask | BadLine]], *, as_json: bool
) -> ExitStatus:
    """
    Read everything, say what it is, and return the exit status: 3 when a line is malformed.

    Raises:
        GeppettoError: the input or the prices cannot be read, or stdout cannot be written.
    """
    estimate = Estimate(
        audio=config.modality == "audio",
        conversation=plan.context == "conversation",
        instructions_chars=len(config.instructions),
        max_output_tokens=config.max_output_tokens,
    )

    async def read() -> None:
        async for thing in source():
            if isinstance(thing, BadLine):
                estimate.bad_lines += 1
                say(f"  {escape_line(thing.why)}")
            else:
                spoken = thing.audio_file is not None
                estimate.add(thing.question, instructions=thing.instructions, spoken=spoken)

    trio.run(read)
    when = datetime.now(UTC).astimezone().date()
    costs = PriceList.load(config.prices_file).estimate(
        config.model_name, estimate.low, estimate.high, provider_host=config.host, when=when
    )
    shown = _as_json(config, estimate, costs) if as_json else _for_people(config, estimate, costs)
    write_stdout(shown.encode("utf-8", "replace"))
    return ExitStatus.UNANSWERED if estimate.bad_lines else ExitStatus.OK


def _for_people(config: ClientConfig, estimate: Estimate, costs: tuple[Cost, Cost] | None) -> str:
    low, high = estimate.low, estimate.high
    lines = [
        f"{estimate.questions:,} questions"
        + (f", {estimate.bad_lines:,} malformed lines" * bool(estimate.bad_lines)),
        f"{low.input_tokens:,} to {high.input_tokens:,} tokens in, "
        f"{low.output_tokens:,} to {high.output_tokens:,} out (a guess: answers of 3 to 30 s)",
        f"no price of {escape_line(config.model_name)} at {escape_line(config.host)} is known"
        if costs is None
        else f"{costs[0]} to {costs[1]}, by {escape_line(costs[0].source)}",
    ]
    return "\n".join(lines) + "\n"


def _as_json(config: ClientConfig, estimate: Estimate, costs: tuple[Cost, Cost] | None) -> str:
    value = {
        "schema": 1,
        "questions": estimate.questions,
        "malformed_lines": estimate.bad_lines,
        "model": config.model_name,
        "usage": {"low": estimate.low.as_json(), "high": estimate.high.as_json()},
        "cost": None if costs is None else {"low": costs[0].as_json(), "high": costs[1].as_json()},
    }
    return json.dumps(value) + "\n"
