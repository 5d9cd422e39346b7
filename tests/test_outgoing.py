"""What is said together, and what goes alone."""

from __future__ import annotations

from geppetto.outgoing import Outgoing
from geppetto.realtime.client_events import AppendAudio, CommitAudio, CreateResponse, CreateTextItem


async def test_a_question_goes_with_what_asks_for_its_response() -> None:
    """Order is kept, a few go together, and a piece of audio goes alone, because it may be taken back."""
    outgoing = Outgoing()
    question = CreateTextItem(event_id="1", role="user", text="a?")
    piece = AppendAudio(event_id="3_1", pcm=b"\0\0")
    commit, create = CommitAudio(event_id="3"), CreateResponse(event_id="4")
    outgoing.add([question, CreateResponse(event_id="2"), piece, piece, commit, create])
    assert await outgoing.next() == [question, CreateResponse(event_id="2")]
    assert await outgoing.next() == [piece]
    assert await outgoing.next() == [piece]
    assert await outgoing.next() == [commit, create]


async def test_a_long_history_goes_in_parts() -> None:
    """Each part is bounded by a time limit of its own."""
    outgoing = Outgoing()
    items = [CreateTextItem(event_id=str(n), role="user", text="a?") for n in range(20)]
    outgoing.add(items)
    parts = [await outgoing.next() for _ in range(3)]
    assert [len(part) for part in parts] == [8, 8, 4]
    assert [item for part in parts for item in part] == items
