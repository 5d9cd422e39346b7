"""What a session did, in numbers. Pure arithmetic: callers bring the clock."""

from __future__ import annotations

import json
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import msgspec

from geppetto.audio.pcm import SAMPLE_RATE_HZ, duration_s
from geppetto.audio.wav import cannot_write
from geppetto.realtime.usage import Usage
from geppetto.records.modes import PRIVATE, in_place_of
from geppetto.redaction import Redactor
from geppetto.text import escape_line

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.pricing.cost import Cost
    from geppetto.records.modes import FileModes

RECENT_TURNS: Final = 1000
"""How many turns the median looks back, so that the memory for a session of weeks is bounded."""

_MAX_NAMES: Final = 100
_KEEPS_ALL: Final = Redactor()
_OTHER: Final = "(other)"


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long after the question was sent things of its answer came; None for what never came."""

    first_text_ms: float | None = None
    """The first character of text or transcript."""
    first_audio_ms: float | None = None
    done_ms: float | None = None
    """The end of the answer."""


class Series(msgspec.Struct):
    """Figures of one latency over all turns."""

    count: int = 0
    min_ms: float | None = None
    max_ms: float | None = None
    _recent_ms: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=RECENT_TURNS))

    def add(self, value_ms: float | None) -> None:
        """Take one turn into account; None, something that never came, is passed over."""
        if value_ms is None:
            return
        self.count += 1
        self.min_ms = value_ms if self.min_ms is None else min(self.min_ms, value_ms)
        self.max_ms = value_ms if self.max_ms is None else max(self.max_ms, value_ms)
        self._recent_ms.append(value_ms)

    @property
    def median_ms(self) -> float | None:
        """The median of the last `RECENT_TURNS` turns; None before the first."""
        import statistics  # 4 ms with fractions and decimal, and only who asks for it waits

        return statistics.median(self._recent_ms) if self._recent_ms else None

    def as_json(self) -> dict[str, object]:
        """Return the figures for a JSON file."""
        return {
            "count": self.count,
            "min": _rounded(self.min_ms),
            "median": _rounded(self.median_ms),
            "max": _rounded(self.max_ms),
        }


class Metrics(msgspec.Struct):
    """The counters of a session; they go on over reconnects."""

    sample_rate_hz: int = SAMPLE_RATE_HZ
    """Of the audio that is received, to tell its length."""
    messages_sent: int = 0
    bytes_sent: int = 0
    messages_received: int = 0
    bytes_received: int = 0
    bad_messages: int = 0
    """Messages that could not be understood, and were skipped."""
    errors: Counter[str] = msgspec.field(default_factory=Counter)
    """Errors that the server reported, by code."""
    audio_chunks: int = 0
    audio_bytes: int = 0
    """PCM16, decoded."""
    answers: Counter[str] = msgspec.field(default_factory=Counter)
    """By status: `completed`, `cancelled`, `incomplete`, `failed`."""
    usage: Usage = msgspec.field(default_factory=Usage)
    cost: Cost | None = None
    """Of the answers whose cost is known; None while there is none."""
    unpriced_answers: int = 0
    """Answers that used tokens at a price that is not known: what they cost is missing in `cost`."""
    first_text: Series = msgspec.field(default_factory=Series)
    first_audio: Series = msgspec.field(default_factory=Series)
    done: Series = msgspec.field(default_factory=Series)
    rtt_ms: float | None = None
    """The last round trip of a ping; None before the first pong."""

    def sent(self, n_bytes: int) -> None:
        """Count a message to the server."""
        self.messages_sent += 1
        self.bytes_sent += n_bytes

    def received(self, n_bytes: int) -> None:
        """Count a message from the server."""
        self.messages_received += 1
        self.bytes_received += n_bytes

    def error(self, code: str | None) -> None:
        """Count an error that the server reported."""
        _count(self.errors, code or "(no code)")

    def bad_message(self) -> None:
        """Count a message that could not be understood."""
        self.bad_messages += 1

    def audio(self, n_bytes: int) -> None:
        """Count a chunk of received audio, *n_bytes* of PCM16."""
        self.audio_chunks += 1
        self.audio_bytes += n_bytes

    def answer(self, status: str, usage: Usage, latency: Latency, cost: Cost | None = None) -> None:
        """Count an answer that has ended, whichever way; *cost* is None when it is not known, or nothing was used."""
        _count(self.answers, status)
        self.usage += usage
        if cost is not None:
            self.cost = cost if self.cost is None else self.cost + cost
        elif usage != Usage():
            self.unpriced_answers += 1
        self.first_text.add(latency.first_text_ms)
        self.first_audio.add(latency.first_audio_ms)
        self.done.add(latency.done_ms)

    def pong(self, rtt_ms: float) -> None:
        """Remember the round trip of the last ping."""
        self.rtt_ms = rtt_ms

    @property
    def audio_s(self) -> float:
        """How long the received audio plays."""
        return duration_s(self.audio_bytes, self.sample_rate_hz)

    def summary_line(self, log_path: Path | None) -> str:
        """Return the line for the end of a session, safe for a terminal, without a newline."""
        parts = [
            self._answers_for_people(),
            f"{self.audio_s:.1f} s of audio" if self.audio_bytes else "no audio",
            _plural(self.errors.total(), "error"),
        ]
        if self.bad_messages:
            parts.append(_plural(self.bad_messages, "unreadable message"))
        if self.usage.input_tokens or self.usage.output_tokens:
            tokens_in = _plural(self.usage.input_tokens, "token")
            parts.append(f"{tokens_in} in, {self.usage.output_tokens:,} out")
        if self.cost is not None:
            from geppetto.pricing.cost import spent  # few sessions know what they cost

            parts.append(spent(self.cost.usd, all_priced=not self.unpriced_answers))
        if log_path is not None:
            parts.append(escape_line(str(log_path)))
        return " · ".join(parts)

    def as_json(self) -> dict[str, object]:
        """Return everything for a JSON file; durations in the unit that the key names."""
        return {
            "messages": {
                "sent": self.messages_sent,
                "sent_bytes": self.bytes_sent,
                "received": self.messages_received,
                "received_bytes": self.bytes_received,
                "bad": self.bad_messages,
            },
            "errors": {"total": self.errors.total(), "by_code": dict(self.errors)},
            "audio": {
                "chunks": self.audio_chunks,
                "bytes": self.audio_bytes,
                "duration_s": round(self.audio_s, 3),
            },
            "answers": {"total": self.answers.total(), "by_status": dict(self.answers)},
            "tokens": self.usage.as_json(),
            "cost": None if self.cost is None else self.cost.as_json(),
            "unpriced_answers": self.unpriced_answers,
            "latency_ms": {
                "first_text": self.first_text.as_json(),
                "first_audio": self.first_audio.as_json(),
                "done": self.done.as_json(),
            },
            "rtt_ms": _rounded(self.rtt_ms),
        }

    def _answers_for_people(self) -> str:
        text = _plural(self.answers.total(), "answer")
        others = [
            f"{count:,} {escape_line(status)}" for status, count in self.answers.items() if status != "completed"
        ]
        return f"{text} ({', '.join(others)})" if others else text


def write_metrics(
    path: Path, metrics: Metrics, *, modes: FileModes = PRIVATE, redactor: Redactor = _KEEPS_ALL
) -> None:
    """
    Write *metrics* to *path* as JSON, in place of what was there; blocks.

    A reader finds the old file or the new one, never a part. A device or a pipe is written to, not replaced.

    Args:
        path: Where to.
        metrics: What; codes of errors are the server's words.
        modes: Permissions of the new file, less the umask.
        redactor: Takes the key out.

    Raises:
        OutputFailed: *path* cannot be written; what was there is unchanged.
    """
    content = redactor.clean(json.dumps(metrics.as_json(), indent=2)).encode() + b"\n"
    try:
        with in_place_of(path, modes.file) as file:
            file.write(content)
    except OSError as error:
        raise cannot_write(path, error) from error


def _count(counter: Counter[str], name: str) -> None:
    """Count *name*; the names come from the server, so there is room for a bounded number of them."""
    counter[name if name in counter or len(counter) < _MAX_NAMES else _OTHER] += 1


def _plural(count: int, noun: str) -> str:
    return f"{f'{count:,}' if count else 'no'} {noun}{'' if count == 1 else 's'}"


def _rounded(value_ms: float | None) -> float | None:
    return None if value_ms is None else round(value_ms, 1)
