"""
The conversation by transcripts: what happens in, what follows out.

`*` stands before what happened, `>` before what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.errors import ConnectionEnded
from geppetto.realtime import client_events
from geppetto.realtime import happenings as happened
from geppetto.realtime.conversation import Conversation
from geppetto.realtime.events import (
    AudioDelta,
    ConversationItem,
    ErrorDetails,
    IgnoredServerEvent,
    OutputText,
    ResponseCreated,
    ResponseDone,
    ServerError,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    TextDone,
    UnknownServerEvent,
)
from geppetto.realtime.history import Said
from geppetto.realtime.reply import Asking
from geppetto.realtime.reply_book import MAX_OPEN
from geppetto.realtime.usage import Usage
from tests.realtime.talk import (
    ASKED,
    BUSY,
    SETTINGS,
    Talk,
    all_words,
    asking,
    created,
    done,
    error,
    failing,
    said,
    sound,
    state,
    told,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geppetto.realtime import events
    from geppetto.realtime.reply import Turn

# --- one question after another


def test_the_settings_go_first_and_wait_for_nothing() -> None:
    """`session.update` is ready before the server has said a word, and a question may follow at once."""
    talk = Conversation(SETTINGS, history_budget_chars=0, max_attempts=1)
    _, happenings = talk.ask("a?")
    assert [said(event) for event in talk.events_to_send()] == ["> update", *ASKED[:2]]
    assert [told(happening) for happening in happenings] == ["* asked 1"]
    assert talk.events_to_send() == []


def test_an_answer_is_its_words_its_audio_and_its_end() -> None:
    """Words and audio are told as they come; the turn ends at `response.done`, and not at the end of a part."""
    talk = asking()
    assert state(talk) == "expecting"
    assert talk.hear(created("r1"), words("r1", "Hel"), sound("r1"), words("r1", "lo.")) == [
        "* text 1: 'Hel'",
        "* audio 1: 2 bytes",
        "* text 1: 'lo.'",
    ]
    assert talk.hear(all_words("r1", "Hello."), IgnoredServerEvent(type="response.output_item.done")) == []
    assert state(talk) == "expecting"
    assert talk.hear(done("r1", "Hello.")) == ["* done 1: completed: 'Hello.'"]
    assert state(talk) == "idle"


def test_the_session_is_ready_when_it_is_created() -> None:
    """`session.created` is told with the id and the time limit."""
    talk = Talk()
    (ready,) = talk.conversation.receive(SessionCreated(session_id="s", expires_at=17.0))
    assert ready == happened.SessionReady(session_id="s", expires_at=17.0)


def test_questions_take_turns() -> None:
    """A question that is asked while another one is answered waits, and goes when that is over."""
    talk = asking()
    assert talk.ask("b?") == []
    assert talk.conversation.waiting == 1
    assert talk.hear(created("r1"), words("r1", "A.")) == ["* text 1: 'A.'"]
    assert talk.hear(done("r1")) == ["> item user: b?", "> create", "* done 1: completed: 'A.'", "* asked 2"]
    assert talk.conversation.waiting == 0
    assert talk.hear(created("r2"), words("r2", "B."), done("r2"))[-1] == "* done 2: completed: 'B.'"


def test_what_changes_nothing_changes_nothing() -> None:
    """Acknowledgements and unknown events are taken without a word."""
    talk = asking()
    assert talk.hear(ConversationItem(item_id="i"), IgnoredServerEvent(type="x"), UnknownServerEvent(type="y")) == []


@pytest.mark.parametrize(
    ("status", "reason", "why"),
    [
        ("incomplete", "max_output_tokens", "incomplete: max_output_tokens"),
        ("incomplete", "content_filter", "incomplete: content_filter"),
        ("cancelled", "turn_detected", "cancelled: turn_detected"),
        ("cancelled", "", "cancelled"),
        ("failed", "", "failed"),
    ],
)
def test_a_partial_answer_says_why(status: events.ResponseStatus, reason: str, why: str) -> None:
    """What came is kept, the reason with it, and the next question goes."""
    talk = asking()
    talk.ask("b?")
    end = ResponseDone(response_id="r1", status=status, reason=reason)
    assert talk.hear(created("r1"), words("r1", "Hal"), end) == [
        "* text 1: 'Hal'",
        "> item user: b?",
        "> create",
        f"* done 1: {why}: 'Hal'",
        "* asked 2",
    ]


def test_a_failed_answer_has_the_words_of_the_server() -> None:
    """The error of a failed response is in its `response.done`."""
    talk = asking()
    assert talk.hear(failing("r1", "server_error", "Oh dear.")) == ["* done 1: failed: Oh dear (server_error): ''"]


def test_tokens_are_those_of_the_end() -> None:
    """The usage of `response.done` is on the reply."""
    talk = asking()
    usage = Usage(total_tokens=7)
    happening, *_ = talk.conversation.receive(ResponseDone(response_id="r1", status="completed", usage=usage))
    assert isinstance(happening, happened.ReplyDone)
    assert happening.reply.usage == usage


# --- odd orders


def test_an_answer_that_only_its_end_tells() -> None:
    """Without deltas and without `response.created`, the words of `response.done` are the answer."""
    talk = asking()
    assert talk.hear(done("r1", "One.", "Two.")) == ["* text 1: 'One.\\nTwo.'", "* done 1: completed: 'One.\\nTwo.'"]


def test_an_answer_without_a_beginning() -> None:
    """Deltas begin a reply where `response.created` is missing or late."""
    talk = asking()
    assert talk.hear(words("r1", "A"), created("r1"), words("r1", "."), done("r1"))[-1] == "* done 1: completed: 'A.'"


def test_a_second_end_is_no_end() -> None:
    """A duplicate `response.done` does not end the question that is being answered by then."""
    talk = asking()
    talk.ask("b?")
    talk.hear(created("r1"), done("r1", "A."))
    assert talk.hear(done("r1", "A."), created("r1"), all_words("r1", "A.")) == []
    assert talk.conversation.open_replies == []
    assert talk.hear(created("r2"), done("r2", "B."))[-1] == "* done 2: completed: 'B.'"


def test_late_words_and_audio_belong_to_nobody() -> None:
    """What still comes for a response that is over does not get into the next answer, and is kept open."""
    talk = asking()
    talk.ask("b?")
    talk.hear(created("r1"), done("r1", "A."), created("r2"))
    assert talk.hear(words("r1", "late"), sound("r1")) == ["* text 0: 'late'", "* audio 0: 2 bytes"]
    assert talk.hear(words("r2", "B."), done("r2")) == ["* text 2: 'B.'", "* done 2: completed: 'B.'"]
    assert [(reply.response_id, reply.audio_bytes) for reply in talk.conversation.open_replies] == [("r1", 2)]
    assert state(talk) == "idle"


def test_responses_interleave() -> None:
    """Each piece goes to its own response; the one that nobody asked for has no question."""
    talk = asking()
    assert talk.hear(
        created("r1"), created("x"), words("r1", "A"), words("x", "!"), sound("x"), words("r1", "."), done("r1")
    ) == ["* text 1: 'A'", "* text 0: '!'", "* audio 0: 2 bytes", "* text 1: '.'", "* done 1: completed: 'A.'"]
    assert state(talk) == "waiting"
    assert talk.hear(done("x")) == ["* done 0: completed: '!'"]
    assert state(talk) == "idle"


def test_a_question_waits_for_a_response_that_nobody_asked_for() -> None:
    """One response at a time: a question is sent when the other response is done."""
    talk = Talk()
    assert talk.hear(created("x")) == []
    assert talk.ask("a?") == []
    assert talk.hear(words("x", "Hm."), done("x")) == [
        "* text 0: 'Hm.'",
        *ASKED[:2],
        "* done 0: completed: 'Hm.'",
        "* asked 1",
    ]


def test_several_items_are_lines() -> None:
    """The second item of a response begins on a new line, on the screen and in the record."""
    talk = asking()
    assert talk.hear(words("r1", "One.", "i1"), words("r1", "Two.", "i2"), done("r1")) == [
        "* text 1: 'One.'",
        "* text 1: '\\nTwo.'",
        "* done 1: completed: 'One.\\nTwo.'",
    ]


# --- servers without ids


def test_a_server_without_ids_is_understood() -> None:
    """Two answers without a single id go to their questions."""
    talk = asking()
    talk.ask("b?")
    lines = talk.hear(created(""), words("", "A", ""), sound(""), all_words("", "A.", ""), done(""))
    assert lines[-2:] == ["* done 1: completed: 'A.'", "* asked 2"]
    assert talk.hear(words("", "B.", ""), done(""))[-1] == "* done 2: completed: 'B.'"


def test_an_id_that_comes_later_is_the_same_response() -> None:
    """A response that began without an id keeps its question when its id is told."""
    talk = asking()
    assert talk.hear(created(""), words("r1", "A."), done("r1"))[-1] == "* done 1: completed: 'A.'"
    assert state(talk) == "idle"
    assert talk.hear(done("r1", "A.")) == []


def test_an_end_without_id_ends_the_response_that_runs() -> None:
    """`response.done` needs no id."""
    talk = asking()
    assert talk.hear(created("r1"), words("r1", "A."), done(""))[-1] == "* done 1: completed: 'A.'"
    assert state(talk) == "idle"


def test_pieces_of_nothing_hold_nobody_up() -> None:
    """What comes without an id while nothing runs is kept, but the next question need not wait for its end."""
    talk = Talk()
    assert talk.hear(created(""), words("", "?"), sound(""), done("")) == ["* text 0: '?'", "* audio 0: 2 bytes"]
    assert state(talk) == "idle"
    assert len(talk.conversation.open_replies) == 1
    assert talk.ask("a?") == ASKED


def test_an_unknown_end_with_words_is_saved() -> None:
    """A whole answer that nobody asked for is an answer, and is over with that."""
    talk = Talk()
    assert talk.hear(done("", "Hello.")) == ["* text 0: 'Hello.'", "* done 0: completed: 'Hello.'"]
    assert talk.conversation.open_replies == []
    assert talk.hear(done("x")) == []


# --- another response is active


def test_a_busy_conversation_is_asked_again() -> None:
    """The response that was taken for ours is given back; ours is asked for when that is done."""
    talk = asking()
    assert talk.hear(created("x"), words("x", "Not yours.")) == ["* text 1: 'Not yours.'"]
    assert talk.hear(error(BUSY, talk.last(client_events.CreateResponse))) == []
    assert talk.hear(created("x")) == []
    assert talk.hear(done("x")) == ["> create", "* done 0: completed: 'Not yours.'"]
    assert talk.hear(created("r1"), words("r1", "Yours."), done("r1"))[-1] == "* done 1: completed: 'Yours.'"


def test_a_busy_conversation_without_a_trace_is_asked_again_with_patience() -> None:
    """At first at once, as the other response may have ended; then after pauses; then never again."""
    talk = asking()
    busy = error(BUSY, message="Busy.")
    assert talk.hear(busy) == ["> create"]
    assert talk.hear(busy) == [
        f"* done 1: failed: Busy ({BUSY}): '', asked again",
        "* limited 1: None",
    ]
    assert talk.resume() == ["> create", "* asked 1"]
    assert talk.hear(busy) == [f"* done 1: failed: Busy ({BUSY}): ''"]
    assert state(talk) == "idle"


def test_busy_for_nobody_is_a_complaint() -> None:
    """When no question is open, the error is only told."""
    assert Talk().hear(error(BUSY)) == [f"* complaint: {BUSY}"]


# --- refused


def test_a_refused_question_cancels_its_response() -> None:
    """The response would answer something else: it is cancelled, and the question fails with the reason."""
    talk = asking()
    talk.ask("b?")
    refused = error("invalid_value", talk.last(client_events.CreateTextItem), message="Too long.")
    assert talk.hear(refused) == ["> cancel whatever runs"]
    cancelled = ResponseDone(response_id="r1", status="cancelled")
    assert talk.hear(created("r1"), cancelled) == [
        "> item user: b?",
        "> create",
        "* done 1: failed: Too long (invalid_value): ''",
        "* asked 2",
    ]


def test_a_refused_question_whose_response_runs() -> None:
    """The response is cancelled by its id, and even a complete answer is none to this question."""
    talk = asking()
    assert talk.hear(created("r1"), error("invalid_value", talk.last(client_events.CreateTextItem))) == [
        "> cancel r1"
    ]
    assert talk.hear(done("r1", "To what?"))[-1] == "* done 1: failed: invalid_value: 'To what?'"


def test_a_refused_question_whose_response_never_began() -> None:
    """`response_cancel_not_active` is the end then, and no complaint."""
    talk = asking()
    talk.hear(error("invalid_value", talk.last(client_events.CreateTextItem)))
    not_active = error("response_cancel_not_active", talk.last(client_events.CancelResponse))
    assert talk.hear(not_active) == ["* done 1: failed: invalid_value: ''"]
    assert talk.hear(not_active) == []


def test_a_refused_question_in_a_busy_conversation() -> None:
    """It is not asked again when the other response is done."""
    talk = asking()
    talk.hear(error("invalid_value", talk.last(client_events.CreateTextItem)))
    assert talk.hear(error(BUSY, talk.last(client_events.CreateResponse))) == ["* done 1: failed: invalid_value: ''"]
    assert state(talk) == "idle"


def test_a_refused_response_fails_its_question() -> None:
    """An error that names our `response.create` ends the question."""
    talk = asking()
    refused = error("server_error", talk.last(client_events.CreateResponse))
    assert talk.hear(refused) == ["* done 1: failed: server_error: ''"]
    assert state(talk) == "idle"
    assert talk.hear(refused) == ["* complaint: server_error"]


def test_an_error_for_nobody_is_a_complaint() -> None:
    """Errors that name nothing of ours, or nothing at all, are told and survived."""
    talk = asking()
    assert talk.hear(error("server_error"), error("x", "somebody_else"), error("")) == [
        "* complaint: server_error",
        "* complaint: x",
        "* complaint: no reason given",
    ]
    assert state(talk) == "expecting"


@pytest.mark.parametrize("event_id", ["", "geppetto_1"])
def test_refused_settings_end_the_session(event_id: str) -> None:
    """An error that names our `session.update`, or one of its parameters, is the end: nothing would be as asked."""
    conversation = Conversation(SETTINGS, history_budget_chars=0, max_attempts=1)
    refused = error("invalid_value", event_id, message="No such voice.", param="session.audio.output.voice")
    assert [told(happening) for happening in conversation.receive(refused)] == [
        "* over REFUSED: The server refused the session settings at session.audio.output.voice: No such voice "
        "(invalid_value). Change that setting."
    ]


def test_accepted_settings_cannot_be_refused() -> None:
    """After `session.updated`, an error about the session is a complaint."""
    talk = Talk()
    assert talk.hear(error("invalid_value", param="session.voice")) == ["* complaint: invalid_value"]


def test_an_error_for_somebody_else_is_not_about_our_settings() -> None:
    """The id decides where there is one."""
    conversation = Conversation(SETTINGS, history_budget_chars=0, max_attempts=1)
    (complaint,) = conversation.receive(error("invalid_value", "other", param="session.voice"))
    assert isinstance(complaint, happened.Complaint)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid_api_key", "REFUSED"),
        ("model_not_found", "REFUSED"),
        ("insufficient_quota", "REFUSED"),
        ("beta_api_shape_disabled", "REFUSED"),
        ("session_expired", "CONNECTION_LOST"),
    ],
)
def test_fatal_errors_end_the_session(code: str, status: str) -> None:
    """As an event, or as the reason of a failed response, whose question then gets its end first."""
    (line,) = Talk().hear(error(code))
    assert line.startswith(f"* over {status}: ")
    talk = asking()
    talk.ask("b?")
    lines = talk.hear(failing("r1", code))
    assert lines[0] == f"* done 1: failed: {code}: ''"
    assert lines[1].startswith(f"* over {status}: ")
    assert len(lines) == 2


# --- withdrawn


def test_a_waiting_question_is_simply_forgotten() -> None:
    """Nothing of it was sent, so nothing is."""
    talk = asking()
    talk.ask("b?")
    assert talk.withdraw(2) == (True, [])
    assert talk.hear(done("r1", "A."))[-1] == "* done 1: completed: 'A.'"
    assert state(talk) == "idle"


def test_a_question_at_the_server_is_cancelled_there() -> None:
    """What came is kept, the next question goes; a second withdrawal says nothing twice."""
    talk = asking()
    talk.ask("b?")
    talk.hear(created("r1"), words("r1", "Hal"))
    assert talk.withdraw(1) == (False, ["> cancel r1"])
    assert talk.withdraw(1) == (False, [])
    end = ResponseDone(response_id="r1", status="cancelled", reason="client_cancelled")
    assert talk.hear(end)[-2:] == ["* done 1: cancelled: client_cancelled: 'Hal'", "* asked 2"]
    assert talk.withdraw(1) == (False, [])


def test_a_withdrawn_question_whose_response_never_began() -> None:
    """It ends when the server says that there is nothing to cancel; another cancel's echo does not end it."""
    talk = asking()
    assert talk.withdraw(1) == (False, ["> cancel whatever runs"])
    assert talk.hear(error("response_cancel_not_active", "older")) == []
    assert talk.hear(error("response_cancel_not_active", talk.last(client_events.CancelResponse))) == [
        "* done 1: cancelled: ''"
    ]


