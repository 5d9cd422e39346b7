"""Settings that change while a session runs, by transcripts; see `tests.realtime.talk`."""

from __future__ import annotations

from typing import Any, cast

import attrs

from geppetto.realtime import client_events
from geppetto.realtime.events import SessionUpdated
from tests.realtime.talk import SETTINGS, Talk, asking, done, error, sound


def change(talk: Talk, **values: object) -> list[str]:
    """Ask for *values*, and return what follows."""
    wanted = attrs.evolve(talk.conversation.settings, **cast("dict[str, Any]", values))
    talk.conversation.change(wanted)
    return talk.follows([])


def test_what_is_different_is_asked_for_and_confirmed() -> None:
    """It holds when the server has said so."""
    talk = Talk()
    assert change(talk, voice="cedar") == ["> update {'voice': 'cedar'}"]
    assert talk.hear(SessionUpdated()) == ["* hold {'voice': 'cedar'}"]
    assert talk.conversation.settings.voice == "cedar"


def test_nothing_different_is_nothing_to_ask_for() -> None:
    """The server is not bothered."""
    talk = Talk()
    assert talk.conversation.change(SETTINGS) is None
    assert talk.follows([]) == []


def test_a_refused_change_leaves_the_old_settings() -> None:
    """It is named, and the session goes on."""
    talk = Talk()
    change(talk, speed=1.4)
    refused = error("invalid_value", talk.last(client_events.UpdateSession), message="Too fast")
    assert talk.hear(refused) == ["* refused {'speed': 1.4}: Too fast (invalid_value)"]
    assert talk.conversation.settings == SETTINGS
    assert talk.hear(SessionUpdated()) == []


def test_a_refusal_without_an_id_is_known_by_its_parameter() -> None:
    """Some servers echo no ids."""
    talk = Talk()
    change(talk, voice="cedar")
    assert talk.hear(error("cannot_update_voice", param="session.audio.output.voice")) == [
        "* refused {'voice': 'cedar'}: cannot_update_voice"
    ]
    assert talk.hear(error("other", param="session.voice")) == ["* complaint: other"]


def test_changes_are_answered_in_order() -> None:
    """One that is refused takes nothing of the others with it."""
    talk = Talk()
    change(talk, voice="cedar")
    first = talk.last(client_events.UpdateSession)
    assert change(talk, speed=1.2) == ["> update {'speed': 1.2}"]
    assert talk.hear(error("cannot_update_voice", first))[0].startswith("* refused {'voice': 'cedar'}")
    assert talk.hear(SessionUpdated()) == ["* hold {'speed': 1.2}"]
    assert talk.conversation.settings == attrs.evolve(SETTINGS, speed=1.2)


def test_the_first_answer_is_that_of_the_first_update() -> None:
    """A change that was asked for before the session stood waits for its own."""
    talk = Talk()
    talk.lose()
    change(talk, voice="cedar")
    assert talk.hear(SessionUpdated()) == []
    assert talk.hear(SessionUpdated()) == ["* hold {'voice': 'cedar'}"]


def test_a_lost_connection_loses_no_change() -> None:
    """What held is said again at once; what had no answer is asked for again."""
    talk = Talk()
    change(talk, voice="cedar")
    talk.hear(SessionUpdated())
    change(talk, speed=1.2)
    assert talk.lose() == ["> update", "> update {'speed': 1.2}"]
    opening = next(event for event in talk.sent[-2:] if isinstance(event, client_events.UpdateSession))
    assert opening.settings == attrs.evolve(SETTINGS, voice="cedar")
    assert talk.hear(SessionUpdated(), SessionUpdated()) == ["* hold {'speed': 1.2}"]


def test_a_refused_opening_still_ends_the_session() -> None:
    """Nothing would go as the user wants it."""
    talk = Talk()
    talk.lose()
    opening = talk.last(client_events.UpdateSession)
    assert talk.hear(error("invalid_value", opening, message="No"))[0].startswith("* over REFUSED")


def test_the_voice_is_locked_by_its_first_audio() -> None:
    """And free again in a new session, until it speaks."""
    talk = asking()
    spoke = [talk.conversation.spoke]
    talk.hear(sound("r1"), done("r1", "A."))
    spoke.append(talk.conversation.spoke)
    talk.lose()
    spoke.append(talk.conversation.spoke)
    assert spoke == [False, True, False]
