"""Spoken questions, pictures and interrupted answers, by transcripts; see `tests.realtime.talk`."""

from __future__ import annotations

import pytest

from geppetto.realtime import client_events
from geppetto.realtime.events import (
    AudioCommitted,
    AudioDelta,
    ErrorDetails,
    InputTranscript,
    InputTranscriptFailed,
    ResponseDone,
    SessionUpdated,
)
from geppetto.realtime.exchange import Exchange
from geppetto.realtime.history import History
from geppetto.realtime.reply import Asking, Reply, Turn
from geppetto.realtime.turns import Turns
from tests.realtime.talk import Talk, asking, created, done, error, said, sound, words

SECOND = 48_000
SPOKEN = ["> append 2 bytes", "> commit", "> create", "* asked 1"]


def speaking(transcription_model: str | None = None) -> Talk:
    """Return a talk in which the spoken question 1 is at the server."""
    talk = Talk(transcription_model=transcription_model)
    talk.ask("a.wav", Asking(pcm=b"\1\0"))
    return talk


def test_a_long_question_goes_out_in_pieces_of_a_second() -> None:
    """Then it is committed, and a response is asked for; all pieces together are the question."""
    pcm = bytes(range(256)) * 400
    talk = Talk()
    sent = talk.ask("a.wav", Asking(pcm=pcm))
    assert sent == [f"> append {SECOND} bytes"] * 2 + ["> append 6400 bytes", "> commit", "> create", "* asked 1"]
    pieces = [event.pcm for event in talk.sent if isinstance(event, client_events.AppendAudio)]
    assert b"".join(pieces) == pcm
    ids = [event.event_id for event in talk.sent]
    assert len(set(ids)) == len(ids)


def test_out_of_band_a_spoken_question_is_one_item() -> None:
    """There is one buffer, and it belongs to the conversation."""
    talk = Talk(transcription_model="w")
    assert talk.ask("a.wav", Asking(pcm=b"\1\0", independent=True)) == [
        "> create for item user: 2 bytes",
        "* asked 1",
    ]


def test_the_transcript_is_asked_for_with_the_first_spoken_question() -> None:
    """Once; who only types does not need it, and what nobody asked for can't be refused."""
    talk = Talk(transcription_model="w")
    assert talk.ask("typed?") == ["> item user: typed?", "> create", "* asked 1"]
    talk.hear(done("r1"))
    sent = talk.ask("a.wav", Asking(pcm=b"\1\0"))
    assert sent == ["> update {'transcription_model': 'w'}", *SPOKEN[:3], "* asked 2"]
    assert talk.hear(SessionUpdated()) == ["* hold {'transcription_model': 'w'}"]
    talk.hear(done("r2"))
    assert talk.ask("b.wav", Asking(pcm=b"\1\0")) == [*SPOKEN[:3], "* asked 3"]


def test_a_refused_transcript_is_a_complaint() -> None:
    """The question is answered all the same, and the next one does not ask for it again."""
    talk = speaking("w")
    refused = error("invalid_value", talk.last(client_events.UpdateSession), message="No w")
    assert talk.hear(refused) == ["* complaint: No w (invalid_value)"]
    assert talk.hear(done("r1", "A."))[-1] == "* done 1: completed: 'A.'"
    assert talk.ask("b.wav", Asking(pcm=b"\1\0")) == [*SPOKEN[:3], "* asked 2"]


def test_a_new_session_transcribes_again() -> None:
    """What was agreed holds in the sessions that follow."""
    talk = speaking("w")
    talk.hear(SessionUpdated(), done("r1", "A."))
    talk.lose()
    update = next(event for event in reversed(talk.sent) if isinstance(event, client_events.UpdateSession))
    assert update.settings.transcription_model == "w"


