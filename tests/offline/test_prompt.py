"""How the context of a response becomes a question, a history and a count of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geppetto.offline.items import checked_item, listened_item
from geppetto.offline.prompt import CANNOT_LISTEN, CANNOT_LOOK, read_prompt

if TYPE_CHECKING:
    from geppetto.offline.items import Item


def message(role: str, *parts: dict[str, Any]) -> Item:
    return checked_item({"type": "message", "role": role, "content": list(parts)}, "item", "item_1")


def user(text: str) -> Item:
    return message("user", {"type": "input_text", "text": text})


def assistant(text: str) -> Item:
    return message("assistant", {"type": "output_text", "text": text})


def test_question_is_what_the_user_said_last() -> None:
    """Earlier questions go into the history, with their answers if they had any."""
    prompt = read_prompt([user("a"), assistant("b"), assistant("c"), user("d"), user("e")], "Rules.")
    assert prompt.question == "e"
    assert prompt.history == (("a", "b c"), ("d", ""))
    assert prompt.reply is None


def test_nothing_asked() -> None:
    """An empty context, or one that ends in an answer, asks nothing; a greeting is not an answer."""
    assert read_prompt([], "").question == ""
    prompt = read_prompt([assistant("Hello."), user("a"), assistant("b")], "")
    assert (prompt.question, prompt.history) == ("", (("a", "b"),))


def test_parts_of_one_message_are_read_together() -> None:
    """Several texts, and the transcript of audio that brings one, are one question."""
    parts = [
        {"type": "input_text", "text": "One"},
        {"type": "input_audio", "audio": "AAAA", "transcript": "two"},
    ]
    assert read_prompt([message("user", *parts)], "").question == "One\ntwo"


def test_audio_and_pictures_without_words_are_owned_up_to() -> None:
    """What the server cannot hear or see gets a reply that says so."""
    audio = listened_item("item_1", bytes(48_000))
    assert read_prompt([audio], "").reply == CANNOT_LISTEN.format(seconds=1.0)
    picture = message("user", {"type": "input_image", "image_url": "data:image/png;base64,AAAA"})
    assert read_prompt([picture], "").reply == CANNOT_LOOK
    assert read_prompt([audio, user("And now?")], "").reply is None


def test_tokens_are_estimated() -> None:
    """Four characters a token, ten tokens a second of the user's audio, rounded up and down."""
    prompt = read_prompt([user("x" * 9), listened_item("item_2", bytes(2 * 48_000))], "y" * 8)
    assert (prompt.text_tokens, prompt.audio_tokens) == (2 + 3, 20)


def test_half_a_surrogate_pair_is_replaced() -> None:
    """Text that is not Unicode does not reach the brain."""
    assert read_prompt([user("a\ud800b")], "").question == "a?b"
