"""The embedded server over real sockets on loopback: conversations."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from geppetto.errors import MissingExtra
from geppetto.offline.prompt import CANNOT_LISTEN
from geppetto.offline.server import open_offline_server
from geppetto.offline.voice import ToneVoice
from tests.fakes.offline_client import connected, kinds_of, pcm_of, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from geppetto.offline.brain import Exchange
    from geppetto.offline.server import OfflineServer

LIMIT_S = 10
TWO_SENTENCES = "The first sentence is here. The second one follows."


@attrs.define
class Parrot:
    """A brain that says what it was asked, and keeps what it was told."""

    told: list[tuple[str, list[tuple[str, str]], str]] = attrs.field(factory=list)

    def answer(self, question: str, history: Sequence[Exchange], instructions: str = "") -> str:
        self.told.append((question, [(one.question, one.answer) for one in history], instructions))
        return question


@attrs.define
class StuckVoice:
    """A voice that waits for `release` before each sentence of which `stuck` is a part."""

    stuck: str
    release: threading.Event = attrs.field(factory=threading.Event)
    asked: list[str] = attrs.field(factory=list)

    def warm(self) -> None:
        pass

    def speak(self, sentence: str) -> bytes:
        self.asked.append(sentence)
        if self.stuck in sentence:
            self.release.wait(LIMIT_S)
        return ToneVoice().speak(sentence)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[OfflineServer]:  # noqa: ANN401 - any setting of the server
    defaults: dict[str, Any] = {"voice": ToneVoice(), "brain": Parrot(), "lead_s": 0}
    with trio.fail_after(LIMIT_S):
        async with open_offline_server(**(defaults | settings)) as server:
            yield server


async def test_spoken_answer_has_the_events_of_the_live_service_in_their_order() -> None:
    """A typed question gives the recorded order of events, from the user's item to the rate limits."""
    async with serving() as server, connected(server) as client:
        events = await client.ask("Say this.")
    assert kinds_of(events) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    user, _, assistant, done = (event for event in events if event["type"].startswith("conversation.item."))
    assert [event["previous_item_id"] for event in (user, assistant, done)] == [None, user["item"]["id"], None]


async def test_audio_and_words_arrive_whole() -> None:
    """Joined, the deltas are what the voice said and what the brain answered; a delta is at most 100 ms."""
    async with serving() as server, connected(server) as client:
        events = await client.ask(TWO_SENTENCES)
    first, second = "The first sentence is here.", "The second one follows."
    assert pcm_of(events) == ToneVoice().speak(first) + ToneVoice().speak(second)
    assert text_of(events) == TWO_SENTENCES
    sizes = {len(pcm_of([event])) for event in events if event["type"] == "response.output_audio.delta"}
    assert max(sizes) == 4_800
    done = events[-2]["response"]
    assert done["status"] == "completed"
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": TWO_SENTENCES}]


async def test_words_run_ahead_of_the_audio_of_their_sentence() -> None:
    """The last word of each sentence is sent before its first audio, and after the audio of the one before."""
    async with serving() as server, connected(server) as client:
        events = await client.ask(TWO_SENTENCES)
    kinds = [kind for kind in kinds_of(events) if kind.endswith("delta")]
    assert kinds == ["response.output_audio_transcript.delta", "response.output_audio.delta"] * 2


async def test_next_sentence_is_made_while_the_first_is_sent() -> None:
    """The first sentence is heard while the voice is still at work on the second, and not yet on the third."""
    voice = StuckVoice("second")
    async with serving(voice=voice) as server, connected(server) as client:
        await client.say(f"{TWO_SENTENCES} And a third.")
        await client.send("response.create")
        expected = len(ToneVoice().speak("The first sentence is here."))
        while len(pcm_of(client.seen)) < expected:
            await client.receive()
        assert len(voice.asked) == 2
        voice.release.set()
        await client.until("response.done")


