"""The brain as a whole: which skill answers what, honesty, and that no text harms it."""

from __future__ import annotations

import random
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.offline.brain import ANSWER_LIMIT_CHARS, Brain, Exchange

NOW = datetime(2026, 11, 21, 10, 15, 2)


def brain(seed: int = 7) -> Brain:
    return Brain(now=lambda: NOW, rng=random.Random(seed))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is 12 times 7?", "12 times 7 is 84."),
        ("What time is it?", "It is a quarter past ten in the morning."),
        ("What day is it?", "It is Saturday."),
        (
            "Hey Geppetto, could you please convert 10 miles to km, thanks?",
            "10 miles is 16.09344 kilometres.",
        ),
        ("Please repeat after me: Wood has a voice!", "Wood has a voice!"),
        ("say that again", "I have said nothing yet."),
        ("spell cat", "C, A, T."),
        ("Count to three, please.", "1, 2, 3."),
        ("Thanks!", "You are welcome."),
        ("Who am I?", "You have not told me your name in this conversation."),
    ],
)
def test_each_question_finds_its_skill(question: str, answer: str) -> None:
    """Courtesies around a question do not hide it from the skill that knows it."""
    assert brain().answer(question, []) == answer


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Write me a poem about time.",
        "what is the time complexity of quicksort",
        "I have 3 apples plus 4",
        "a number of people are here",
        "read the book and tell me what you think",
        "import os",
        "__import__('os').system('true')",
    ],
)
def test_the_rest_gets_an_honest_answer_with_the_next_step(question: str) -> None:
    """What no skill knows is answered with what this server is and how to get a real model."""
    answer = brain().answer(question, [])
    assert "small offline server" in answer
    assert "do not understand language" in answer
    assert "OPENAI_API_KEY" in answer
    assert "without --offline" in answer
    assert "--url" in answer


@pytest.mark.parametrize("question", ["", "   ", "🙂", "?!", "\x00\x1b"])
def test_no_words_get_a_hint(question: str) -> None:
    """A question without a letter or a digit is told what to ask."""
    assert brain().answer(question, []) == "I got no words. Ask me the time, or what 12 times 7 is."


def test_the_same_seed_gives_the_same_chance() -> None:
    """Two brains with one seed toss the same coins."""
    first, second = brain(), brain()
    tosses = [first.answer("flip a coin", []) for _ in range(20)]
    assert tosses == [second.answer("flip a coin", []) for _ in range(20)]
    assert set(tosses) == {"Heads.", "Tails."}


def test_a_brain_of_its_own_knows_the_time_of_the_machine() -> None:
    """Without an injected clock the brain reads the one of the machine."""
    before = datetime.now().year
    answer = Brain().answer("what year is it", [])
    assert answer in {f"It is {before}.", f"It is {datetime.now().year}."}


def test_control_characters_do_not_come_back() -> None:
    """What is repeated cannot steer a terminal or break the encoding."""
    answer = brain().answer("repeat after me: red \x1b[31m \u202eevil \ud800 end", [])
    assert answer.isprintable()
    assert answer.encode() == b"Red [31m evil end."


@pytest.mark.parametrize(
    "question",
    [
        "9**9**9",
        "(99999^240)^1000",
        "2 ** 99999999",
        "9" * 2_000,
        f"{'9' * 500} times {'9' * 500}",
        "what is " + "(" * 1_000,
        "what is " + "-" * 1_000 + "1",
        "what is " + "~" * 1_000 + "1",
        "what is " + "9**" * 60 + "9",
        "what is " + "99999*" * 39 + "1",
        "one " * 1_000,
        "a hundred " * 400,
        "hundred thousand million " * 80,
        "count to " + "9" * 1_000,
        "roll 9999 d9999",
        "please " * 400,
        " , " * 700 + "x",
        "." * 2_000 + "x",
        "thanks" + " " * 1_900 + "x",
        "repeat " + "after me " * 200,
        "my " + "a-" * 900 + " is",
        "spell " + "é" * 1_900,
        "ß" * 1_900,
        "convert " + "1," * 900 + " km to m",
    ],
)
def test_hostile_questions_are_answered_at_once(question: str) -> None:
    """Huge numbers, deep nesting and endless words get a sentence within a tenth of a second."""
    started = time.perf_counter()
    answer = brain().answer(question, [])
    assert time.perf_counter() - started < 0.1
    assert 0 < len(answer) <= ANSWER_LIMIT_CHARS


VOCABULARY = st.sampled_from(
    [
        *("what", "is", "the", "time", "my", "name", "remember", "that", "say", "repeat", "spell", "count", "to"),
        *("from", "down", "roll", "dice", "number", "between", "and", "random", "convert", "how", "many", "feet"),
        *("km", "f", "c", "b", "in", "3", "17", "-4", "0", "1e9", "99999999999999999999", "0.5", "1,000", "(", ")"),
        *("**", "^", "%", "of", "square", "root", "squared", "plus", "minus", "times", "divided", "by", "half"),
        *("two", "hundred", "twenty-one", "thousand", "a", "an", "please", "hello", "did", "i", "you", "just"),
        *(":", ".", "?", "²", "½", "٣", "🙂", "İ", "ß", "\n", "\x1b"),
    ]
)
QUESTION = st.text(max_size=200) | st.lists(VOCABULARY, max_size=25).map(" ".join)


@settings(max_examples=400, deadline=1_000)
@given(question=QUESTION, before=st.lists(QUESTION, max_size=3), instructions=st.text(max_size=50))
def test_any_text_gets_a_bounded_answer(question: str, before: list[str], instructions: str) -> None:
    """Whatever is asked, after whatever was said, the answer is a text that can be sent and shown."""
    history = [Exchange(question=text, answer=text) for text in before]
    answer = brain().answer(question, history, instructions)
    assert 0 < len(answer) <= ANSWER_LIMIT_CHARS
    assert answer == answer.strip()
    assert answer.encode().decode() == answer
    assert "\x1b" not in answer
