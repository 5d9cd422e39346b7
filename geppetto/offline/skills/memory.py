"""What was said in this conversation. Nothing outlives it, and nothing is stored: the history is searched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from geppetto.offline.skills.request import clean, without_courtesy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.offline.skills.request import Request

HISTORY_LIMIT: Final = 200  # exchanges looked at, newest first: bounds the time of an answer
QUOTE_LIMIT_CHARS: Final = 200
NOTES_LIMIT: Final = 3

_REMEMBER: Final = re.compile(r"^remember(?: that| this)?[:,]? +(?P<note>.+)$", re.IGNORECASE)
_NAME: Final = re.compile(r"^(?:my name(?: is|'s)|call me|i am called) +(?P<name>\S.{0,60})$", re.IGNORECASE)
_FACT: Final = re.compile(
    r"^my (?P<thing>[^\W\d_][\w' -]{0,40}?) (?:is|are|was) +(?P<value>\S.{0,200})$", re.IGNORECASE
)

_MY_NAME: Final = re.compile(r"^(?:what(?:'s| is) my name|who am i|do you (?:know|remember) my name)$")
_MY_THING: Final = re.compile(
    r"^(?:what|who|where|when)(?:'s| is| are| was) my (?P<thing>[^\W\d_][\w' -]{0,40})$|"
    r"^do you (?:know|remember) (?:what )?my (?P<other>[^\W\d_][\w' -]{0,40}?)(?: is| are| was)?$"
)
_NOTES: Final = re.compile(
    r"^what (?:did i (?:tell|ask) you to remember|(?:do|did|can) you remember|should you remember)$"
)
_LAST_QUESTION: Final = re.compile(
    r"^what did i (?:just |last )?(?:say|ask|tell)(?: you)?(?: just now| last| before)?$"
)
_FIRST_QUESTION: Final = re.compile(r"^what (?:did i (?:say|ask)(?: you)? first|was (?:the|my) first question)$")
_LAST_ANSWER: Final = re.compile(
    r"^(?:what did you (?:just |last )?(?:say|answer)(?: just now| last| before)?"
    r"|(?:repeat|say)(?: that| it)?(?: once)?(?: again| more)|repeat(?: that| it| yourself)?"
    r"|pardon(?: me)?|again)$"
)
_HOW_MANY: Final = re.compile(r"^how many (?:questions|things) (?:have|did) i ask(?:ed)?(?: you)?(?: so far)?$")


def answer(request: Request) -> str | None:
    """Answer what was said before, or take note of something."""
    return _recalled(request) or _noted(request)


def _noted(request: Request) -> str | None:
    match = _REMEMBER.search(request.said)
    told = match["note"] if match else request.said
    if name := _NAME.search(told):
        return f"Hello {_quote(name['name'])}. I keep that for this conversation."
    return "I keep that for this conversation." if match or _FACT.search(told) else None


def _recalled(request: Request) -> str | None:
    plain = request.plain
    if _MY_NAME.search(plain):
        return _my_name(request)
    if _NOTES.search(plain):
        return _notes(request)
    if _LAST_QUESTION.search(plain):
        last = request.history[-1].question if request.history else ""
        return _quoted("You said", clean(last), "You have said nothing before that.")
    if _FIRST_QUESTION.search(plain):
        first = request.history[0].question if request.history else ""
        return _quoted("First you said", clean(first), "This is the first thing you say to me.")
    if _LAST_ANSWER.search(plain):
        return clean(request.history[-1].answer if request.history else "") or "I have said nothing yet."
    if _HOW_MANY.search(plain):
        count = len(request.history) + 1
        return f"{count}, with this one." if count > 1 else "This is the first."
    if match := _MY_THING.search(plain):
        return _my_thing(request, match["thing"] or match["other"])
    return None


def _told(request: Request) -> Iterator[tuple[str, bool]]:
    """Yield what the user said, newest first, and whether "remember" stood before it."""
    for exchange in reversed(request.history[-HISTORY_LIMIT:]):
        said = without_courtesy(clean(exchange.question))
        match = _REMEMBER.search(said)
        yield (match["note"], True) if match else (said, False)


def _my_name(request: Request) -> str:
    for told, _ in _told(request):
        if match := _NAME.search(told):
            return f"Your name is {_quote(match['name'])}."
    return "You have not told me your name in this conversation."


def _my_thing(request: Request, thing: str) -> str:
    for told, _ in _told(request):
        match = _FACT.search(told)
        if match and match["thing"].lower() == thing:
            verb = "are" if f"{match['thing'].lower()} are " in told.lower() else "is"
            return f"Your {thing} {verb} {_quote(match['value'])}."
    return f"You have not told me about your {thing} in this conversation."


def _notes(request: Request) -> str:
    notes = [_quote(told) for told, is_note in _told(request) if is_note][:NOTES_LIMIT][::-1]
    if not notes:
        return "You have not told me to remember anything in this conversation."
    return f"You told me to remember: {_ended('; and '.join(notes))}"


def _quoted(lead: str, text: str, nothing: str) -> str:
    return f"{lead}: {_ended(_quote(text))}" if text else nothing


def _ended(text: str) -> str:
    return text if text.endswith(("?", "!", "…")) else text + "."


def _quote(text: str) -> str:
    text = text.rstrip(" .!") or text
    return text if len(text) <= QUOTE_LIMIT_CHARS else text[:QUOTE_LIMIT_CHARS].rstrip() + " …"