async def test_voice_is_one_sentence_ahead_at_most() -> None:
    """While the first sentence is paced out, a quick voice waits with the third."""
    voice = StuckVoice("none of them")
    async with serving(voice=voice, lead_s=0.1) as server, connected(server) as client:
        await client.say("Ten chars. Two. Three.")
        await client.send("response.create")
        for _ in range(4):  # of five deltas
            await client.until("response.output_audio.delta")
        assert voice.asked == ["Ten chars.", "Two."]


async def test_text_answer() -> None:
    """With output_modalities ["text"] there is no audio, and the content is output_text."""
    async with serving() as server, connected(server) as client:
        await client.update(output_modalities=["text"])
        events = await client.ask("Write this down.")
    assert text_of(events) == "Write this down."
    assert not pcm_of(events)
    assert "response.output_text.done" in kinds_of(events)
    assert events[-2]["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Write this down."}]


async def test_brain_gets_history_and_instructions() -> None:
    """The second question comes with the first and its answer, and the session's instructions."""
    brain = Parrot()
    async with serving(brain=brain) as server, connected(server) as client:
        await client.update(instructions="Be brief.", output_modalities=["text"])
        await client.ask("One?")
        await client.ask("Two?", instructions="Be long.")
    assert brain.told == [("One?", [], "Be brief."), ("Two?", [("One?", "One?")], "Be long.")]


