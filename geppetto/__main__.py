"""`python -m geppetto` and the `geppetto` command: as little as possible before the version can be printed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; imports late, so that `--version` is instant and an early Ctrl+C is still 130."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from geppetto import __version__

        sys.stdout.write(f"geppetto {__version__}\n")
        return
    try:
        from geppetto.cli.main import run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
