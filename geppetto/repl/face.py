"""What the conversation needs of the one who reads what is typed and shows what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from geppetto.answer import Answer
    from geppetto.notices import ToDisplay
    from geppetto.repl.status_line import Status
    from geppetto.repl.typed import Typed


class Face(Protocol):
    """
    One side of the conversation that a person sees: the prompt, or plain lines.

    Faces are thin: what a question, a command or Ctrl+C means is decided in `Talk` and `Commands`. Methods belong to
    the event loop's thread and never wait for the terminal, except where it says so.
    """

    @property
    def keys(self) -> Sequence[tuple[str, str]]:
        """The keys that mean something here, for the help."""

    @property
    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What it needs the event loop for. Each is cancelled when the talk is over."""

    def start(self, emit: Callable[[Typed], None]) -> None:
        """Begin; *emit* gets what is typed, in whichever thread."""

    # --- what is shown

    def show(self, things: Sequence[ToDisplay]) -> None:
        """
        Show *things* in order; blocks until they stand there, so it is called in a thread.

        Raises:
            GeppettoError: the terminal cannot be written.
        """

    def answered(self, answer: Answer) -> None:
        """Take note that *answer* is the last word on its question; in whichever thread."""

    def asked(self, index: int, question: str, *, typed: bool) -> None:
        """Question *index* was asked; *typed* if it is what the person typed last."""

    def withdrawn(self, index: int) -> None:
        """Question *index* was taken back before its answer began."""

    def restarted(self) -> None:
        """A new session begins, and counts its questions anew."""

    def say(self, text: str) -> None:
        """Show lines; in whichever thread."""

    def notice(self, text: str) -> None:
        """Show a remark."""

    def set_status(self, status: Status) -> None:
        """Show how it stands, where there is a place for it."""

    # --- what is typed

    def heard(self, typed: Typed, *, more: bool) -> None:
        """*typed* is dealt with; *more* if what is typed next belongs to a question that was begun."""

    def keep(self, question: str) -> None:
        """Remember *question*, which was typed, for whoever looks for it later."""

    async def edit(self) -> str:
        """
        Open the editor of the person, and return what is to be asked; nothing when that is sent from the prompt.

        Cancellation: the editor is ended by `close`.
        """

    # --- the end

    def close(self) -> None:
        """Leave the terminal as it was found, soon; does not wait. Any number of times."""

    def end(self, patience_s: float) -> None:
        """
        Show what is left and give the terminal back; blocks, so it is called in a thread.

        Args:
            patience_s: how long a terminal that hangs is waited for.
        """

    def restore(self) -> None:
        """Give the terminal the attributes that it had; takes no time, even if the terminal hangs."""