def test_a_withdrawn_question_is_not_asked_again() -> None:
    """Neither when the conversation was busy, nor after a rate limit, nor over a new connection."""
    talk = asking()
    talk.withdraw(1)
    assert talk.hear(error(BUSY, talk.last(client_events.CreateResponse))) == ["* done 1: cancelled: ''"]
    talk = asking()
    talk.withdraw(1)
    assert talk.hear(failing("r1", "rate_limit_exceeded")) == ["* done 1: failed: rate_limit_exceeded: ''"]
    talk = asking()
    talk.withdraw(1)
    assert talk.lose() == ["> update", "* done 1: cancelled: ''"]


def test_a_question_that_waits_for_another_response_is_forgotten() -> None:
    """Cancelling would hit the other response; nothing of ours runs yet."""
    talk = asking()
    talk.ask("b?")
    talk.hear(created("x"), error(BUSY))
    assert talk.withdraw(1) == (True, [])
    assert talk.hear(done("x")) == ["> item user: b?", "> create", "* done 0: completed: ''", "* asked 2"]


def test_a_paused_question_is_forgotten() -> None:
    """When the pause is over, the next question goes instead."""
    talk = asking()
    talk.ask("b?")
    talk.hear(failing("r1", "rate_limit_exceeded"))
    assert talk.withdraw(1) == (True, [])
    assert talk.resume() == ["> item user: b?", "> create", "* asked 2"]