def test_the_transcript_belongs_to_its_question() -> None:
    """It may come while the next one is being answered."""
    talk = speaking()
    talk.hear(AudioCommitted(item_id="u1"), done("r1", "A."))
    talk.ask("b.wav", Asking(pcm=b"\1\0"))
    talk.hear(AudioCommitted(item_id="u2"))
    assert talk.hear(InputTranscript(item_id="u1", text=" Where? ")) == ["* heard 1: 'Where?'"]
    assert talk.hear(InputTranscript(item_id="u1", text="Where?")) == []
    failed = InputTranscriptFailed(item_id="u2", error=ErrorDetails(code="DeploymentNotFound"))
    assert talk.hear(failed) == ["* unheard 2: DeploymentNotFound"]
    assert talk.hear(InputTranscript(item_id="u3", text="?")) == []


def test_a_transcript_without_an_id_belongs_to_the_oldest() -> None:
    """Some servers leave it out."""
    talk = speaking()
    assert talk.hear(InputTranscript(text="Where?")) == ["* heard 1: 'Where?'"]
    assert talk.hear(InputTranscript(text="Where?")) == []


@pytest.mark.parametrize("late", [True, False])
def test_a_new_session_is_told_what_was_said(late: bool) -> None:
    """The transcript stands for the audio, whether it came before the answer was over or after."""
    talk = speaking()
    transcript, end = InputTranscript(item_id="u1", text="Where?"), done("r1", "There.")
    talk.hear(AudioCommitted(item_id="u1"), end if late else transcript, transcript if late else end)
    assert talk.lose() == ["> update", "> item user: Where?", "> item assistant: There."]


def test_a_transcript_counts_for_the_budget() -> None:
    """A late one may push out what is older."""
    talk = Talk(history_budget_chars=70)
    talk.ask("typed?")
    talk.hear(done("r1", "Yes."))
    talk.ask("a.wav", Asking(pcm=b"\1\0"))
    talk.hear(AudioCommitted(item_id="u1"), done("r2", "There."), InputTranscript(item_id="u1", text="w" * 60))
    assert talk.lose() == ["> update", "> item user: " + "w" * 60, "> item assistant: There.", "* history cut by 2"]


def test_a_lost_connection_sends_all_of_it_again() -> None:
    """The buffer of the old session is gone."""
    talk = speaking()
    talk.hear(AudioCommitted(item_id="u1"))
    assert talk.lose() == ["> update", *SPOKEN]
    assert talk.hear(InputTranscript(item_id="u1", text="?")) == ["* heard 1: '?'"]


@pytest.mark.parametrize("piece", ["", "_1"])
def test_a_refused_piece_fails_the_question_once(piece: str) -> None:
    """Whether a piece or the whole is at fault, the response is stopped, and the first reason is kept."""
    talk = speaking()
    talk.hear(created("r1"))
    commit = talk.last(client_events.CommitAudio)
    assert talk.hear(error("invalid_value", commit + piece, message="Bad")) == ["> cancel r1"]
    assert talk.hear(error("input_audio_buffer_commit_empty", commit)) == []
    end = ResponseDone(response_id="r1", status="cancelled")
    assert talk.hear(end) == ["* done 1: failed: Bad (invalid_value): ''"]


def test_ids_of_other_questions_are_no_pieces() -> None:
    """Question 1 is not to blame for what begins like it."""
    turn = Turn(index=1, question="a.wav", asking=Asking(pcm=b""), item_event_id="geppetto_1")
    assert turn.made("geppetto_1")
    assert turn.made("geppetto_1_7")
    assert not turn.made("geppetto_17")
    assert not Turn(index=1, question="?").made("")


def test_pieces_that_were_not_sent_can_be_taken_back() -> None:
    """The buffer is cleared, and the next question goes out."""
    talk = speaking()
    talk.ask("b?")
    assert talk.follows(talk.conversation.take_back(talk.turns[0])) == [
        "> clear",
        "> item user: b?",
        "> create",
        "* asked 2",
    ]
    assert talk.lose()[-3:] == ["> item user: b?", "> create", "* asked 2"]


