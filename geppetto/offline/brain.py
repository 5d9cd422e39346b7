"""
The brain of the embedded server: a row of small skills, and an honest sentence for all the rest.

Pure: the time and the random numbers are injected, no skill does I/O, and every answer is bounded in length
and time, whatever the question.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import TYPE_CHECKING, Final

from geppetto.offline.skills import arithmetic, chance, clock, memory, smalltalk, units, words
from geppetto.offline.skills.request import Exchange, Request, clean, without_courtesy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geppetto.offline.skills.request import Skill

__all__ = ["ANSWER_LIMIT_CHARS", "Brain", "Exchange"]

ANSWER_LIMIT_CHARS: Final = 1_000

# The first that answers wins. Memory comes first, because "repeat that" and "say it again" are about the
# conversation and "repeat after me" is not.
SKILLS: Final[tuple[Skill, ...]] = (
    memory.answer,
    chance.answer,
    words.answer,
    clock.answer,
    units.answer,
    arithmetic.answer,
    smalltalk.answer,
)


class Brain:
    """
    Answers questions with a few tricks; it does not understand language, and says so.

    Args:
        now: The clock to read, called once per answer.
        rng: Where coins, dice and jokes come from.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = datetime.now,
        rng: random.Random | None = None,
    ) -> None:
        self._now = now
        self._rng = rng if rng is not None else random.SystemRandom()

    def answer(self, question: str, history: Sequence[Exchange], instructions: str = "") -> str:
        """
        Answer *question* in one or more whole sentences, at most `ANSWER_LIMIT_CHARS` characters.

        Args:
            question: Any text. Control characters are ignored, and what follows the first 2,000 characters.
            history: What was said before in this conversation, oldest first, without *question*.
            instructions: What the client told the session; quoted on request, never followed.
        """
        heard = clean(question)
        request = Request(
            heard=heard,
            said=without_courtesy(heard) if any(c.isalnum() for c in heard) else "",
            history=history,
            instructions=clean(instructions),
            now=self._now(),
            rng=self._rng,
        )
        answers = (skill(request) for skill in SKILLS)
        answer = next((text for text in answers if text), None) or smalltalk.unknown(request)
        return answer if len(answer) <= ANSWER_LIMIT_CHARS else answer[: ANSWER_LIMIT_CHARS - 2] + " …"
