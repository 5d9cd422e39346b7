"""
One function for each parser: bytes in, nothing out, an exception for a bug.

What a parser refuses as it says it does is no bug. Beyond "nothing else is raised", each target checks what the
parser promises: a repair loses no audio, a cut anywhere gives the same lines and messages, what is shown can't
steer a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fuzz.inputs import keys, lines, prices, proxies, variables
from tests.fuzz.offline import client_events, questions, requests
from tests.fuzz.protocol import conversation, decoding, dialects, frames, waits
from tests.fuzz.records import leftovers, log_lines, transcripts, trimming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        frames,
        decoding,
        dialects,
        conversation,
        waits,
        log_lines,
        trimming,
        leftovers,
        transcripts,
        variables,
        proxies,
        keys,
        prices,
        lines,
        client_events,
        requests,
        questions,
    )
}
"""By name, as `python -m tests.fuzz.run` takes them."""
JSON_TARGETS: Final = frozenset({"decoding", "conversation", "trimming", "log_lines", "keys", "client_events"})
"""Those whose bytes are mostly lines of JSON."""
