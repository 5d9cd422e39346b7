"""Things that come in any order, handed on in theirs."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class InOrder(Generic[T]):
    """
    Holds each thing until all before it have come. The first one is number 1, and every number comes once.

    Whoever puts things in bounds how far they can be apart, and with that the memory.
    """

    def __init__(self) -> None:
        """Wait for number 1."""
        self._next = 1
        self._held: dict[int, T] = {}

    @property
    def waiting(self) -> int:
        """How many things are held."""
        return len(self._held)

    def put(self, index: int, thing: T) -> list[T]:
        """Take number *index*, and return what is due now, in order."""
        self._held[index] = thing
        due = []
        while self._next in self._held:
            due.append(self._held.pop(self._next))
            self._next += 1
        return due

    def rest(self) -> list[T]:
        """Return what is still held, in order: those before will not come any more."""
        rest = [self._held[index] for index in sorted(self._held)]
        self._held.clear()
        return rest
