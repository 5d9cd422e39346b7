"""A server that talks at random, and breaks as its plan says."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import attrs

from tests.chaos.faults import FaultyStream, LinkPlan, reset
from tests.fakes.scripted_server import Gone, ScriptedServer, audio, created, done, error, tone, words

if TYPE_CHECKING:
    from random import Random

    import trio

    from tests.fakes.scripted_server import Event, Peer

_RATE_LIMIT = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Please try again in 10ms."}
_ODD_MESSAGES = (
    "not JSON",
    "[]",
    '{"type": 1}',
    '{"type": "heartbeat"}',
    '{"type": "response.output_audio.delta", "response_id": "resp_bad", "delta": "%%%"}',
    '{"type": "error", "error": {"type": "server_error", "code": "hiccup", "message": "Hm."}}',
    '{"type": "rate_limits.updated", "rate_limits": []}',
)


class Ended(Exception):
    """The server has ended the session as planned."""


@attrs.define(kw_only=True, eq=False)
class Link:
    """What the server knows of one connection."""

    plan: LinkPlan
    number: int
    """1 for the first."""
    session_id: str
    sent: list[str] = attrs.field(factory=list)
    """The texts that were given to the socket, whole or not."""
    open_ids: list[str] = attrs.field(factory=list)
    """Responses that have begun and are not over."""
    close_sent: int | None = None
    """The code of the server's own Close."""
    close_seen: int | None = None
    """The code that the client closed with, or answered the Close with."""
    asked_in: bool = False
    """Whether the client's request has come, whole."""
    authorization: str | None = None


