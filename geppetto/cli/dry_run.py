"""`--dry-run`: what a run would ask, and what that may cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import trio

from geppetto.audio.pcm import duration_ms
from geppetto.audio.reading import read_audio
from geppetto.batch.ask import BadLine
from geppetto.batch.estimate import Estimate
from geppetto.cli.saying import say
from geppetto.cli.screen import write_stdout
from geppetto.clock import local_now
from geppetto.errors import ConfigError
from geppetto.pricing.price_list import PriceList
from geppetto.status import ExitStatus
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from geppetto.batch.ask import Ask
    from geppetto.batch.plan import Plan
    from geppetto.config import ClientConfig


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

    def add(ask: Ask) -> None:
        spoken_ms = None
        if ask.audio_file is not None:
            try:
                pcm = read_audio(ask.audio_file, in_one_message=plan.context == "response")
                spoken_ms = duration_ms(len(pcm))
            except ConfigError as error:
                estimate.bad_lines += 1
                say(f"  line {ask.line}: {escape_line(str(error))}")
                return
        spoken = ask.audio_file is not None
        estimate.add(ask.question, instructions=ask.instructions, spoken=spoken, spoken_ms=spoken_ms)

    async def read() -> None:
        async for thing in source():
            if isinstance(thing, BadLine):
                estimate.bad_lines += 1
                say(f"  {escape_line(thing.why)}")
            else:
                await trio.to_thread.run_sync(add, thing)

    trio.run(read)
    when = local_now().date()
    costs = PriceList.load(config.prices_file, embedded=config.provider == "offline").estimate(
        config.model_name, estimate.low, estimate.high, provider_host=config.host, when=when
    )
    if as_json:
        shown = json.dumps(estimate.as_json(config.model_name, costs)) + "\n"
    else:
        lines = estimate.lines(config.model_name, costs)
        shown = "".join(f"{escape_line(line)}\n" for line in lines)
    write_stdout(shown.encode("utf-8", "replace"))
    return ExitStatus.UNANSWERED if estimate.bad_lines else ExitStatus.OK
