"""What clients send to the offline server."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Final

from geppetto.offline.brain import ANSWER_LIMIT_CHARS, Brain, Exchange
from geppetto.offline.conversation import Conversation
from geppetto.offline.desk import Desk
from geppetto.offline.door import PATH, NotFound, TurnedAway, asked_model
from geppetto.offline.session import Session
from geppetto.realtime.decoding import decode
from tests.fuzz.bits import SECRET, WHEN, text_of

if TYPE_CHECKING:
    from typing import Literal

    from geppetto.offline.responses import OngoingResponse

_NOON: Final = datetime(2026, 11, 21, 12, 0, 0)


def client_events(data: bytes) -> None:
    """Any lines as events get answers that our own client understands, in both dialects, and never an exception."""
    _talk("ga", data)
    _talk("beta", data)


def requests(data: bytes) -> None:
    """A request line and headers of an opening handshake are let in with a model, or turned away."""
    target, *headers = data.split(b"\n")
    pairs = [(name, value) for name, _, value in (header.partition(b":") for header in headers)]
    for path in (target.decode("latin-1"), f"{PATH}?{target.decode('latin-1')}"):
        for key in (None, SECRET):
            with suppress(NotFound, TurnedAway):
                assert asked_model(path, pairs, key=key, dialect="ga")
                assert key is None or key.encode() in data, "nobody comes in without the key"


def questions(data: bytes) -> None:
    """Whatever is asked in the last line, and was said in those before it, there is an answer, and it is not long."""
    *before, question = text_of(data).split("\n")
    history = [Exchange(question=one, answer=before[index // 2]) for index, one in enumerate(before)]
    answer = Brain(lambda: _NOON, Random(len(data))).answer(question, history, before[0] if before else "")
    assert answer.strip()
    assert len(answer) <= ANSWER_LIMIT_CHARS
    answer.encode()


def _talk(dialect: Literal["ga", "beta"], data: bytes) -> None:
    """Bring each line to the desk; `!` goes on with the oldest response, `!!` ends it."""
    counter = itertools.count(1)
    session = Session(session_id="sess_1", model="m", expires_at=int(WHEN.timestamp()), beta=dialect == "beta")
    desk = Desk(
        session=session,
        conversation=Conversation(conversation_id="conv_1"),
        new_id=lambda prefix: f"{prefix}_{next(counter)}",
        dialect=dialect,
    )
    running: list[OngoingResponse] = []
    for line in data.split(b"\n"):
        if not line.startswith(b"!"):
            reaction = desk.receive(text_of(line))
            events = reaction.events
            if reaction.started is not None:
                running.append(reaction.started)
            if reaction.cancelled is not None:
                running.remove(reaction.cancelled)
        elif not running:
            continue
        elif line.startswith(b"!!"):
            response = running.pop(0)
            events = response.finish("completed")
            desk.settle(response)
        else:
            word, pcm = running[0].say(text_of(line[1:]) + "."), running[0].sound(bytes(len(line) // 2 * 2))
            events = [*(word or []), *(pcm or [])]
        for text in desk.wire(events):
            sent = json.loads(text)
            kind, _ = decode(text)
            assert kind == sent["type"]
    assert desk.running == {response.response_id for response in running}
    assert desk.receive(data).events[0]["type"] == "error", "a binary frame is no event"
