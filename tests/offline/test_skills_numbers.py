"""Sums, number words and units: exact where the numbers are, honest where they are not."""

from __future__ import annotations

import random
from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.offline.brain import Brain
from geppetto.offline.skills.numbers import TooBig, bounded, digits_for_words, in_words, parse, tell

TOO_BIG = "That number is too big for me."
NO_CONVERSION = "I cannot convert them."


def ask(question: str) -> str:
    return Brain(now=lambda: datetime(2026, 1, 1), rng=random.Random(1)).answer(question, [])


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what is 12 times 7", "12 times 7 is 84."),
        ("12*7=", "12 times 7 is 84."),
        ("12 x 7 = ?", "12 times 7 is 84."),
        ("What's 12 times 7 equal to?", "12 times 7 is 84."),
        ("what is 3 plus 4 * (2-1)", "3 plus 4 times (2 minus 1) is 7."),
        ("17 divided by 5", "17 divided by 5 is 3.4."),
        ("10 divided by 3", "10 divided by 3 is about 3.3333."),
        ("1/7000", "1 divided by 7000 is about 0.0001429."),
        ("square root of 144", "The square root of 144 is 12."),
        ("the square root of 2", "The square root of 2 is about 1.4142."),
        ("sqrt(9) + 1", "The square root of (9) plus 1 is 4."),
        ("2 to the power of 10", "2 to the power of 10 is 1024."),
        ("2^-2", "2 to the power of minus 2 is 0.25."),
        ("9 ** 0.5", "9 to the power of 0.5 is 3."),
        ("0 ** 5000", "0 to the power of 5000 is 0."),
        ("5 squared plus 2 cubed", "5 squared plus 2 cubed is 33."),
        ("15% of 80", "15% of 80 is 12."),
        ("what is 15 percent of 80?", "15% of 80 is 12."),
        ("17 mod 5", "17 modulo 5 is 2."),
        ("half of nine", "Half of 9 is 4.5."),
        ("seven plus twenty-one", "7 plus 21 is 28."),
        ("one hundred and five times a thousand", "105 times 1000 is 105,000."),
        ("1,250 plus 3", "1,250 plus 3 is 1253."),
        ("007 plus 1", "007 plus 1 is 8."),
        ("0.1 + 0.2", "0.1 plus 0.2 is 0.3."),
        ("8 minus 11", "8 minus 11 is -3."),
        ("8 minus +11", "8 minus plus 11 is -3."),
        ("1 divided by -8", "1 divided by minus 8 is -0.125."),
        ("subtract 3 from 10", "10 minus 3 is 7."),
        ("the sum of 4 and 5", "4 plus 5 is 9."),
        ("multiply 6 by 7", "6 times 7 is 42."),
        ("2^200", "2 to the power of 200 is about 1.607 times 10 to the power of 60."),
        ("10^20", "10 to the power of 20 is 1 times 10 to the power of 20."),
        ("9**9**9", TOO_BIG),
        ("2^1001", TOO_BIG),
        ("(9^999)^999", TOO_BIG),
        ("1000000.5 ^ 900.5", TOO_BIG),
        ("1" * 31 + " plus 1", TOO_BIG),
        ("1+" * 80 + "1", TOO_BIG),
        ("1/0", "I cannot divide by zero."),
        ("5 mod 0", "I cannot divide by zero."),
        ("0 ^ -1", "I cannot divide by zero."),
        ("sqrt of minus 4", "That has no real answer."),
        ("(-8) ^ 0.5", "That has no real answer."),
    ],
)
def test_sums_are_said_and_solved(question: str, answer: str) -> None:
    """A sum is repeated in words and answered; one without an answer says why."""
    assert ask(question) == answer


@pytest.mark.parametrize("question", ["5", "3 (4)", "1 +", "1 + ()", "* 3", "2 // 1 //", "half", "15% of", "1 ~ 2"])
def test_what_is_no_whole_sum_is_left_alone(question: str) -> None:
    """Half a sum, or a call that Python would read in it, is not answered as one."""
    assert "beyond me" in ask(question)


def test_half_a_question_is_never_answered() -> None:
    """A sum, or a conversion, that is longer than the skill reads is not answered by its first part."""
    assert "beyond me" in ask(" + ".join(["123456789012345"] * 30))
    assert "beyond me" in ask("convert " + "one million " * 20 + "miles to km")