async def test_usage_adds_up() -> None:
    """The totals are the sums of their parts, output audio is 20 tokens a second, and the cache knows old text."""
    async with serving() as server, connected(server) as client:
        await client.update(instructions="x" * 4_000)
        first = (await client.ask("Name one river."))[-2]["response"]["usage"]
        second = (await client.ask("Name another."))[-2]["response"]["usage"]
    for usage in (first, second):
        incoming, outgoing = usage["input_token_details"], usage["output_token_details"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_tokens"] == incoming["text_tokens"] + incoming["audio_tokens"]
        assert usage["output_tokens"] == outgoing["text_tokens"] + outgoing["audio_tokens"]
        assert incoming["cached_tokens"] == sum(incoming["cached_tokens_details"].values())
        assert incoming["cached_tokens"] <= usage["input_tokens"]
    assert first["output_token_details"]["audio_tokens"] == 20 * 15 * 50 // 1000  # 15 characters of 50 ms
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens_details"]["text_tokens"] == 960


async def test_small_budget_ends_incomplete() -> None:
    """max_output_tokens cuts the answer: status incomplete, its reason, and never more tokens than allowed."""
    async with serving() as server, connected(server) as client:
        done = (await client.ask(TWO_SENTENCES, max_output_tokens=12))[-2]["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["usage"]["output_tokens"] == 12
    assert done["output"][0]["status"] == "incomplete"


async def test_cancel_in_the_middle_of_an_answer() -> None:
    """A cancelled response closes its parts, keeps what was said, and leaves room for the next one."""
    voice = StuckVoice("second")
    async with serving(voice=voice) as server, connected(server) as client:
        await client.say(TWO_SENTENCES)
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "cancelled"
        assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert done["output"][0]["status"] == "incomplete"
        heard_ms = len(pcm_of(client.seen)) // 48
        await client.send(
            "conversation.item.truncate", item_id=done["output"][0]["id"], content_index=0, audio_end_ms=heard_ms
        )
        await client.until("conversation.item.truncated")
        voice.release.set()
        following = await client.ask("Go on.")
        assert following[-2]["response"]["status"] == "completed"
        assert done["id"] not in [event.get("response_id") for event in following]
        assert not [event for event in client.seen if event["type"] == "error"]


async def test_one_response_at_a_time_in_the_conversation() -> None:
    """A second response.create is refused while one is active; an out-of-band one runs beside it."""
    voice = StuckVoice("first")
    async with serving(voice=voice) as server, connected(server) as client:
        await client.say(TWO_SENTENCES)
        await client.send("response.create")
        active = (await client.until("response.created"))["response"]["id"]
        await client.send("response.create", event_id="mine")
        error = (await client.until("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "mine"
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Aside."}]}
        await client.send(
            "response.create",
            response={
                "conversation": "none",
                "input": [item],
                "metadata": {"topic": "aside"},
                "output_modalities": ["text"],
            },
        )
        aside = (await client.until("response.done"))["response"]
        assert aside["id"] != active
        assert aside["metadata"] == {"topic": "aside"}
        assert aside["conversation_id"] is None
        assert aside["output"][0]["content"] == [{"type": "output_text", "text": "Aside."}]
        voice.release.set()
        assert (await client.until("response.done"))["response"]["id"] == active
    added = [event for event in client.seen if event["type"] == "conversation.item.added"]
    assert [event["item"]["role"] for event in added] == ["user", "assistant"]


async def test_clients_have_their_own_conversations() -> None:
    """Two clients at once do not hear of each other's questions."""
    brain = Parrot()
    async with serving(brain=brain) as server, connected(server) as one, connected(server) as other:
        await one.ask("Mine?")
        await other.ask("Yours?")
        await one.ask("Again?")
    assert [history for _, history, _ in brain.told] == [[], [], [("Mine?", "Mine?")]]


async def test_committed_audio_gets_an_honest_answer() -> None:
    """The server cannot listen: it says so, in the answer and about the transcription that was asked for."""
    async with serving() as server, connected(server) as client:
        await client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        for _ in range(3):
            await client.send("input_audio_buffer.append", audio="AAAA" * 1_600)
        await client.send("input_audio_buffer.commit")
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "transcription_unavailable"
        await client.send("response.create")
        await client.until("response.done")
    assert text_of(client.seen) == CANNOT_LISTEN.format(seconds=0.3)


async def test_server_vad_never_claims_to_hear_speech() -> None:
    """With the default server_vad the audio stays in the buffer: no speech_started, no item, no response."""
    async with serving() as server, connected(server) as client:
        await client.send("input_audio_buffer.append", audio="fwB/" * 16_000)
        await client.send("input_audio_buffer.clear")
        assert (await client.receive())["type"] == "input_audio_buffer.cleared"


async def test_voice_that_fails_fails_the_response() -> None:
    """A voice that cannot speak ends the response as failed, with the reason, and the session goes on."""

    class Hoarse(ToneVoice):
        def speak(self, sentence: str) -> bytes:
            raise MissingExtra("The voice is not installed.")

    async with serving(voice=Hoarse()) as server, connected(server) as client:
        done = (await client.ask("Speak."))[-2]["response"]
        assert done["status"] == "failed"
        assert done["status_details"]["error"]["message"] == "The voice is not installed."
        assert (await client.ask("Write.", output_modalities=["text"]))[-2]["response"]["status"] == "completed"


async def test_audio_is_paced_by_the_lead() -> None:
    """With a lead of 0.1 s, 0.45 s of audio takes at least the rest of its time."""
    async with serving(lead_s=0.1) as server, connected(server) as client:
        started_s = trio.current_time()
        await client.ask("Nine char")
        assert trio.current_time() - started_s > 0.3


@pytest.mark.parametrize("spoken", [True, False])
async def test_beta_dialect_end_to_end(spoken: bool) -> None:
    """A beta server speaks the beta: flat session, item.created, response.audio.* or response.text.*."""
    async with serving(dialect="beta") as server, connected(server, "beta") as client:
        session = await client.update(
            modalities=["text", "audio"] if spoken else ["text"], turn_detection=None, temperature=0.7, voice="verse"
        )
        assert session["turn_detection"] is None
        assert (session["voice"], session["temperature"], session["output_audio_format"]) == ("verse", 0.7, "pcm16")
        events = await client.ask("Old friend.")
    assert text_of(events) == "Old friend."
    assert pcm_of(events) == (ToneVoice().speak("Old friend.") if spoken else b"")
    kinds = kinds_of(events)
    assert kinds.count("conversation.item.created") == 2
    assert ("response.audio.done" if spoken else "response.text.done") in kinds
    content = events[-2]["response"]["output"][0]["content"][0]
    assert content["type"] == ("audio" if spoken else "text")
