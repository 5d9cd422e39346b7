"""The clock, words, chance, memory and small talk."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.offline.brain import Brain, Exchange
from geppetto.offline.skills.clock import spoken_date, spoken_time
from geppetto.offline.skills.memory import HISTORY_LIMIT

SATURDAY = datetime(2026, 11, 21, 10, 15)


def ask(question: str, *said: str, now: datetime = SATURDAY, instructions: str = "", seed: int = 1) -> str:
    """Return the answer to *question* after the user has *said* other things."""
    brain = Brain(now=lambda: now, rng=random.Random(seed))
    history: list[Exchange] = []
    for text in said:
        history.append(Exchange(question=text, answer=brain.answer(text, history)))
    return brain.answer(question, history, instructions)


@pytest.mark.parametrize(
    ("hour", "minute", "spoken"),
    [
        (0, 0, "It is midnight."),
        (12, 0, "It is noon."),
        (0, 10, "It is ten past twelve at night."),
        (5, 0, "It is five o'clock in the morning."),
        (10, 15, "It is a quarter past ten in the morning."),
        (10, 30, "It is half past ten in the morning."),
        (11, 45, "It is a quarter to twelve in the morning."),
        (12, 45, "It is a quarter to one in the afternoon."),
        (17, 59, "It is one minute to six in the afternoon."),
        (18, 7, "It is seven minutes past six in the evening."),
        (23, 38, "It is twenty-two minutes to twelve at night."),
    ],
)
def test_the_time_is_said_as_people_say_it(hour: int, minute: int, spoken: str) -> None:
    """Quarters, halves and the nearer hour; the part of the day at the end."""
    assert spoken_time(datetime(2026, 1, 1, hour, minute, 59)) == spoken


@given(st.times())
def test_every_minute_has_words(moment: object) -> None:
    """No minute of the day is without a sentence."""
    assert spoken_time(datetime.fromisoformat(f"2026-01-01T{moment}")).startswith("It is ")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what time is it", "It is a quarter past ten in the morning."),
        ("Tell me the time.", "It is a quarter past ten in the morning."),
        ("do you know what time it is?", "It is a quarter past ten in the morning."),
        (
            "What time is it in Tokyo?",
            "I only know the clock of this machine. Here it is a quarter past ten in the morning.",
        ),
        ("what is the date", "It is Saturday, 21 November 2026."),
        ("what's today's date?", "It is Saturday, 21 November 2026."),
        ("what day is it today", "It is Saturday."),
        ("which day of the week is it?", "It is Saturday."),
        ("what day is tomorrow", "Tomorrow is Sunday."),
        ("what day was yesterday", "Yesterday was Friday."),
        ("what month is it", "It is November."),
        ("what year is it now?", "It is 2026."),
    ],
)
def test_the_clock_and_the_calendar(question: str, answer: str) -> None:
    """Questions for the time and the date are answered from the injected clock."""
    assert ask(question) == answer


def test_the_last_day_of_the_calendar_has_no_tomorrow() -> None:
    """A clock at the end of time gets a sentence, not an error."""
    assert ask("what day is tomorrow", now=datetime.max) == "I do not know a day so far away."


def test_dates_do_not_depend_on_the_locale() -> None:
    """Day and month are English on every machine."""
    days = {spoken_date(date(2026, 1, 1) + timedelta(days=31 * month)).split()[2] for month in range(12)}
    assert {"January", "May", "December"} <= days
    assert len(days) == 12


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("repeat after me: The sea is blue!", "The sea is blue!"),
        ('Please say "good night, moon."', "Good night, moon."),
        ("say say", "Say."),
        ("read aloud: one, two", "One, two."),
        ("repeat after me: İstanbul, ça va?", "İstanbul, ça va?"),
        ("spell cat", "C, A, T."),
        ('How do you spell "straße"?', "S, T, R, A, ß, E."),
        ("spell cat backwards", "cat backwards is tac."),
        ("reverse stressed", "stressed backwards is desserts."),
        ("spell " + "a" * 61, "I spell at most 60 letters at a time."),
        ("reverse " + "a" * 61, "I turn around at most 60 letters at a time."),
        ("how many letters are in banana?", "banana has 6 letters."),
        ("how many letters does the word a have?", "a has 1 letter."),
        ("count to ten", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."),
        ("count from 3 to 8", "3, 4, 5, 6, 7, 8."),
        ("count from -1 to 1", "-1, 0, 1."),
        ("count from 3 to 1", "3, 2, 1."),
        ("count down from five", "5, 4, 3, 2, 1."),
        ("count down to three", "3, 2, 1."),
        ("count from 98", "98, 99, 100, 101, 102, 103, 104, 105, 106, 107."),
        ("count to 101", "I count at most 100 numbers at a time."),
        ("count to " + "9" * 16, "I count at most 100 numbers at a time."),
    ],
)
def test_words_are_repeated_spelled_and_counted(question: str, answer: str) -> None:
    """The words of the user come back as asked, within the limits."""
    assert ask(question) == answer


def test_a_long_text_is_repeated_in_part() -> None:
    """The brain says where it stops repeating."""
    answer = ask("repeat after me: " + "la " * 600)
    assert answer.startswith("la la")
    assert answer.endswith("That is as much as I repeat.")


def test_counting_to_a_hundred_is_allowed() -> None:
    """A hundred numbers are the most, and they are all there."""
    assert ask("count to one hundred").split(", ")[-1] == "100."


@pytest.mark.parametrize("seed", range(8))
def test_chance_stays_within_its_bounds(seed: int) -> None:
    """Dice show their sides, and a random number lies where it was asked for."""
    assert ask("Toss a coin!", seed=seed) in {"Heads.", "Tails."}
    assert ask("roll a die", seed=seed) in {f"It is a {n}." for n in range(1, 7)}
    assert ask("roll a d20", seed=seed).rstrip(".").split()[-1] in {str(n) for n in range(1, 21)}
    assert ask("pick a number between nine and 7", seed=seed) in {"7.", "8.", "9."}
    assert 1 <= int(ask("give me a random number", seed=seed).rstrip(".")) <= 100
    rolls = ask("roll three dice", seed=seed).replace(" and ", ", ").rstrip(".").partition(": together ")
    assert sum(int(roll) for roll in rolls[0].split(", ")) == int(rolls[2])


def test_an_eight_has_its_article() -> None:
    """It is an 8, not a 8."""
    answers = {ask("roll a d8", seed=seed) for seed in range(40)}
    assert "It is an 8." in answers
    assert "It is a 8." not in answers


def test_dice_have_limits() -> None:
    """Too many dice, or a die of one side, are refused in a sentence."""
    assert ask("roll 11 dice") == "I roll at most 10 dice at a time."
    assert ask("roll a d1") == "A die needs two sides or more."


@pytest.mark.parametrize(
    ("said", "question", "answer"),
    [
        (["My name is Ada."], "What is my name?", "Your name is Ada."),
        (["my name is Ada", "call me Countess"], "who am I", "Your name is Countess."),
        (["please remember that my name is Ada"], "do you know my name?", "Your name is Ada."),
        ([], "what is my name", "You have not told me your name in this conversation."),
        (
            ["My favourite colour is green."],
            "what is my favourite colour?",
            "Your favourite colour is green.",
        ),
        (["my shoes are red"], "what are my shoes", "Your shoes are red."),
        ([], "what is my shoe size", "You have not told me about your shoe size in this conversation."),
        (
            ["remember that the key is under the mat", "Remember to buy milk!"],
            "What did I tell you to remember?",
            "You told me to remember: the key is under the mat; and to buy milk.",
        ),
        ([], "what do you remember", "You have not told me to remember anything in this conversation."),
        (["spell cat"], "what did I just say?", "You said: spell cat."),
        (["How are you?"], "what did I ask you?", "You said: How are you?"),
        ([], "what did I just ask?", "You have said nothing before that."),
        (["spell cat", "thanks"], "what was my first question", "First you said: spell cat."),
        ([], "what did i say first", "This is the first thing you say to me."),
        (["spell cat"], "What did you just say?", "C, A, T."),
        (["spell cat"], "Say that again, please.", "C, A, T."),
        ([], "repeat that", "I have said nothing yet."),
        (["a", "b"], "how many questions have I asked?", "3, with this one."),
        ([], "how many questions have I asked?", "This is the first."),
    ],
)
def test_the_conversation_is_remembered(said: list[str], question: str, answer: str) -> None:
    """What was said in this conversation can be asked for, the newest first; nothing else can."""
    assert ask(question, *said) == answer


def test_what_is_told_is_acknowledged() -> None:
    """A name is greeted; a note is kept for this conversation, and no longer is promised."""
    assert ask("my name is Ada") == "Hello Ada. I keep that for this conversation."
    assert ask("my dog is called Rex") == "I keep that for this conversation."
    assert ask("remember: milk") == "I keep that for this conversation."


def test_long_notes_are_quoted_in_part() -> None:
    """Three notes of a thousand characters still make a bounded answer."""
    answer = ask("what did I tell you to remember", *["remember that " + "x" * 1_000] * 4)
    assert answer.count("…") == 3


def test_very_old_words_are_forgotten() -> None:
    """Only the newest exchanges are searched, so that an endless conversation stays quick."""
    old = Exchange(question="my name is Ada", answer="")
    filler = [Exchange(question="hm", answer="")] * HISTORY_LIMIT
    assert Brain().answer("what is my name", [old, *filler]).startswith("You have not told me")


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("Hello!", "Hello. I am Geppetto's small offline server."),
        ("hi there", "Hello. "),
        ("Good morning, Geppetto.", "Good morning. "),
        ("How are you?", "I run well"),
        ("thank you very much", "You are welcome."),
        ("Goodbye!", "Goodbye."),
        ("Who are you?", "I am Geppetto's small offline server. I know a few tricks"),
        ("are you an AI model?", "I am Geppetto's small offline server."),
        ("What can you do?", "I tell the time"),
        ("Can you help me?", "I tell the time"),
        ("OK", "All right."),
        ("sorry", "No harm done."),
        ("test test", "I am here."),
    ],
)
def test_small_talk(question: str, start: str) -> None:
    """Courtesies are returned; who asks what this is hears the truth."""
    assert ask(question).startswith(start)


def test_a_joke_is_told() -> None:
    """There is more than one joke."""
    assert len({ask("tell me a joke", seed=seed) for seed in range(20)}) > 1


def test_instructions_are_quoted_not_followed() -> None:
    """The brain can say what it was told, and that it cannot follow it."""
    assert ask("what are your instructions?", instructions="Be  kind.\n") == (
        "I was told: Be kind. I can quote that, but I cannot follow it."
    )
    assert ask("what are your instructions?") == "I was given no instructions."
    assert len(ask("what are your instructions?", instructions="x" * 5_000)) < 400