@given(left=st.integers(0, 10**6), right=st.integers(1, 10**6), operator=st.sampled_from("+-*"))
def test_sums_of_whole_numbers_are_exact(left: int, right: int, operator: str) -> None:
    """The last word of the answer is the number that Python finds."""
    expected = {"+": left + right, "-": left - right, "*": left * right}[operator]
    told = ask(f"{left} {operator} {right}").rpartition(" is ")[2].rstrip(".").replace(",", "")
    assert int(told) == expected


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("twenty-one", "21"),
        ("a hundred", "100"),
        ("two thousand and six", "2006"),
        ("three million four hundred thousand and twelve", "3400012"),
        ("one two twenty three", "1 2 23"),
        ("ten, eleven", "10, 11"),
        ("five and six", "5 and 6"),
        ("twenty twenty", "20 20"),
        ("hundred", "hundred"),
        ("a cat and one", "a cat and 1"),
        ("count to ten!", "count to 10!"),
        ("", ""),
    ],
)
def test_number_words_become_digits(words: str, digits: str) -> None:
    """Number words next to each other are one number only when people say them as one."""
    assert digits_for_words(words) == digits


@given(st.integers(0, 99))
def test_words_and_digits_agree(number: int) -> None:
    """Each number below a hundred survives the way to words and back."""
    assert digits_for_words(in_words(number)) == str(number)


@given(st.fractions(min_value=-(10**14), max_value=10**14, max_denominator=10**6))
def test_what_is_told_is_near_the_value(value: Fraction) -> None:
    """A told number is exact, or "about" and right to three digits."""
    told = tell(value)
    number = Fraction(told.removeprefix("about ").replace(",", "").replace(" times 10 to the power of ", "e"))
    if not told.startswith("about "):
        assert number == value
    else:
        assert abs(number - value) <= abs(value) / 1_000


def test_numbers_beyond_the_limits_are_refused() -> None:
    """More digits than the brain reads, or a value larger than it keeps, is TooBig."""
    with pytest.raises(TooBig):
        parse("1" * 31)
    with pytest.raises(TooBig):
        bounded(Fraction(1, 2**5_000))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("convert 10 miles to km", "10 miles is 16.09344 kilometres."),
        ("how many feet in 3 metres", "3 metres is about 9.8425 feet."),
        ("How many feet are there in three meters?", "3 metres is about 9.8425 feet."),
        ("100 F in C", "100 degrees Fahrenheit is about 37.7778 degrees Celsius."),
        ("what is 37 °C in Fahrenheit", "37 degrees Celsius is 98.6 degrees Fahrenheit."),
        ("minus 40 celsius to fahrenheit", "-40 degrees Celsius is -40 degrees Fahrenheit."),
        ("0 kelvin in c", "0 kelvin is -273.15 degrees Celsius."),
        ("-300 c in f", "That is colder than absolute zero, where temperature ends."),
        ("10 in in cm", "10 inches is 25.4 centimetres."),
        ("what is a mile in kilometres", "1 mile is 1.609344 kilometres."),
        ("5 lb in kg", "5 pounds is about 2.268 kilograms."),
        ("how much is 2 litres in ml", "2 litres is 2000 millilitres."),
        ("3 fl oz to ml", "3 US fluid ounces is about 88.7206 millilitres."),
        ("60 mph in km/h", "60 miles per hour is 96.56064 kilometres per hour."),
        ("10 m/s to knots", "10 metres per second is about 19.4384 knots."),
        ("how many seconds in a day?", "1 day is 86,400 seconds."),
        ("1.5 hours in minutes", "1.5 hours is 90 minutes."),
        ("1 TB in GB", "1 terabyte is 1000 gigabytes."),
        ("4 gib in mib", "4 gibibytes is 4096 mebibytes."),
        ("12,500 m is how many km", "12,500 metres is 12.5 kilometres."),
        ("0.25 km in m", "0.25 kilometres is 250 metres."),
        ("5 kg to miles", f"Kilograms measure mass and miles length: {NO_CONVERSION}"),
        (f"{'9' * 31} km to m", TOO_BIG),
    ],
)
def test_units_are_converted(question: str, answer: str) -> None:
    """A conversion names both units in full; between two quantities there is none."""
    assert ask(question) == answer
