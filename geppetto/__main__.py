"""`python -m geppetto` and the `geppetto` command: as little as possible before the version can be printed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; imports late, so that `--version` is instant."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from geppetto import __version__

        sys.stdout.write(f"geppetto {__version__}\n")
        return
    try:
        _die_of_ctrl_c()
    except KeyboardInterrupt:
        sys.exit(130)
    import gc

    gc.disable()  # imports make hardly any garbage, and looking for it takes a tenth of the start; see `run`
    from geppetto.cli.main import run

    run()


def _die_of_ctrl_c() -> None:
    """
    Let SIGINT kill without a word, as SIGTERM does, until a session handles both, and again after it.

    A `KeyboardInterrupt` in the middle of an import, or while Python shuts down, comes out as a traceback.
    """
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