# --- rate limits


def test_a_rate_limited_response_is_asked_for_again() -> None:
    """The question stays, its item is not sent twice, and the wait is the server's."""
    talk = asking()
    talk.ask("b?")
    limit = failing("r1", "rate_limit_exceeded", "Please try again in 1.5s.")
    assert talk.hear(created("r1"), limit) == [
        "* done 1: failed: Please try again in 1.5s (rate_limit_exceeded): '', asked again",
        "* limited 1: 1.5",
    ]
    assert state(talk) == "waiting"
    assert talk.resume() == ["> create", "* asked 1"]
    assert talk.hear(created("r2"), done("r2", "A."))[-2:] == ["* done 1: completed: 'A.'", "* asked 2"]


def test_a_rate_limit_may_come_as_an_error() -> None:
    """It names our `response.create`; after as many tries as are allowed the question fails."""
    talk = asking()
    for _ in range(2):
        limit = error("rate_limit_exceeded", talk.last(client_events.CreateResponse))
        assert talk.hear(limit)[-1] == "* limited 1: None"
        assert talk.resume() == ["> create", "* asked 1"]
    last = error("rate_limit_exceeded", talk.last(client_events.CreateResponse))
    assert talk.hear(last) == ["* done 1: failed: rate_limit_exceeded: ''"]


