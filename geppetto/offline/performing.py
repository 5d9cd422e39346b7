"""
How an answer is delivered: its words, and its speech sentence by sentence, no faster than a listener needs it.

The words of a sentence run ahead of its audio. While a sentence is sent, the next one is made in a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import attrs
import trio

from geppetto.errors import GeppettoError
from geppetto.offline.brain import Exchange
from geppetto.offline.responses import Event, deltas, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.offline.prompt import Prompt
    from geppetto.offline.responses import Ending, OngoingResponse, Pace
    from geppetto.offline.voice import Voice

VOICE_THREADS: Final = 4

Post = Callable[[list[Event]], Awaitable[None]]
"""Sends events to the client of a response."""
Speech = bytes | GeppettoError
"""PCM16 of one sentence, or why there is none."""
_T = TypeVar("_T")


class Mind(Protocol):
    """What the server needs of a brain: fast, without side effects."""

    def answer(self, question: str, history: Sequence[Exchange], instructions: str = "") -> str:
        """Return the answer to *question*, in sentences."""
        ...


def answered(brain: Mind, prompt: Prompt) -> str:
    """Return what to say to *prompt*."""
    if prompt.reply is not None:
        return prompt.reply
    history = [Exchange(question=question, answer=answer) for question, answer in prompt.history]
    return brain.answer(prompt.question, history, prompt.instructions)


@attrs.define
class Speaker:
    """A voice at work in threads: a cancelled task leaves its thread behind at once, and the thread its sentence."""

    voice: Voice
    _threads: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(VOICE_THREADS))

    async def warm(self) -> None:
        """Load the voice. If it cannot be loaded, the first answer that needs it says so."""
        with suppress(GeppettoError):
            await self._in_thread(self.voice.warm)

    async def speak(self, sentence: str) -> bytes:
        """
        Return *sentence* as PCM16 little-endian, mono, 24 000 Hz.

        Raises:
            GeppettoError: the voice cannot speak.
        """
        return await self._in_thread(partial(self.voice.speak, sentence))

    async def rest(self) -> None:
        """Wait until no thread is at work any more; for good, because it takes every thread."""
        for _ in range(VOICE_THREADS):  # an abandoned thread keeps its token until it has finished
            await self._threads.acquire_on_behalf_of(object())

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)


async def make_speech(speaker: Speaker, parts: list[str], speech_send: trio.MemorySendChannel[Speech]) -> None:
    """
    Speak *parts* one after the other into *speech_send*; a voice that cannot speak says why and ends it.

    Closes: *speech_send*.
    """
    with speech_send:
        for part in parts:
            try:
                await speech_send.send(await speaker.speak(part))
            except GeppettoError as error:
                await speech_send.send(error)
                return


async def perform(
    response: OngoingResponse,
    parts: list[str],
    speech_receive: trio.MemoryReceiveChannel[Speech],
    post: Post,
    pace: Pace,
) -> Ending:
    """Post the words and the audio of *parts*, and return how it ended."""
    for index, part in enumerate(parts):
        if not await _say(response, part if index == 0 else f" {part}", post):
            return "incomplete", "max_output_tokens", None
        try:
            speech = await speech_receive.receive()
        except trio.EndOfChannel:
            await trio.sleep_forever()  # the voice has a bug, which is about to cancel this task
        if isinstance(speech, GeppettoError):
            return "failed", None, _voice_error(speech)
        for delta in deltas(speech):
            wait_s = pace.wait_s(trio.current_time(), delta)
            if wait_s:
                await trio.sleep(wait_s)
            events = response.sound(delta)
            if events is None:
                return "incomplete", "max_output_tokens", None
            await post(events)
    return "completed", None, None


async def type_out(response: OngoingResponse, answer: str, post: Post) -> Ending:
    """Post the words of *answer*, and return how it ended."""
    if not await _say(response, answer, post):
        return "incomplete", "max_output_tokens", None
    return "completed", None, None


async def _say(response: OngoingResponse, text: str, post: Post) -> bool:
    """Post *text* word by word; False if `max_output_tokens` did not allow all of it."""
    events: list[Event] = []
    complete = True
    for word in words(text):
        delta = response.say(word)
        if delta is None:
            complete = False
            break
        events += delta
    await post(events)
    return complete


def _voice_error(error: GeppettoError) -> Event:
    return {"type": "server_error", "code": "voice_unavailable", "message": str(error)}