def test_pictures_stand_before_the_words() -> None:
    """A new session is told that there were some."""
    talk = Talk()
    assert talk.ask("what?", Asking(images=["data:image/png;base64,AA"])) == [
        "> item user: what?",
        "> create",
        "* asked 1",
    ]
    item = talk.sent[-2]
    assert isinstance(item, client_events.CreateTextItem)
    assert item.images == ("data:image/png;base64,AA",)
    talk.hear(done("r1", "A cat."))
    assert talk.lose() == ["> update", "> item user: what?\n[a picture stood here]", "> item assistant: A cat."]


# --- interrupted answers


def cancelled(response_id: str) -> ResponseDone:
    """Return the end of a cancelled response."""
    return ResponseDone(response_id=response_id, status="cancelled", reason="client_cancelled")


def interrupted() -> Talk:
    """Return a talk in which question 1 was interrupted."""
    talk = asking()
    talk.turns[0].truncate = True
    return talk


def test_what_was_not_heard_of_an_interrupted_answer_is_forgotten() -> None:
    """The server is told before the next question how much arrived of the part that was cut off."""
    talk = interrupted()
    talk.hear(created("r1"), words("r1", "Once"), sound("r1", b"\0" * 4_800), sound("r1", b"\0" * 49))
    talk.ask("b?")
    talk.withdraw(1)
    assert talk.hear(cancelled("r1")) == [
        "> truncate i part 0 to 101 ms",
        "> item user: b?",
        "> create",
        "* done 1: cancelled: client_cancelled: 'Once'",
        "* asked 2",
    ]


def test_only_the_last_part_is_truncated() -> None:
    """The parts before it were heard whole."""
    talk = interrupted()
    talk.hear(created("r1"), sound("r1", b"\0" * 9_600))
    talk.hear(AudioDelta(response_id="r1", item_id="j", content_index=1, pcm=b"\0" * 4_800))
    assert talk.hear(cancelled("r1"))[0] == "> truncate j part 1 to 100 ms"


def test_an_answer_without_audio_is_not_truncated() -> None:
    """There is nothing that could be."""
    talk = interrupted()
    talk.hear(created("r1"), words("r1", "Once"))
    assert talk.hear(cancelled("r1")) == ["* done 1: cancelled: client_cancelled: 'Once'"]


def test_a_whole_answer_is_not_truncated() -> None:
    """It was over before the server heard of the interruption: everything arrived."""
    talk = interrupted()
    talk.hear(created("r1"), sound("r1", b"\0" * 4_800))
    assert talk.hear(done("r1", "Once.")) == ["* text 1: 'Once.'", "* done 1: completed: 'Once.'"]


def test_a_truncation_that_fails_is_no_complaint() -> None:
    """The server may have less than we, or no such event."""
    talk = interrupted()
    talk.hear(created("r1"), sound("r1", b"\0" * 4_800), cancelled("r1"))
    failed = error("invalid_value", talk.last(client_events.TruncateItem), message="Already shorter")
    assert talk.hear(failed) == []
    assert talk.hear(failed) == ["* complaint: Already shorter (invalid_value)"]


@pytest.mark.parametrize("item_id", ["i", ""])
def test_only_a_truncation_that_was_sent_may_fail(item_id: str) -> None:
    """The id of its event is noted until then; without one nothing is."""
    sent: set[str] = set()
    turns = Turns(1)
    exchange = Exchange(turns, History(100), lambda _turn: None, _truncations=sent)
    turn = turns.queue("a.wav", Asking(pcm=b"\1\0"))
    exchange.next_turn()
    turn.truncate = True
    exchange.reply("r1").add_audio(item_id, 0, 4_800)
    exchange.done(ResponseDone(response_id="r1", status="cancelled"))
    assert sent == {event.event_id for event in turns.outbox if isinstance(event, client_events.TruncateItem)}
    assert len(sent) == len(item_id)


def test_an_answer_without_an_item_is_not_truncated() -> None:
    """Nothing could be named."""
    turns = Turns(1)
    assert turns.truncate(Reply(last_part_bytes=4_800)) == ""
    assert turns.outbox == []
    assert said(client_events.ClearAudio(event_id="e")) == "> clear"