def test_a_pause_waits_for_a_foreign_response_too() -> None:
    """When the pause ends while another response runs, ours is asked for when that is done."""
    talk = asking()
    talk.hear(failing("r1", "rate_limit_exceeded"), created("x"), words("x", "Hm."))
    assert talk.resume() == ["* asked 1"]
    assert talk.hear(done("x")) == ["> create", "* done 0: completed: 'Hm.'"]


def test_a_foreign_response_that_keeps_a_question_waiting_is_expected_to_end() -> None:
    """While it runs the server owes something; else one that stalled would keep the question waiting for ever."""
    talk = asking()
    talk.hear(failing("r1", "rate_limit_exceeded"))
    talk.hear(created("r2"))
    assert state(talk) != "expecting"
    talk.resume()
    talk.hear(words("r2", "Who"))
    assert state(talk) == "expecting"


def test_nothing_new_is_asked_on_hold() -> None:
    """The present answer goes on; the next question waits for the end of the hold."""
    talk = asking()
    talk.ask("b?")
    talk.conversation.hold()
    assert talk.hear(done("r1", "A."))[-1] == "* done 1: completed: 'A.'"
    assert talk.resume() == ["> item user: b?", "> create", "* asked 2"]


# --- without end


def test_words_without_end_end_the_session() -> None:
    """An answer is held in memory, so there is a most."""
    talk = asking()
    for _ in range(8):
        talk.hear(words("r1", "x" * 1024 * 1024))
    with pytest.raises(ConnectionEnded, match=r"more than 8,388,608 characters"):
        talk.hear(words("r1", "x"))


