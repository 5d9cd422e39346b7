"""Other settings while a chat runs, in the shape that each provider knows: only what is different is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from geppetto.errors import ChangeRefused
from geppetto.providers import PROVIDERS
from tests.providers.saying import error, opening, turn, updated
from tests.providers.stage import USD, assert_answer, assert_quiet, talking

if TYPE_CHECKING:
    from tests.fakes.scripted_server import Event, Peer

NESTED = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "v"}}}
FLAT = {"instructions": "Be brief.", "voice": "v"}
SHAPES: dict[str, dict[str, Any]] = {
    "openai": NESTED,
    "azure": NESTED,
    "azure-preview": FLAT,
    "xai": FLAT,
    "localai": NESTED,
    "speaches": FLAT,
    "huggingface": NESTED,
    "litellm": NESTED,
    "offline": NESTED,
}
TAKEN: dict[str, Event] = {
    "xai": {"type": "session.updated", "session": {"modalities": ["text", "audio"], "temperature": 0.8}},
    "localai": {**updated(), "event_id": "event_TODO"},
}


@pytest.mark.parametrize("provider", SHAPES)
async def test_other_settings(tmp_path: Path, provider: str) -> None:
    """Instructions and a voice before the first audio are asked for where they stand, and confirmed."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        taken = TAKEN.get(provider, updated())
        for _ in range(2):
            await peer.expect("session.update")
            await peer.send(taken)
        await peer.expect("response.create")
        await peer.send(*turn(1, "One."))
        await peer.client_left()

    async with talking(story, tmp_path, provider, model="m") as at:
        await at.chat.change(attrs.evolve(at.config.session_settings, instructions="Be brief.", voice="v"))
        assert_answer(await at.chat.ask("a?"), "One.", usd=USD)
    asked = [event["session"] for event in at.seen.events if event["type"] == "session.update"]
    assert asked[1:] == [SHAPES[provider]]
    assert_quiet(at)


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("echoed", [True, False])
async def test_a_setting_that_the_provider_does_not_have(tmp_path: Path, provider: str, echoed: bool) -> None:
    """The sentence names the parameter, the old settings go on, and so does the chat."""

    async def story(peer: Peer) -> None:
        await peer.send(opening())
        await peer.expect("session.update")
        await peer.send(updated())
        update = await peer.expect("session.update")
        message, param = "Unknown parameter: 'session.speed'.", "session.speed"
        ours = update["event_id"] if echoed else None
        await peer.send(error(message, ours, code="unknown_parameter", param=param))
        await peer.expect("response.create")
        await peer.send(*turn(1, "One."))
        await peer.client_left()

    async with talking(story, tmp_path, provider, model="m") as at:
        with pytest.raises(ChangeRefused, match=r"session\.speed"):
            await at.chat.change(attrs.evolve(at.config.session_settings, speed=1.2))
        assert_answer(await at.chat.ask("a?"), "One.")
    assert at.seen.types.count("session.update") == 2


def test_every_provider_is_tried() -> None:
    """None is left out above, and each has a module of its own here."""
    assert SHAPES.keys() == PROVIDERS.keys()
    modules = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert modules >= {f"test_{name.replace('-', '_')}" for name in PROVIDERS}
