"""Small talk, and what the offline server says about itself. It never claims to be more than it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from geppetto.offline.skills.request import Request

WHO: Final = "I am Geppetto's small offline server. I know a few tricks and do not understand language."
REAL_MODEL: Final = (
    "For a real model, set OPENAI_API_KEY and run geppetto without --offline, or name a compatible server with --url."
)
ABILITIES: Final = (
    "I tell the time and the date, work out sums, convert units, count, spell, repeat what you say, "
    "toss coins, roll dice, and remember what you tell me in this conversation."
)
NOTHING_HEARD: Final = "I got no words. Ask me the time, or what 12 times 7 is."

_JOKES: Final = (
    "My nose has not grown once: I only say what I know, and I know very little.",
    "I would tell you a joke about sound files, but the headers are always longer than the punch line.",
    "How many offline servers does it take to change a light bulb? None. We do not go online for a bulb.",
)

_INSTRUCTIONS_LIMIT_CHARS: Final = 300
_INSTRUCTIONS: Final = re.compile(
    r"^what (?:are|were) (?:your|the) instructions$|^what (?:were|have) you (?:been )?told to (?:do|be)$"
)
_PHRASES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(f"^(?:{pattern})$"), said)
    for pattern, said in (
        (
            "(?:who|what) (?:are|r) you|what(?:'s| is) your name|who is this"
            "|are you (?:an? )?(?:real|human|person|robot|bot|ai|model|llm|language model"
            "|machine|program|openai|chatgpt|gpt)(?: (?:person|model))?"
            "|introduce yourself|which model are you",
            f"{WHO} {REAL_MODEL}",
        ),
        (
            "help(?: me)?|what (?:can|do) you (?:do|know)|what are you able to do|what can i ask(?: you)?"
            "|what (?:are your tricks|tricks do you know|do you understand)",
            ABILITIES,
        ),
        (
            "how (?:are|r) you(?: (?:today|doing|doing today))?|how do you do|how's it going",
            "I run well, thank you.",
        ),
        ("(?:many )?thanks?(?: you)?(?: (?:very|so) much| a lot)?(?: .{0,12})?|cheers", "You are welcome."),
        (
            "(?:good ?)?bye(?: ?bye)?(?: .{0,12})?|good ?night|see you(?: .{0,12})?|farewell|ciao|quit|exit",
            "Goodbye.",
        ),
        ("ok(?:ay)?|all right|alright|good|great|nice|cool|yes|no|right|fine|well done", "All right."),
        ("(?:i am |i'm )?sorry", "No harm done."),
        (
            "test(?:ing)?(?: test(?:ing)?)*|is this (?:thing )?on|can you hear me|are you (?:there|ready)",
            "I am here.",
        ),
    )
)
_GREETING: Final = re.compile(
    r"^(?:hello|hi|hey|hiya|howdy|greetings|good (?P<part>morning|afternoon|evening|day))\b"
)
_JOKE: Final = re.compile(r"\bjoke\b|^make me laugh$")
_GREETING_LIMIT_WORDS: Final = 4


def answer(request: Request) -> str | None:
    """Answer a greeting, a courtesy, or a question about Geppetto itself."""
    # "hello" and "thanks" alone are courtesies that `said` may have lost: look at both.
    heard = request.heard.lower().strip(" .,!?…")
    for text in (request.plain, heard):
        for pattern, said in _PHRASES:
            if pattern.search(text):
                return said
    if _JOKE.search(request.plain[:100]):
        return request.rng.choice(_JOKES)
    if _INSTRUCTIONS.search(request.plain):
        return _told(request.instructions)
    greeting = _GREETING.search(heard)
    if greeting and len(heard.split()) <= _GREETING_LIMIT_WORDS:
        hello = f"Good {greeting['part']}" if greeting["part"] else "Hello"
        return f"{hello}. {WHO} Ask me what I can do."
    return None


def _told(instructions: str) -> str:
    text = " ".join(instructions[: 2 * _INSTRUCTIONS_LIMIT_CHARS].split())[:_INSTRUCTIONS_LIMIT_CHARS].rstrip(" .")
    if not text:
        return "I was given no instructions."
    return f"I was told: {text}. I can quote that, but I cannot follow it."


def unknown(request: Request) -> str:
    """Say honestly that the question is beyond the offline server, and what to do."""
    return f"That is beyond me. {WHO} {REAL_MODEL}" if request.said else NOTHING_HEARD
