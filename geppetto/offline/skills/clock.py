"""The time and the date, as a person says them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from geppetto.offline.skills.numbers import in_words

if TYPE_CHECKING:
    from datetime import date, datetime

    from geppetto.offline.skills.request import Request

# The machine's locale does not decide how Geppetto speaks: the voice is English, strftime may not be.
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

_TIME: Final = re.compile(
    r"^(?:(?:tell me|do you (?:know|have)) )?(?:what(?:'s| is)? )?(?:is )?(?:the )?(?:current )?time"
    r"(?: is it| it is)?(?: (?:right )?now| here)?(?P<elsewhere> in .{2,40})?$"
)
_DAY: Final = re.compile(
    r"^(?:tell me )?(?:(?:what|which)(?:'s| is| was)? )?(?:the )?(?:current )?"
    r"(?:(?P<when>today|tomorrow|yesterday)(?:'s)?)?(?: ?(?P<what>day|date|year|month))?(?: of the week)?"
    r"(?: (?:is|was|will be))?(?: it)?(?: (?:is|was))?(?: (?P<then>today|tomorrow|yesterday|now))?$"
)


def answer(request: Request) -> str | None:
    """Answer what time, day, date, month or year it is."""
    if match := _TIME.search(request.plain):
        if match["elsewhere"]:
            return f"I only know the clock of this machine. Here {_lower(spoken_time(request.now))}"
        return spoken_time(request.now)
    match = _DAY.search(request.plain)
    if match and (match["what"] or match["when"] or match["then"]):
        return _spoken_day(match["what"] or "date", match["when"] or match["then"] or "today", request.now)
    return None


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def spoken_time(now: datetime) -> str:
    """Return the time as a sentence: "It is a quarter past ten in the morning."."""
    hour, minute = now.hour, now.minute
    if minute == 0 and hour in (0, 12):
        return "It is midnight." if hour == 0 else "It is noon."
    next_hour = hour + 1 if minute > 30 else hour
    name = in_words(next_hour % 12 or 12)
    match minute:
        case 0:
            clock = f"{name} o'clock"
        case 15:
            clock = f"a quarter past {name}"
        case 30:
            clock = f"half past {name}"
        case 45:
            clock = f"a quarter to {name}"
        case _ if minute < 30:
            clock = f"{_minutes(minute)} past {name}"
        case _:
            clock = f"{_minutes(60 - minute)} to {name}"
    return f"It is {clock} {_part_of_day(hour)}."


def _minutes(count: int) -> str:
    if count % 5 == 0:
        return in_words(count)
    return f"{in_words(count)} minute{'s' if count > 1 else ''}"


def _part_of_day(hour: int) -> str:
    if hour < 5 or hour >= 22:
        return "at night"
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"


def _spoken_day(what: str, when: str, now: datetime) -> str:
    when = "today" if when == "now" else when
    try:
        day = now.date() + timedelta(days={"yesterday": -1, "today": 0, "tomorrow": 1}[when])
    except OverflowError:  # the last day that a calendar has
        return "I do not know a day so far away."
    subject = "It" if when == "today" else when.capitalize()
    verb = "was" if when == "yesterday" else "is"
    values = {"day": _DAYS[day.weekday()], "month": _MONTHS[day.month - 1], "year": str(day.year)}
    return f"{subject} {verb} {values.get(what) or spoken_date(day)}."


def spoken_date(day: date) -> str:
    """Return "Saturday, 21 November 2026"."""
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"
