"""The words of one response, and why it is partial."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from geppetto.realtime.events import ErrorDetails, OutputText, TextDelta, TextDone
from geppetto.realtime.reply import Reply

if TYPE_CHECKING:
    from geppetto.realtime.events import ResponseStatus


def delta(text: str, item_id: str = "i", content_index: int = 0) -> TextDelta:
    """Return a piece."""
    return TextDelta(response_id="r", item_id=item_id, content_index=content_index, delta=text)


def final(text: str, item_id: str = "i") -> TextDone:
    """Return the whole text of a part."""
    return TextDone(response_id="r", item_id=item_id, text=text)


def test_a_final_text_adds_what_was_not_streamed() -> None:
    """Where the final text is longer than its pieces, the rest is shown."""
    reply = Reply()
    assert reply.add_delta(delta("Hel")) == "Hel"
    assert reply.add_final(final("Hello.")) == "lo."
    assert reply.text == "Hello."


def test_a_final_text_that_differs_is_kept_and_not_shown() -> None:
    """A stream cannot be unsaid, but the record has the server's last word."""
    reply = Reply()
    reply.add_delta(delta("Helo"))
    assert reply.add_final(final("Hello.")) == ""
    assert reply.text == "Hello."


def test_nothing_follows_a_final_text() -> None:
    """Late pieces and a second final text of a part are not shown and not kept."""
    reply = Reply()
    assert reply.add_final(final("Hello.")) == "Hello."
    assert reply.add_delta(delta("!")) == ""
    assert reply.add_final(final("Bye.")) == ""
    assert reply.text == "Hello."


def test_an_empty_final_text_takes_nothing_away() -> None:
    """Servers that leave the final text out don't delete what they streamed."""
    reply = Reply()
    reply.add_delta(delta("Hello."))
    assert reply.add_final(final("")) == ""
    assert reply.text == "Hello."


def test_parts_are_lines_in_the_order_of_their_first_words() -> None:
    """A part that begins with nothing does not come before one that has words; neither makes an empty line."""
    reply = Reply()
    assert reply.add_delta(delta("", "i1")) == ""
    assert reply.add_delta(delta("b", "i2")) == "b"
    assert reply.add_delta(delta("a", "i1")) == "\na"
    assert reply.add_delta(delta("c", "i1", content_index=1)) == "\nc"
    assert reply.text == "b\na\nc"


def test_the_output_at_the_end_counts_only_where_nothing_was_streamed() -> None:
    """`response.done` repeats what was said; it is not said twice."""
    output = [OutputText(item_id="i1", text="One."), OutputText(item_id="i2", text="Two.")]
    assert Reply().add_output(output) == "One.\nTwo."
    reply = Reply()
    reply.add_delta(delta("One.", "i1"))
    assert reply.add_output(output) == ""
    assert reply.text == "One."


@pytest.mark.parametrize(
    ("status", "reason", "error", "why"),
    [
        ("completed", "", None, ""),
        ("cancelled", "turn_detected", None, "cancelled: turn_detected"),
        ("incomplete", "", None, "incomplete"),
        ("failed", "ignored", ErrorDetails(code="x", message="Sorry."), "failed: Sorry (x)"),
        (None, "", None, "the session ended before the answer did"),
    ],
)
def test_a_partial_reply_says_why(
    status: ResponseStatus | None, reason: str, error: ErrorDetails | None, why: str
) -> None:
    """Only `completed` is complete; the error is a better reason than the reason."""
    reply = Reply(status=status, reason=reason, error=error)
    assert reply.why_partial == why
    assert reply.complete == (why == "")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ErrorDetails(), "no reason given"),
        (ErrorDetails(type="t"), "t"),
        (ErrorDetails(type="t", code="c"), "c"),
        (ErrorDetails(message="Sorry."), "Sorry"),
        (ErrorDetails(message="Sorry.", type="t"), "Sorry (t)"),
    ],
)
def test_an_error_says_what_there_is(error: ErrorDetails, text: str) -> None:
    """Message and name, whichever of them the server gave."""
    assert str(error) == text


def test_a_long_answer_is_compared_without_a_copy_of_it() -> None:
    """Its final text is looked at piece by piece, however many there were, and shown where it is longer."""
    words = "a word and a number "
    pieces = [f"{words}{number} " for number in range(40_000)]
    streamed = "".join(pieces)
    for text, shown in ((streamed, ""), (streamed + "end", "end"), (streamed[:-9] + "x", ""), ("another", "")):
        reply = Reply()
        for piece in pieces:
            reply.add_delta(delta(piece))
        assert reply.text == streamed
        event = final(text)
        tracemalloc.start()
        try:
            assert reply.add_final(event) == shown
            assert tracemalloc.get_traced_memory()[1] < len(streamed) / 4
        finally:
            tracemalloc.stop()
        assert reply.text == text