def test_responses_without_end_end_the_session() -> None:
    """Each is held in memory until its end, so there is a most."""
    talk = Talk()
    for number in range(MAX_OPEN):
        talk.hear(created(f"r{number}"))
    with pytest.raises(ConnectionEnded, match=r"began 1,000 responses"):
        talk.hear(created("one more"))


# --- a new connection


def test_a_new_session_is_told_what_was_said() -> None:
    """Settings, the texts so far, and the question that was being answered, from the start."""
    talk = asking()
    talk.ask("b?")
    talk.ask("c?")
    talk.hear(created("r1"), done("r1", "A."), created("r2"), words("r2", "Hal"))
    assert talk.lose() == [
        "> update",
        "> item user: a?",
        "> item assistant: A.",
        "> item user: b?",
        "> create",
        "* done 2: cancelled: the connection was lost: 'Hal', asked again",
        "* asked 2",
    ]
    assert talk.conversation.open_replies == []
    assert talk.hear(created("r1"), words("r1", "B."), done("r1"))[:2] == ["* text 2: 'B.'", "> item user: c?"]


def test_a_cut_off_answer_is_told_as_cut_off() -> None:
    """The model must not take the half of a sentence for its last word; a refused question was never said."""
    talk = asking()
    talk.hear(words("r1", "Hal"), ResponseDone(response_id="r1", status="incomplete"))
    talk.ask("b?")
    talk.hear(error("invalid_value", talk.last(client_events.CreateTextItem)), error("response_cancel_not_active"))
    assert talk.lose() == ["> update", "> item user: a?", "> item assistant: Hal … [cut off]"]