@attrs.define(kw_only=True, eq=False)
class ChaosServer:
    """Answers every question somehow. Give `serve` to a listener."""

    rng: Random
    plans: list[LinkPlan]
    """Of the connections in order; those that come later are good ones."""
    unasked: bool
    """Whether responses come that nobody asked for."""
    global_ids: bool
    """Whether ids go on from one session to the next; else they begin anew."""
    pongs: bool = True
    key: str = ""
    """What the client was given to keep to itself; it is said now and then. Empty: none."""
    key_said: int = 0
    """How often."""
    links: list[Link] = attrs.field(factory=list)
    tries: int = 0
    faults: list[str] = attrs.field(factory=list)
    _ids: itertools.count[int] = attrs.field(factory=itertools.count)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Play one connection."""
        plan = self.plans[self.tries] if self.tries < len(self.plans) else LinkPlan()
        self.tries += 1
        self.faults += plan.names
        if plan.refuse == "tcp":
            return
        if plan.refuse == "reset":
            reset(stream)
            return
        if not self.global_ids:
            self._ids = itertools.count()
        link = Link(plan=plan, number=self.tries, session_id=f"sess_{self.tries}")
        self.links.append(link)

        async def story(peer: Peer) -> None:
            peer.cut_bytes = plan.cut_bytes
            await self._talk(peer, link)

        server = ScriptedServer(
            story=story,
            pongs=self.pongs,
            reject=(503, self._say("Busy.").encode()) if plan.refuse == "http" else None,
        )
        await server.serve(FaultyStream(stream, plan, b"\xff" + self.rng.randbytes(40)))
        link.close_seen = server.seen.close_code
        link.asked_in = bool(server.seen.target)
        link.authorization = server.seen.header("authorization")

    async def _talk(self, peer: Peer, link: Link) -> None:
        try:
            session: dict[str, Any] = {"id": link.session_id, "model": "gpt-realtime"}
            if link.plan.lifetime_s is not None:
                session["expires_at"] = time.time() + link.plan.lifetime_s
            await self._send(peer, link, {"type": "session.created", "session": session})
            question = ""
            while True:
                event = await peer.receive()
                match event["type"]:
                    case "session.update":
                        await self._send(peer, link, {"type": "session.updated", "session": session})
                    case "conversation.item.create":
                        question = event["item"]["content"][0]["text"]
                    case "response.create":
                        await self._answer(peer, link, question, event["event_id"])
                    case "response.cancel":
                        await self._cancel(peer, link, event)
                    case _:
                        pass
        except Ended:
            await peer.client_left()

    async def _send(self, peer: Peer, link: Link, event: Event) -> None:
        await self._send_text(peer, link, json.dumps(event))

    async def _send_text(self, peer: Peer, link: Link, text: str) -> None:
        if len(link.sent) == link.plan.end_at:
            await self._end(peer, link)
        link.sent.append(text)
        await peer.send_text(text)

    async def _end(self, peer: Peer, link: Link) -> None:
        match link.plan.end:
            case "close":
                link.close_sent = link.plan.close_code if link.plan.close_code != 1005 else None
                await peer.close(link.plan.close_code, self._say("Goodbye.") if link.close_sent is not None else "")
            case "expire":
                text = json.dumps(error("session_expired", "Your session hit the maximum duration of 60 minutes."))
                link.sent.append(text)
                await peer.send_text(text)
                link.close_sent = 1001
                await peer.close(1001)
            case _:
                await peer.drop()
                raise Gone
        raise Ended

    async def _cancel(self, peer: Peer, link: Link, event: Event) -> None:
        wanted = event.get("response_id") or (link.open_ids[-1] if link.open_ids else "")
        if wanted in link.open_ids:
            link.open_ids.remove(wanted)
            await self._send(peer, link, done(wanted, "cancelled", reason="client_cancelled"))
        else:
            await self._send(peer, link, error("response_cancel_not_active", event_id=event["event_id"]))

    async def _answer(self, peer: Peer, link: Link, question: str, event_id: str) -> None:
        """Answer *question*, and perhaps say other things in between."""
        rng = self.rng
        if link.open_ids and rng.random() < 0.5:
            active = error("conversation_already_has_active_response", event_id=event_id)
            await self._send(peer, link, active)
            for response_id in link.open_ids:
                await self._send(peer, link, done(response_id))
            link.open_ids.clear()
            return
        if not link.open_ids and rng.random() < 0.05:
            await self._send(peer, link, error("server_error", self._say("No."), event_id=event_id))
            return
        streams = [self._response(link, question)]
        if self.unasked and rng.random() < 0.4:
            streams.append(self._response(link, "unasked"))
            if rng.random() < 0.5:
                streams.reverse()
        if self._say(""):
            await self._send(peer, link, error("hiccup", f"Is it {self.key}?"))
        while streams:
            stream = streams[0] if rng.random() < 0.7 else rng.choice(streams)
            event = stream.pop(0)
            if not stream:
                streams.remove(stream)
            await self._send(peer, link, event)
            if rng.random() < 0.03:
                await self._send_text(peer, link, rng.choice(_ODD_MESSAGES))
            if rng.random() < 0.01:
                await peer.send_binary(rng.randbytes(30))
                link.sent.append("[binary: 30 bytes]")

    def _say(self, text: str) -> str:
        """Return *text*, now and then with the key."""
        if not self.key or self.rng.random() < 0.8:
            return text
        self.key_said += 1
        return f"{text} {self.key}"

    def _response(self, link: Link, question: str) -> list[Event]:
        """Return the events of one response, in their order."""
        rng = self.rng
        response_id = f"resp_{next(self._ids)}"
        items = [f"item_{response_id}_{number}" for number in range(rng.choice([1, 1, 1, 2]))]
        if rng.random() < 0.15:
            limited = [created(response_id), done(response_id, "failed", error=_RATE_LIMIT)]
            if rng.random() < 0.3:
                limited[1:1] = [
                    words(response_id, "One mom", items[0]),
                    audio(response_id, rng.randbytes(51), items[0]),
                ]
            return limited
        events = [words(response_id, f"{question} {response_id} ", items[0])] if rng.random() < 0.95 else []
        if self._say(""):
            cut = rng.choice([0, rng.randrange(len(self.key))])
            events += [words(response_id, piece, items[0]) for piece in (self.key[:cut], f"{self.key[cut:]} ")]
        pcm = tone(rng.choice([0, 1, 2_400, 24_000, rng.randrange(12_000)]), rng.randrange(65_536))
        while pcm:
            size_bytes = rng.choice([1, rng.randrange(1, 100), rng.randrange(1, 4_800), 9_600])
            events.append(audio(response_id, pcm[:size_bytes], rng.choice(items)))
            pcm = pcm[size_bytes:]
            if rng.random() < 0.2:
                events.append(words(response_id, f"w{len(events)} ", rng.choice(items)))
        if rng.random() < 0.3 and events and "transcript" in events[0]["type"]:
            whole = "".join(
                one["delta"] for one in events if one["item_id"] == items[0] and "transcript" in one["type"]
            )
            events.append(_final(response_id, items[0], whole))
        status, details = rng.choice([("completed", {}), ("completed", {}), *_OTHER_ENDS])
        end = [done(response_id, status, **details)]
        if rng.random() < 0.15:
            end *= 2
        if rng.random() < 0.1:
            end.append(audio(response_id, tone(rng.randrange(1, 300)), items[0]))
            end.append(words(response_id, "late ", items[0]))
            end.append(done(response_id, status, **details))
        if rng.random() < 0.05:
            end = []
            link.open_ids.append(response_id)
        return [created(response_id), *events, *end]


_OTHER_ENDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("completed", {}),
    ("completed", {}),
    ("incomplete", {"reason": "max_output_tokens"}),
    ("failed", {"error": {"type": "server_error", "code": "oops", "message": "Sorry."}}),
    ("cancelled", {"reason": "turn_detected"}),
)


def _final(response_id: str, item_id: str, text: str) -> Event:
    return {
        "type": "response.output_audio_transcript.done",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": 0,
        "content_index": 0,
        "transcript": text,
    }
