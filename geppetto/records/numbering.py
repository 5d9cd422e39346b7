"""Which number a name gets when many want the same one."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FEW: Final = 8
"""So many are looked for one by one, so that a name which became free again is used again."""
_NAMES: Final = 64
_reached: dict[tuple[Path, str], int] = {}
"""With which number a name was taken here last; the names that were wanted last."""


def numbers(directory: Path, name: str) -> Iterator[int]:
    """
    Yield the numbers that may be free for *name* in *directory*, from 1 on.

    Once it is more than a few, those that this process took are skipped: hundreds of sessions that begin in the same
    second would otherwise look at each other's names, all at all of them.
    """
    yield from count(_reached.get((directory, name), 0) + 1)


def took(directory: Path, name: str, number: int) -> None:
    """Remember that *name* is taken up to *number*."""
    if number > _FEW:
        _reached.pop((directory, name), None)
        _reached[directory, name] = number
        while len(_reached) > _NAMES:
            _reached.pop(next(iter(_reached)), None)
