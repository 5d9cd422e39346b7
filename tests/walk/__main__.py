"""
`python -m tests.walk` walks and shows what it found; with `--write-readme` the blocks in README become that.

`--captures DIRECTORY` writes each capture into a text file of its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.walk.readme import README, with_captures
from tests.walk.walking import CannotWalk, walk


def main() -> int:
    """Walk, and do with the captures what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.walk", description="Go the way of a first-time user.")
    parser.add_argument("--write-readme", action="store_true", help="replace the captures in README")
    parser.add_argument("--captures", type=Path, metavar="DIRECTORY", help="write each capture into a file there")
    arguments = parser.parse_args()
    try:
        found = walk()
    except CannotWalk as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if arguments.captures is not None:
        arguments.captures.mkdir(parents=True, exist_ok=True)
        for name, text in found.captures.items():
            (arguments.captures / f"{name}.txt").write_text(f"{text}\n", encoding="utf-8")
    if arguments.write_readme:
        README.write_text(with_captures(README.read_text(encoding="utf-8"), found.captures), encoding="utf-8")
    for name, text in found.captures.items():
        sys.stdout.write(f"--- {name}\n{text}\n\n")
    return 0


sys.exit(main())
