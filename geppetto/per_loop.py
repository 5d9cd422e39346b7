"""What there is one of for each event loop: all sessions of a process share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio

T = TypeVar("T")


def of_this_loop(var: trio.lowlevel.RunVar[T], make: Callable[[], T]) -> T:
    """Return what *var* holds, which is made where it is wanted first."""
    try:
        return var.get()
    except LookupError:
        made = make()
        var.set(made)
        return made