def test_an_independent_question_is_of_no_conversation() -> None:
    """It brings its own words, before and after a lost connection, and nobody is told of it later."""
    talk = Talk()
    assert talk.ask("a?", Asking(independent=True, instructions="In French.")) == [
        "> create (In French.) for item user: a?",
        "* asked 1",
    ]
    talk.hear(created("r1"), words("r1", "Oui"))
    assert talk.lose()[-2:] == ["* done 1: cancelled: the connection was lost: 'Oui', asked again", "* asked 1"]
    assert talk.hear(done("r1", "Oui."))[-1] == "* done 1: completed: 'Oui.'"
    assert talk.lose() == ["> update"]


def test_a_refused_independent_question_fails() -> None:
    """Its one event is refused, and nothing has to be cancelled."""
    talk = Talk()
    talk.ask("a?", Asking(independent=True))
    refused = error("invalid_value", talk.last(client_events.CreateResponse), message="No")
    assert talk.hear(refused) == ["* done 1: failed: No (invalid_value): ''"]


def test_a_spoken_question_is_remembered_by_its_name() -> None:
    """Its audio is sent once; a new session is told that there was one."""
    talk = Talk()
    assert talk.ask("a.wav", Asking(pcm=b"\1\0")) == ["> append 2 bytes", "> commit", "> create", "* asked 1"]
    talk.hear(done("r1", "A."))
    assert talk.lose() == ["> update", "> item user: [a spoken question: a.wav]", "> item assistant: A."]


