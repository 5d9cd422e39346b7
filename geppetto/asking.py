"""What the callers of a chat do: ask, take back, cancel, change the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from geppetto.changes import Changes
from geppetto.errors import ConfigError, Withdrawn
from geppetto.realtime.reply import IN_CONVERSATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from geppetto.errors import GeppettoError
    from geppetto.outgoing import Outgoing
    from geppetto.question import Question, Questions
    from geppetto.realtime.client_events import SessionSettings
    from geppetto.realtime.conversation import Conversation
    from geppetto.realtime.dialects import Dialect
    from geppetto.realtime.happenings import Happening
    from geppetto.realtime.reply import Asking, Turn


@attrs.define(eq=False)
class Asker:
    """Acts on the conversation for callers, in whichever task; never waits, except where a caller wants to."""

    _conversation: Conversation
    _questions: Questions
    _outgoing: Outgoing
    _dialect: Dialect
    _note: Callable[[Iterable[Happening]], None]
    """Takes what happened."""
    _post: Callable[[], None]
    """Sends what is to be said."""
    changes: Changes = attrs.field(factory=Changes)

    def ask(self, text: str, asking: Asking = IN_CONVERSATION) -> Question:
        """
        Queue a question.

        Raises:
            GeppettoError: the session is over.
            ConfigError: it shows pictures, and the dialect has none; or it is out of band, which that does not know.
        """
        self._questions.check_open()
        if asking.images and not self._dialect.images:
            raise ConfigError(f"The {self._dialect.name} dialect takes no pictures. Ask without one.")
        if asking.independent and not self._dialect.out_of_band:
            raise ConfigError("This server puts every answer into the conversation. Ask in a session of its own.")
        turn, happenings = self._conversation.ask(text, asking)
        question = self._questions.add(turn)
        self._note(happenings)
        self._post()
        return question

    def withdraw(self, question: Question) -> None:
        """Take a question back: nobody waits for its answer any more. What has come of it is still saved."""
        if self._take_back(question.turn):
            self._questions.forget(question.turn)
        self._post()

    def cancel(self, *, truncate: bool) -> bool:
        """Cancel the answer that is under way; return whether there was one. See `Chat.cancel`."""
        question = self._questions.running
        if question is None:
            return False
        question.turn.truncate = truncate and self._dialect.truncates
        if self._take_back(question.turn):
            self._questions.forget(question.turn)
            question.error = Withdrawn("The question was taken back before its answer began.")
            question.change()
        self._post()
        return True

    def can_change(self, settings: SessionSettings) -> bool:
        """Whether the present session can be told *settings*. See `Chat.can_change`."""
        now = self._conversation.settings
        locked = self._conversation.spoke and settings.voice != now.voice
        return not locked and self._dialect.can_change(now, settings)

    async def change(self, settings: SessionSettings) -> None:
        """Ask for *settings* and wait for what the server says. See `Chat.change`."""
        self._questions.check_open()
        change = self._conversation.change(settings)
        if change is not None:
            waiting = self.changes.add(change)
            self._post()
            await waiting.verdict()

    def fail_all(self, error: GeppettoError) -> None:
        """Tell everyone who waits that the session is over."""
        self._questions.fail_all(error)
        self.changes.fail_all(error)

    def _take_back(self, turn: Turn) -> bool:
        """Return whether *turn* is over with that, because nothing of it runs at the server."""
        if self._outgoing.take_back(turn):
            self._note(self._conversation.take_back(turn))
            return True
        return self._conversation.withdraw(turn)
