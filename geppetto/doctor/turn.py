"""One question and its answer, as a chat does it, with files that are gone afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from geppetto.chat import open_chat
from geppetto.doctor.check import Finding, ok
from geppetto.errors import ConnectionLost
from geppetto.pricing.cost import NOTHING
from geppetto.status import ExitStatus

if TYPE_CHECKING:
    from geppetto.answer import Answer
    from geppetto.config import ClientConfig
    from geppetto.realtime.client_events import Modality

QUESTION: Final = "This is a test of the connection. Please answer with the one word: ready."
_LONGEST_S: Final = 120.0


def _logged(directory: Path) -> bytes:
    """Return the wire log in *directory*: a few kilobytes."""
    return b"".join(path.read_bytes() for path in sorted(directory.glob("Chat:*.log")))


@attrs.define(kw_only=True)
class Turn:
    """The check that asks a question; afterwards `wire_log` is what went over the wire."""

    config: ClientConfig
    audio: bool
    """Ask for a voice; text alone is cheaper. A server that always speaks is asked for a voice anyway."""
    wire_log: bytes = attrs.field(default=b"", init=False, repr=False)

    async def look(self) -> Finding:
        """
        Ask, wait for the answer, and tell how long it took and what it cost.

        Raises:
            GeppettoError: there was no answer.
        """
        place = tempfile.TemporaryDirectory(prefix="geppetto-doctor-", ignore_cleanup_errors=True)
        with place as directory:
            config = attrs.evolve(
                self.config,
                modality=self._modality,
                audio_output_dir=Path(directory),
                log_dir=Path(directory),
                log_audio=False,
                max_retries=0,
            )
            answer: Answer | None = None
            try:
                with trio.move_on_after(_LONGEST_S):
                    async with open_chat(config) as chat:
                        answer = await chat.ask(QUESTION)
            finally:
                self.wire_log = _logged(Path(directory))
        if answer is None:
            msg = f"The answer did not end within {_LONGEST_S:g} s. Try again later."
            raise ConnectionLost(msg)
        return self._judged(answer)

    @property
    def _modality(self) -> Modality:
        return "audio" if self.audio or self.config.served_by.always_speaks else "text"

    def _judged(self, answer: Answer) -> Finding:
        latency = answer.latency
        cost = answer.cost
        details: dict[str, object] = {
            "modality": self._modality,
            "status": answer.status,
            "first_text_ms": latency.first_text_ms,
            "first_audio_ms": latency.first_audio_ms,
            "done_ms": latency.done_ms,
            "audio_ms": answer.audio_ms,
            "tokens": answer.usage.as_json(),
            "cost": None if cost is None else cost.as_json(),
        }
        if answer.status != "completed":
            why = f" ({answer.reason})" if answer.reason else ""
            return Finding(
                verdict="failed",
                sentence=f"The answer came to an end before it was complete: {answer.status}{why}.",
                next_step="Ask again; if it stays like this, ask whoever runs the server.",
                status=ExitStatus.UNANSWERED,
                details=details,
            )
        if self.audio and not answer.audio_ms:
            return Finding(
                verdict="failed",
                sentence="The answer has no audio.",
                next_step="Check what the model can do, or ask for text with --modality text.",
                status=ExitStatus.UNANSWERED,
                details=details,
            )
        said = [f"A question was answered in {(latency.done_ms or 0) / 1000:.1f} s"]
        if latency.first_audio_ms is not None:
            said.append(f"first audio after {latency.first_audio_ms / 1000:.2f} s")
        elif latency.first_text_ms is not None:
            said.append(f"first words after {latency.first_text_ms / 1000:.2f} s")
        usage = answer.usage
        if usage.total_tokens:
            said.append(f"{usage.input_tokens} tokens in, {usage.output_tokens} out")
        if cost is None:
            said.append("what it cost is not known")
        else:
            said.append(f"it cost {cost}" if cost.usd else NOTHING)
        return ok(f"{'; '.join(said)}.", **details)
