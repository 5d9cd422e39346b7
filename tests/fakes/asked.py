"""A scripted server for many questions at once: who asked what, on which connection, and what it was sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs
import trio

from tests.fakes.scripted_server import answer, done, error, tone

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from tests.fakes.scripted_server import Event, Peer

CLOSE_CODES: Final = (1000, 1001, 1008, 1011, 1012, 3000, 4000)


def text_of(item: Event) -> str:
    """Return the words of a message item."""
    text: str = item["content"][0].get("text", "")
    return text


@attrs.frozen(kw_only=True)
class Asked:
    """One `response.create`."""

    question: str
    """Its own words, or those of the last item of the conversation."""
    context: tuple[str, ...]
    """What was said before it on this connection, by whomever."""
    out_of_band: bool
    """Whether it keeps out of the conversation."""
    instructions: str | None
    voice: str | None
    """Of the session."""
    connection: int
    """1 for the first that came."""
    number: int
    """1 for the first `response.create` of all."""
    at_s: float
    """In the event loop's seconds."""

    @property
    def response_id(self) -> str:
        """Return an id that no other response has."""
        return f"resp_{self.number}"


@attrs.define
class Desk:
    """Plays one story for each question that comes, on whichever connection."""

    reply: Callable[[Peer, Asked], Awaitable[None]]
    asked: list[Asked] = attrs.field(factory=list)
    connections: int = 0
    changed: trio.Condition = attrs.field(factory=trio.Condition)

    async def story(self, peer: Peer) -> None:
        """Play one connection."""
        self.connections += 1
        connection = self.connections
        await peer.send({"type": "session.created", "session": {"id": f"sess_{connection}", "model": "gpt-realtime"}})
        voice = None
        said: list[str] = []
        while True:
            event = await peer.receive()
            match event["type"]:
                case "session.update":
                    voice = event["session"].get("audio", {}).get("output", {}).get("voice")
                    await peer.send({"type": "session.updated", "session": {"id": f"sess_{connection}"}})
                case "conversation.item.create":
                    said.append(text_of(event["item"]))
                case "response.create":
                    wanted = event.get("response", {})
                    own = [text_of(item) for item in wanted.get("input", [])]
                    asked = Asked(
                        question=(own or said)[-1],
                        context=tuple(said[:-1]) if not own else (),
                        out_of_band=wanted.get("conversation") == "none",
                        instructions=wanted.get("instructions"),
                        voice=voice,
                        connection=connection,
                        number=len(self.asked) + 1,
                        at_s=trio.current_time(),
                    )
                    self.asked.append(asked)
                    async with self.changed:
                        self.changed.notify_all()
                    await self.reply(peer, asked)

    async def wait_for(self, count: int) -> None:
        """Wait until *count* questions have been asked in all."""
        async with self.changed:
            while len(self.asked) < count:
                await self.changed.wait()

    @property
    def questions(self) -> Counter[str]:
        """How often each question was asked."""
        return Counter(asked.question for asked in self.asked)


def said_of(asked: Asked) -> str:
    """Return the words of the answer."""
    return f"<{asked.question}>"


def sound_of(asked: Asked) -> bytes:
    """Return the audio of the answer: another one for each response."""
    return tone(100 + asked.number % 50, asked.number * 151)


async def echo(peer: Peer, asked: Asked) -> None:
    """Answer a question with its own words, and a sound of its own."""
    await peer.send(*answer(asked.response_id, said_of(asked), sound_of(asked)))


def limited(asked: Asked, wait: str) -> Event:
    """Return the end of an answer that the rate limit refuses; *wait* is such as `20ms`."""
    message = f"Rate limit reached. Please try again in {wait}."
    problem = {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": message}
    return done(asked.response_id, "failed", error=problem)


@attrs.define
class Trouble:
    """Answers some questions, and does something worse to the others."""

    rng: random.Random
    share: float
    """Of the questions that get trouble instead of an answer."""
    happened: Counter[str] = attrs.field(factory=Counter)
    whole: dict[str, bytes] = attrs.field(factory=dict)
    """Audio of the responses whose last byte went to TCP, by id."""

    async def reply(self, peer: Peer, asked: Asked) -> None:
        """Answer, or not."""
        kind = self.rng.choice(["drop", "drop", "drop", "close", "limit", "refusal", "failed"])
        if self.rng.random() >= self.share:
            kind = "answer"
        self.happened[kind] += 1
        events = answer(asked.response_id, said_of(asked), sound_of(asked))
        match kind:
            case "answer":
                self.whole[asked.response_id] = sound_of(asked)
                await peer.send(*events)
            case "drop":
                data = peer.wire(*events)
                cut = self.rng.randrange(len(data) + 1)
                if cut == len(data):
                    self.whole[asked.response_id] = sound_of(asked)
                await peer.send_raw(data[:cut])
                await peer.drop()
            case "close":
                await peer.send(*events[: self.rng.randrange(len(events))])
                await peer.close(self.rng.choice(CLOSE_CODES))
                await peer.client_left()
            case "limit":
                await peer.send(*events[: self.rng.randrange(len(events))], limited(asked, "30ms"))
            case "refusal":
                await peer.send(
                    error("rate_limit_exceeded", "Please try again in 20ms.", event_id=self._ask_id(peer))
                )
            case "failed":
                problem = {"type": "server_error", "code": "server_error", "message": "Something broke."}
                await peer.send(*events[: self.rng.randrange(len(events))])
                await peer.send(done(asked.response_id, "failed", error=problem))

    @staticmethod
    def _ask_id(peer: Peer) -> str:
        (last, *_) = (event for event in reversed(peer.seen.events) if event["type"] == "response.create")
        event_id: str = last["event_id"]
        return event_id