def test_an_earlier_conversation_goes_on() -> None:
    """What was said in another one is told first, within the budget."""
    earlier = [Said("user", "old?"), Said("assistant", "Old."), Said("user", "new?"), Said("assistant", "New.")]
    conversation = Conversation(SETTINGS, history_budget_chars=10, max_attempts=1, history=earlier)
    assert [said(event) for event in conversation.events_to_send()] == [
        "> update",
        "> item user: new?",
        "> item assistant: New.",
    ]
    assert list(conversation.history.items) == earlier[2:]


def test_a_long_history_is_cut_at_the_front() -> None:
    """What no longer fits is left out with its question's answer, and that is told once."""
    talk = Talk(history_budget_chars=6)
    for number in (1, 2):
        talk.ask(f"q{number}")
        talk.hear(done(f"r{number}", "aa"))
    assert talk.lose() == ["> update", "> item user: q2", "> item assistant: aa", "* history cut by 2"]
    assert talk.lose() == ["> update", "> item user: q2", "> item assistant: aa"]


def test_a_hold_and_a_pause_end_with_their_connection() -> None:
    """Over the new one, everything is asked as if nothing had been."""
    talk = Talk()
    talk.conversation.hold()
    assert talk.ask("a?") == []
    assert talk.lose() == ["> update", *ASKED]
    talk.hear(failing("r1", "rate_limit_exceeded"))
    assert talk.lose() == ["> update", *ASKED]
    talk.hear(created("x"), error(BUSY))
    assert talk.lose()[-1] == "* asked 1"
    assert talk.hear(words("r1", "A.")) == ["* text 1: 'A.'"]


def test_late_words_end_with_their_connection() -> None:
    """They are saved once, and the next connection knows nothing of them."""
    talk = asking()
    talk.hear(done("r1", "A."), words("r1", "late"))
    assert talk.lose()[-1] == "* done 0: cancelled: the connection was lost: 'late'"
    assert talk.conversation.open_replies == []
    assert talk.lose()[0] == "> update"
    assert not [line for line in talk.lose() if line.startswith("*")]


def test_a_refused_question_ends_once_with_its_connection() -> None:
    """It fails, whether its response had begun or not, and is not asked again."""
    for begun in (True, False):
        talk = asking()
        talk.hear(error("invalid_value", talk.last(client_events.CreateTextItem)))
        if begun:
            talk.hear(created("r1"))
        assert talk.lose() == ["> update", "* done 1: failed: invalid_value: ''"]
        assert state(talk) == "idle"


def test_new_settings_can_be_refused_too() -> None:
    """The `session.update` of each session is watched until it is answered."""
    talk = asking()
    talk.lose()
    (line,) = talk.hear(error("invalid_value", talk.last(client_events.UpdateSession)))
    assert line.startswith("* over REFUSED: The server refused the session settings")


# --- anything at all

