"""Where the results of a run go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geppetto.batch.result import Result


class Sink(Protocol):
    """Takes results; blocks, so it is called in a thread."""

    def emit(self, results: Sequence[Result]) -> None:
        """
        Take *results*, in the order in which they are to be seen.

        Raises:
            GeppettoError: nobody reads them any more, or they cannot be written.
        """

    def tick(self) -> None:
        """Be called now and then, also when nothing happens."""

    def warn(self, sentence: str) -> None:
        """Show a sentence that is no result."""
