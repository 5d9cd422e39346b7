"""How bytes that hold JSON are changed, so that more than the JSON parser is fuzzed. Pure."""

from __future__ import annotations

import ast
import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geppetto

if TYPE_CHECKING:
    from random import Random

_SPOKEN = ("realtime/decoding.py", "realtime/usage.py", "realtime/verdicts.py", "offline/*.py")
_STRANGE: Final[tuple[object, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    1 << 70,
    1e400,
    "",
    "x" * 70,
    "\ud83d",
    "AAAA",
    "A=",
    [],
    {},
    [[]],
    "\x1b[2J",
)


def mutate_json(data: bytes, random: Random) -> bytes | None:
    """
    Return *data* with one change inside of the JSON of one of its lines, or None if the line has none.

    A value becomes another one, also of another type, goes away, or is put in twice; a key becomes another key; a
    line is said again, or moves.
    """
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    if len(lines) > 1 and random.random() < 0.2:
        lines.insert(random.randrange(len(lines)), lines.pop(number) if random.random() < 0.5 else lines[number])
        return b"\n".join(lines)
    try:
        root = [json.loads(lines[number])]
    except (ValueError, RecursionError):
        return None
    holder, key = random.choice(list(_places(root)))
    match random.randrange(5):
        case 0:
            holder[key] = copy.deepcopy(random.choice(_STRANGE))
        case 1:
            holder[key] = random.choice(words())
        case 2:
            other, place = random.choice(list(_places(root)))
            holder[key] = copy.deepcopy(other[place])
        case 3 if isinstance(holder, dict):
            holder[random.choice(words())] = holder.pop(key)
        case _ if holder is not root:
            del holder[key]
    lines[number] = json.dumps(root[0]).encode()
    return b"\n".join(lines)


@cache
def words() -> list[str]:
    """Return the words of the protocol: what stands in quotes in the modules that read it."""
    package = Path(geppetto.__file__).parent
    nodes = (
        node
        for pattern in _SPOKEN
        for path in sorted(package.glob(pattern))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    found = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted(word for word in found if re.fullmatch(r"[\w./-]{2,60}", word))


def _places(holder: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - a list or an object, with whatever in it
    """Return where the values are, at every depth: the list or the object, and the index or the key."""
    places: list[tuple[Any, Any]] = []
    waiting = [holder]
    while waiting:
        one = waiting.pop()
        for key in one if isinstance(one, dict) else range(len(one)):
            places.append((one, key))
            if isinstance(one[key], dict | list):
                waiting.append(one[key])
    return places