RESPONSES = st.sampled_from(["", "r1", "r2", "r3"])
ITEMS = st.sampled_from(["", "i1", "i2"])
TEXTS = st.sampled_from(["", "a", "ab", "\n"])
CODES = st.sampled_from(
    [
        BUSY,
        "response_cancel_not_active",
        "rate_limit_exceeded",
        "server_error",
        "invalid_value",
        "session_expired",
        "",
    ]
)
EVENT_IDS = st.sampled_from(["", "other", *(f"geppetto_{n}" for n in range(1, 12))])
ERRORS = st.builds(ErrorDetails, code=CODES, event_id=EVENT_IDS, param=st.sampled_from(["", "session.voice"]))
SERVER_EVENTS = st.one_of(
    st.builds(SessionCreated),
    st.builds(SessionUpdated),
    st.builds(ConversationItem),
    st.builds(ResponseCreated, response_id=RESPONSES),
    st.builds(TextDelta, response_id=RESPONSES, item_id=ITEMS, delta=TEXTS),
    st.builds(TextDone, response_id=RESPONSES, item_id=ITEMS, text=TEXTS),
    st.builds(AudioDelta, response_id=RESPONSES, item_id=ITEMS, pcm=st.binary(max_size=2)),
    st.builds(
        ResponseDone,
        response_id=RESPONSES,
        status=st.sampled_from(["completed", "cancelled", "incomplete", "failed"]),
        error=st.none() | ERRORS,
        output=st.lists(st.builds(OutputText, item_id=ITEMS, text=TEXTS), max_size=2),
    ),
    st.builds(ServerError, error=ERRORS),
    st.builds(UnknownServerEvent, type=st.just("x")),
)
STEPS = st.lists(
    SERVER_EVENTS | st.sampled_from(["ask", "ask", "lose", "resume", "hold", "withdraw first", "withdraw last"]),
    max_size=40,
)


@attrs.define
class Ends:
    """Counts what may happen once only."""

    done: list[int] = attrs.field(factory=list)
    over: list[object] = attrs.field(factory=list)

    def note(self, happenings: Iterable[happened.Happening]) -> None:
        """Check that nothing ends twice."""
        for happening in happenings:
            if not isinstance(happening, happened.ReplyDone):
                continue
            reply = happening.reply
            assert reply.status is not None
            assert not any(reply is other for other in self.over), "a reply ended twice"
            self.over.append(reply)
            if reply.turn is not None and not reply.repeated:
                assert reply.turn.index not in self.done, "a question ended twice"
                self.done.append(reply.turn.index)


@settings(max_examples=250, deadline=None)
@given(STEPS)
def test_any_order_of_events_is_survived(steps: list[events.ServerEvent | str]) -> None:
    """Whatever comes, in any order, nothing raises, nothing ends twice, and one response is asked for at a time."""
    conversation = Conversation(SETTINGS, history_budget_chars=10, max_attempts=2)
    turns: list[Turn] = []
    ends = Ends()
    may_create = True
    for step in steps:
        if step == "ask":
            turn, happenings = conversation.ask("a?")
            turns.append(turn)
        elif step == "lose":
            happenings = conversation.connection_lost()
            may_create = True
        elif step == "resume":
            happenings = conversation.resume()
        elif step == "hold":
            conversation.hold()
            happenings = []
        elif isinstance(step, str):
            happenings = []
            if turns:
                conversation.withdraw(turns[0] if step == "withdraw first" else turns[-1])
        else:
            happenings = conversation.receive(step)
            may_create |= isinstance(step, (ResponseDone, ServerError))
        ends.note(happenings)
        for event in conversation.events_to_send():
            if isinstance(event, client_events.CreateResponse):
                assert may_create, "two responses were asked for at once"
                may_create = False
        open_now = conversation.open_replies
        assert not any(reply is other for reply in open_now for other in ends.over), "what is over is open"


SECTIONS = st.lists(
    st.tuples(st.lists(st.text(max_size=3), max_size=4), st.booleans()),
    max_size=4,
)


@given(SECTIONS)
def test_what_is_streamed_is_what_is_kept(parts: list[tuple[list[str], bool]]) -> None:
    """However parts are cut, the pieces together are the text of the reply, where deltas and finals agree."""
    talk = asking()
    heard = ""
    for number, (pieces, with_final) in enumerate(parts):
        item_id = f"i{number}"
        deltas: list[events.ServerEvent] = [words("r1", piece, item_id) for piece in pieces]
        if with_final:
            deltas.append(all_words("r1", "".join(pieces) + "!", item_id))
        for event in deltas:
            for happening in talk.conversation.receive(event):
                assert isinstance(happening, happened.ReplyText)
                heard += happening.delta
    (end,) = talk.conversation.receive(done("r1"))
    assert isinstance(end, happened.ReplyDone)
    assert end.reply.text == heard
